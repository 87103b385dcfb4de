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
}

/// The users, as the controller sees them.
pub trait Users: Send + Sync + 'static {
    /// Makes the username this account's, if it is nobody's. A new user gets `id` where one is known from another
    /// record (status, tags), so that its resources are still its own after a restore.
    fn claim(
        &self,
        username: &str,
        account: &AccountRef,
        id: Option<Uuid>,
    ) -> impl Future<Output = Result<Claim>> + Send;

    /// The user that this account holds.
    fn held_by(&self, username: &str, account: &AccountRef) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Deletes a user and all rows that hang on it.
    fn delete_user(&self, user: Uuid) -> impl Future<Output = Result<()>> + Send;
}

impl Users for Postgres {
    async fn claim(&self, username: &str, account: &AccountRef, id: Option<Uuid>) -> Result<Claim> {
        sqlx::query!(
            "insert into users (id, username, account_namespace, account_name)
             values (coalesce($1, gen_random_uuid()), $2, $3, $4)
             on conflict do nothing",
            id,
            username,
            account.namespace,
            account.name,
        )
        .execute(&self.pool)
        .await?;
        let holder = sqlx::query!(
            "select id, account_namespace, account_name from users where lower(username) = lower($1)",
            username,
        )
        .fetch_one(&self.pool)
        .await?;
        let by = AccountRef { namespace: holder.account_namespace, name: holder.account_name };
        Ok(if by == *account { Claim::Held(holder.id) } else { Claim::Taken(by) })
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
