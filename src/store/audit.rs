//! The audit log of the registration page. Rows are only added.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::{Postgres, Result};

/// An action on the registration page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "audit_event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A user registered on the page.
    Registered,
    /// The same person registered again and entered the correct password.
    Returned,
    /// The username is not available, or the password is not the user's.
    RegistrationRefused,
    /// The user was deleted again, because the account could not be created.
    RegistrationRolledBack,
    /// The password was correct, and a session began.
    SignedIn,
    /// The username or the password was wrong.
    SignInFailed,
    /// The person signed out.
    SignedOut,
    /// The person displayed the stream key.
    StreamKeyShown,
    /// The password was wrong when it was asked for again.
    PasswordRefused,
    /// The person changed the password.
    PasswordChanged,
    /// The person requested the account's deletion.
    DeletionRequested,
}

/// A row to be added. The database sets the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// The action.
    pub event: AuditEvent,
    /// Username as typed. The row gets the spelling of the user's row, and no username if no user has it,
    /// since people type passwords into that field.
    pub username: &'a str,
    /// IP address of the client.
    pub address: IpAddr,
}

/// The audit log, from the registration page's point of view.
pub trait Audit: Send + Sync + 'static {
    /// Adds a row.
    fn note(&self, entry: &AuditEntry<'_>) -> impl Future<Output = Result<()>> + Send;

    /// Returns the number of seconds until the user's password may be tried again, or None if it may be tried
    /// now. `most` failures are allowed within an hour. A stranger's address, from which the user has never
    /// signed in, gets half of them, so that strangers cannot lock the user out.
    fn next_try(
        &self,
        user: Uuid,
        stranger: Option<IpAddr>,
        most: NonZeroU32,
    ) -> impl Future<Output = Result<Option<u64>>> + Send;

    /// Erases the addresses that are older than `keep`, except those of the last hour. Returns their number.
    fn forget_addresses(&self, keep: Duration) -> impl Future<Output = Result<i64>> + Send;
}

impl Audit for Postgres {
    async fn note(&self, entry: &AuditEntry<'_>) -> Result<()> {
        sqlx::query!(
            "insert into audit_log (event, user_id, username, address)
             select $1::audit_event, users.id, users.username, $3::text::inet
             from (values ($2::text)) as typed (name) left join users on username_key(username) = username_key(typed.name)",
            entry.event as AuditEvent,
            entry.username,
            entry.address.to_string(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    async fn next_try(&self, user: Uuid, stranger: Option<IpAddr>, most: NonZeroU32) -> Result<Option<u64>> {
        let seconds = sqlx::query_scalar!(
            "select ceil(extract(epoch from next_try($1, $2::text::inet, $3) - now()))::bigint",
            user,
            stranger.map(|address| address.to_string()),
            i64::from(most.get()),
        );
        let seconds = seconds.fetch_one(&mut *self.pool.acquire().await?).await?;
        Ok(seconds.map(|seconds| u64::try_from(seconds).unwrap_or_default().max(1)))
    }

    async fn forget_addresses(&self, keep: Duration) -> Result<i64> {
        let keep = PgInterval::try_from(keep).map_err(sqlx::Error::Encode)?;
        let erased = sqlx::query_scalar!(r#"select forget_addresses($1) as "forgotten!""#, keep)
            .fetch_one(&mut *self.pool.acquire().await?)
            .await?;
        Ok(erased)
    }
}
