//! The tokens of the leaders' Leases. A token that PostgreSQL and the Lease both have proves that neither was
//! restored since it was written.

use std::{borrow::Cow, time::Duration};

use uuid::Uuid;

use super::{Error, Postgres, Result};

/// Maximum age of a token that another controller has written. A restore takes longer.
pub const MAX_TOKEN_AGE: Duration = Duration::from_mins(2);

/// SQLSTATE of a statement with a token that the database does not have.
const RECORDS_REPLACED: &str = "SC001";

/// SQLSTATE of a claim that has to wait until AWS is listed.
const AWS_NOT_LISTED: &str = "SC002";

/// The row of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenScope {
    /// Id of the cluster of the Lease.
    pub cluster: String,
    /// Namespace and name of the Lease.
    pub lease: String,
    /// AWS account, region, and endpoints. None if they are not known.
    pub target: Option<String>,
}

/// The tokens of the leaders' Leases.
pub trait RenewalTokens: Clone + Send + Sync + 'static {
    /// Replaces the token that an earlier leader wrote into the Lease. Returns false, and does nothing,
    /// unless the database has the same one, written for the same target by the same process of PostgreSQL,
    /// at most [`MAX_TOKEN_AGE`] ago.
    fn inherit_token(
        &self,
        scope: &TokenScope,
        in_lease: Uuid,
        next: Uuid,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Replaces this controller's own token. Returns false, and does nothing, if the database does not have
    /// it, or in another process of PostgreSQL: the database was restored, a standby was promoted, or another
    /// controller leads. `listed`: the time since the start of the latest complete list of AWS.
    fn replace_token(
        &self,
        scope: &TokenScope,
        current: Uuid,
        next: Uuid,
        listed: Option<Duration>,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Writes the first token of a leader that could not inherit one.
    fn begin_tokens(&self, scope: &TokenScope, first: Uuid) -> impl Future<Output = Result<()>> + Send;
}

impl RenewalTokens for Postgres {
    async fn inherit_token(&self, scope: &TokenScope, in_lease: Uuid, next: Uuid) -> Result<bool> {
        let inherited = sqlx::query!(
            "update renewal_tokens set token = $4, previous_token = token, renewed_at = clock_timestamp()
             where cluster = $1 and lease = $2 and target = $3 and token = $5
               and server_started_at = pg_postmaster_start_time()
               and renewed_at between clock_timestamp() - make_interval(secs => $6) and clock_timestamp()",
            scope.cluster,
            scope.lease,
            scope.target,
            next,
            in_lease,
            MAX_TOKEN_AGE.as_secs_f64(),
        );
        Ok(inherited.execute(&mut *self.pool.acquire().await?).await?.rows_affected() == 1)
    }

    async fn replace_token(
        &self,
        scope: &TokenScope,
        current: Uuid,
        next: Uuid,
        listed: Option<Duration>,
    ) -> Result<bool> {
        let replaced = sqlx::query!(
            "update renewal_tokens
             set token = $4, previous_token = $5, target = $3, renewed_at = clock_timestamp(),
               listed_at = coalesce(clock_timestamp() - make_interval(secs => $6), listed_at)
             where cluster = $1 and lease = $2 and $5 in (token, previous_token)
               and server_started_at = pg_postmaster_start_time()",
            scope.cluster,
            scope.lease,
            scope.target,
            next,
            current,
            listed.map(|listed| listed.as_secs_f64()),
        );
        Ok(replaced.execute(&mut *self.pool.acquire().await?).await?.rows_affected() == 1)
    }

    async fn begin_tokens(&self, scope: &TokenScope, first: Uuid) -> Result<()> {
        let begin = sqlx::query!(
            "insert into renewal_tokens (cluster, lease, target, token) values ($1, $2, $3, $4)
             on conflict (cluster, lease) do update
             set token = excluded.token, previous_token = null, target = excluded.target,
               server_started_at = excluded.server_started_at, renewed_at = excluded.renewed_at, listed_at = null",
            scope.cluster,
            scope.lease,
            scope.target,
            first,
        );
        begin.execute(&mut *self.pool.acquire().await?).await?;
        Ok(())
    }
}

/// Returns the error of a statement that checks the token.
pub(super) fn refusal(error: Error) -> Error {
    match sql_state(&error).as_deref() {
        Some(RECORDS_REPLACED) => Error::RecordsReplaced,
        Some(AWS_NOT_LISTED) => Error::AwsNotListed,
        _ => error,
    }
}

/// Returns the code of PostgreSQL for an error.
fn sql_state(error: &Error) -> Option<Cow<'_, str>> {
    match error {
        Error::Sql(error) => error.as_database_error()?.code(),
        Error::Batch(error) => sql_state(error),
        _ => None,
    }
}
