//! Sessions of signed-in users. The database has only the hashes of the tokens.

use std::{net::IpAddr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgExecutor, postgres::types::PgInterval};
use uuid::Uuid;

use super::{Postgres, Result};
use crate::failpoint::effect;

/// SHA-256 of a session token.
pub type TokenHash = [u8; 32];

/// The sessions, from the registration page's point of view.
pub trait Sessions: Send + Sync + 'static {
    /// Begins a session that ends after `lasts`, together with its row in the audit log, unless the password
    /// has changed since it was verified. Returns true if the session began. Deletes expired sessions.
    fn begin_session(
        &self,
        user: Uuid,
        proved: &SecretString,
        token: &TokenHash,
        lasts: Duration,
        address: IpAddr,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Returns the user of a session that has not expired.
    fn session_user(&self, token: &TokenHash) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Returns the username of a session that has not expired.
    fn session_username(&self, token: &TokenHash) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Ends a session, if it exists.
    fn end_session(&self, token: &TokenHash) -> impl Future<Output = Result<()>> + Send;

    /// Ends a session because the person signs out, and writes the row of the audit log.
    fn sign_out(&self, token: &TokenHash, address: IpAddr) -> impl Future<Output = Result<()>> + Send;

    /// Replaces the password hash, unless it has changed since, and ends all sessions of the user. Returns
    /// true if it did.
    fn change_password(
        &self,
        user: Uuid,
        old: &SecretString,
        new: &SecretString,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Replaces the password hash by a stronger one of the same password, unless it has changed since.
    /// Returns true if it did.
    fn rehash(
        &self,
        user: Uuid,
        old: &SecretString,
        new: &SecretString,
    ) -> impl Future<Output = Result<bool>> + Send;
}

impl Sessions for Postgres {
    async fn begin_session(
        &self,
        user: Uuid,
        proved: &SecretString,
        token: &TokenHash,
        lasts: Duration,
        address: IpAddr,
    ) -> Result<bool> {
        let lasts = PgInterval::try_from(lasts).map_err(sqlx::Error::Encode)?;
        sqlx::query!("delete from sessions where expires_at <= now()")
            .execute(&mut *self.pool.acquire().await?)
            .await?;
        let begin = sqlx::query_scalar!(
            r#"select begin_session($1, $2, $3, $4, $5::text::inet) as "begun!""#,
            user,
            proved.expose_secret(),
            token,
            lasts,
            address.to_string(),
        );
        Ok(effect("begin_session", begin.fetch_one(&mut *self.pool.acquire().await?)).await?)
    }

    async fn session_user(&self, token: &TokenHash) -> Result<Option<Uuid>> {
        let user = sqlx::query_scalar!(
            "select user_id from sessions where token_hash = $1 and expires_at > now()",
            token,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        Ok(user)
    }

    async fn session_username(&self, token: &TokenHash) -> Result<Option<String>> {
        let username = sqlx::query_scalar!(
            "select username from sessions join users on id = user_id
             where token_hash = $1 and expires_at > now()",
            token,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        Ok(username)
    }

    async fn end_session(&self, token: &TokenHash) -> Result<()> {
        let end = sqlx::query!("delete from sessions where token_hash = $1", token);
        effect("end_session", end.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(())
    }

    async fn sign_out(&self, token: &TokenHash, address: IpAddr) -> Result<()> {
        let end = sqlx::query!(
            "with ended as (delete from sessions where token_hash = $1 returning user_id)
             insert into audit_log (event, user_id, username, address)
             select 'signed_out', id, username, $2::text::inet from ended join users on id = user_id",
            token,
            address.to_string(),
        );
        effect("sign_out", end.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(())
    }

    async fn change_password(&self, user: Uuid, old: &SecretString, new: &SecretString) -> Result<bool> {
        let change = async {
            let mut transaction = self.pool.begin().await?;
            let is_changed = replace_hash(&mut *transaction, user, old, new).await?;
            if is_changed {
                // In a separate statement, which sees a concurrent new session that the first statement has
                // waited for.
                sqlx::query!("delete from sessions where user_id = $1", user)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(is_changed)
        };
        effect("change_password", change).await
    }

    async fn rehash(&self, user: Uuid, old: &SecretString, new: &SecretString) -> Result<bool> {
        effect("rehash", replace_hash(&mut *self.pool.acquire().await?, user, old, new)).await
    }
}

/// Replaces the password hash, unless it has changed since. Returns true if it did.
async fn replace_hash(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    old: &SecretString,
    new: &SecretString,
) -> Result<bool> {
    let replaced = sqlx::query_scalar!(
        r#"select replace_password_hash($1, $2, $3) as "replaced!""#,
        user,
        old.expose_secret(),
        new.expose_secret(),
    );
    Ok(replaced.fetch_one(executor).await?)
}
