//! Users: identity that outlives the object.

use uuid::Uuid;

use super::{Postgres, Result};
use crate::api::AccountRef;

/// Whether a username is this account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is; this is the user.
    Held(Uuid),
    /// Another account has it.
    Taken(AccountRef),
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

/// The users, as the controller sees them.
pub trait Users: Send + Sync + 'static {
    /// Makes the username this account's, if it is nobody's.
    fn claim(&self, claimant: Claimant<'_>) -> impl Future<Output = Result<Claim>> + Send;

    /// The user that this account holds.
    fn held_by(
        &self,
        username: &str,
        account: &AccountRef,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Deletes a user and all rows that hang on it.
    fn delete_user(&self, user: Uuid) -> impl Future<Output = Result<()>> + Send;
}

impl Users for Postgres {
    async fn claim(&self, claimant: Claimant<'_>) -> Result<Claim> {
        let Claimant { username, account, known, registration } = claimant;
        sqlx::query!(
            "insert into users (id, username, account_namespace, account_name)
             values (coalesce($1, gen_random_uuid()), $2, $3, $4)
             on conflict do nothing",
            known,
            username,
            account.namespace,
            account.name,
        )
        .execute(&self.pool)
        .await?;
        let holder = sqlx::query!(
            r#"select id, account_namespace, account_name, password_hash is not null as "registered!"
               from users where lower(username) = lower($1)"#,
            username,
        )
        .fetch_one(&self.pool)
        .await?;
        let by = AccountRef { namespace: holder.account_namespace, name: holder.account_name };
        Ok(if by != *account {
            Claim::Taken(by)
        } else if holder.registered && registration != Some(holder.id) {
            Claim::Registered
        } else {
            Claim::Held(holder.id)
        })
    }

    async fn held_by(&self, username: &str, account: &AccountRef) -> Result<Option<Uuid>> {
        let user = sqlx::query_scalar!(
            "select id from users
             where lower(username) = lower($1) and account_namespace = $2 and account_name = $3",
            username,
            account.namespace,
            account.name,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(user)
    }

    async fn delete_user(&self, user: Uuid) -> Result<()> {
        sqlx::query!("delete from users where id = $1", user).execute(&self.pool).await?;
        Ok(())
    }
}
