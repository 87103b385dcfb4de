//! Users: identity that outlives the object.

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Postgres, Result};
use crate::api::AccountRef;

/// Who holds a username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: Uuid,
    /// The username as it was first written, which is the name of the user's resources.
    pub username: String,
    /// The account that holds it.
    pub account: AccountRef,
    /// Whether a person registered it with a password.
    pub registered: bool,
    /// Whether the account was deleted with the policy Retain.
    pub retained: bool,
}

/// Whether a username is this account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is.
    Held(Holder),
    /// Another account has it.
    Taken(Holder),
    /// It was registered by a person with a password, and this account was not made for that registration.
    Registered,
}

/// Who wants a username.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The name wanted.
    pub username: &'a str,
    /// The account that wants it.
    pub account: &'a AccountRef,
    /// The user's id, where another record (status, tags) has it: a new row gets it, so that the user's resources are
    /// still its own after a restore.
    pub known: Option<Uuid>,
    /// The id of the registration that made the account, by its annotation.
    pub registration: Option<Uuid>,
}

impl Claimant<'_> {
    /// Whose the username is, given who holds it.
    fn judge(&self, holder: Holder) -> Claim {
        if holder.account != *self.account {
            Claim::Taken(holder)
        } else if holder.registered && self.registration != Some(holder.user) {
            Claim::Registered
        } else {
            Claim::Held(holder)
        }
    }
}

/// The users, as the controller sees them.
pub trait Users: Send + Sync + 'static {
    /// Who holds a username, without regard to case.
    fn holder(&self, username: &str) -> impl Future<Output = Result<Option<Holder>>> + Send;

    /// Makes the username this account's, if it is nobody's.
    fn claim(&self, claimant: Claimant<'_>) -> impl Future<Output = Result<Claim>> + Send;

    /// The user that this account holds.
    fn held_by(
        &self,
        username: &str,
        account: &AccountRef,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Notes that a user stays without its account, or has it again.
    fn set_retained(&self, user: Uuid, retained: bool) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a user and all rows that hang on it.
    fn delete_user(&self, user: Uuid) -> impl Future<Output = Result<()>> + Send;
}

impl Users for Postgres {
    async fn holder(&self, username: &str) -> Result<Option<Holder>> {
        let row = sqlx::query!(
            r#"select id, username, account_namespace, account_name, retained, password_hash is not null as "registered!"
               from users where lower(username) = lower($1)"#,
            username,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Holder {
            user: row.id,
            username: row.username,
            account: AccountRef { namespace: row.account_namespace, name: row.account_name },
            registered: row.registered,
            retained: row.retained,
        }))
    }

    async fn claim(&self, claimant: Claimant<'_>) -> Result<Claim> {
        // An id that another user has already (an account made again under another username) is not used twice.
        sqlx::query!(
            "insert into users (id, username, account_namespace, account_name)
             select coalesce((select $1::uuid where not exists (select from users where id = $1)), gen_random_uuid()),
                    $2, $3, $4
             on conflict (lower(username)) do nothing",
            claimant.known,
            claimant.username,
            claimant.account.namespace,
            claimant.account.name,
        )
        .execute(&self.pool)
        .await?;
        let holder = self.holder(claimant.username).await?.ok_or(sqlx::Error::RowNotFound)?;
        let claim = claimant.judge(holder);
        if let Claim::Held(holder) = &claim
            && holder.retained
        {
            self.set_retained(holder.user, false).await?;
        }
        Ok(claim)
    }

    async fn held_by(&self, username: &str, account: &AccountRef) -> Result<Option<Uuid>> {
        let holder = self.holder(username).await?;
        Ok(holder.filter(|holder| holder.account == *account).map(|holder| holder.user))
    }

    async fn set_retained(&self, user: Uuid, retained: bool) -> Result<()> {
        sqlx::query!("update users set retained = $2 where id = $1", user, retained)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn delete_user(&self, user: Uuid) -> Result<()> {
        delete(&self.pool, user).await
    }
}

/// Deletes a user and all rows that hang on it.
pub(super) async fn delete(executor: impl PgExecutor<'_>, user: Uuid) -> Result<()> {
    sqlx::query!("delete from users where id = $1", user).execute(executor).await?;
    Ok(())
}
