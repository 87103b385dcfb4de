//! The audit log: who did what on the registration page. Rows are only ever added.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::{Postgres, Result};

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "audit_event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A user came by the page.
    Registered,
    /// The same person registered again, and proved the password.
    Returned,
    /// Somebody wanted a username that is not to be had, or did not know its password.
    RegistrationRefused,
    /// The user's row was taken back, because no account could be made for it.
    RegistrationTakenBack,
    /// The password was proved, and a session began.
    SignedIn,
    /// The username or the password was wrong.
    SignInFailed,
    /// A session ended because its person wanted so.
    SignedOut,
    /// A person saw the stream key.
    StreamKeyShown,
    /// The password that is asked for once more was wrong.
    PasswordRefused,
    /// A person took another password.
    PasswordChanged,
    /// A person had the account deleted.
    DeletionAsked,
}

/// One row to be: the time is the database's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// What somebody did.
    pub event: AuditEvent,
    /// The username as typed. The row has the user's own, and none where nobody has the name: people type passwords there.
    pub username: &'a str,
    /// From where.
    pub address: IpAddr,
}

/// The audit log, as the registration sees it.
pub trait Audit: Send + Sync + 'static {
    /// Adds a row.
    fn note(&self, entry: &AuditEntry<'_>) -> impl Future<Output = Result<()>> + Send;

    /// In how many seconds the password of a user may be tried again of whom it was wrong so often within an hour; None: now.
    /// To a stranger's address, from which the user has never proved it, half as many are given, so that strangers keep nobody out.
    fn next_try(
        &self,
        user: Uuid,
        stranger: Option<IpAddr>,
        most: NonZeroU32,
    ) -> impl Future<Output = Result<Option<u64>>> + Send;

    /// Forgets the addresses that have been kept for so long, but never those of the last hour; how many.
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
        .execute(&self.pool)
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
        let seconds = seconds.fetch_one(&self.pool).await?;
        Ok(seconds.map(|seconds| u64::try_from(seconds).unwrap_or_default().max(1)))
    }

    async fn forget_addresses(&self, keep: Duration) -> Result<i64> {
        let keep = PgInterval::try_from(keep).map_err(sqlx::Error::Encode)?;
        let forgotten = sqlx::query_scalar!(r#"select forget_addresses($1) as "forgotten!""#, keep)
            .fetch_one(&self.pool)
            .await?;
        Ok(forgotten)
    }
}
