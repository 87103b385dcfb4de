//! The journal of attempts: written before each Create, so that a crash leaves a note of what may exist.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Postgres, Result, rows};
use crate::{
    api::{ResourceKind, ResourceStatus},
    failpoint::effect,
};

/// How an attempt ended without a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "attempt_state", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// AWS said that nothing was made.
    Failed,
    /// Somebody looked after the deadline, and what was found, if anything, is recorded by that look.
    GivenUp,
}

/// The journal.
pub trait Journal: Send + Sync + 'static {
    /// Opens an attempt that ends within `lasts`; None when one is open already, whoever's it is, when the recorded ARN
    /// is not `known` any more (somebody else was faster), or when the user is leaving or gone.
    fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// All attempts for one kind of a user's resources, the oldest first.
    fn attempts(&self, user: Uuid, kind: ResourceKind) -> impl Future<Output = Result<Vec<Uuid>>> + Send;

    /// Ends an attempt that made nothing, or whose outcome somebody found out by looking. One that has ended stays
    /// as it is.
    fn end(&self, nonce: Uuid, how: AttemptEnd) -> impl Future<Output = Result<()>> + Send;

    /// Records what an attempt made, and ends it, in one transaction. False when the attempt was not open any more:
    /// somebody took over after the deadline, and what was made is nobody's.
    fn record_made(
        &self,
        nonce: Uuid,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> impl Future<Output = Result<bool>> + Send;
}

impl Journal for Postgres {
    async fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
    ) -> Result<Option<Uuid>> {
        let mut transaction = self.pool.begin().await?;
        let nonce = sqlx::query_scalar!(
            // The lock makes whoever takes the user away wait for this attempt, or this attempt see that they do.
            "with present as (select id from users where id = $1 and not leaving for share)
             insert into attempts (user_id, kind, deadline)
             select id, $2, now() + make_interval(secs => $3) from present
             on conflict (user_id, kind) where state = 'open' do nothing
             returning nonce",
            user,
            kind as ResourceKind,
            lasts.as_secs_f64(),
        )
        .fetch_optional(&mut *transaction)
        .await?;
        // Read after our attempt stands: from here on nobody else records, and what was recorded before is seen.
        if nonce.is_none() || rows::arn(&mut transaction, user, kind).await?.as_deref() != known {
            return Ok(None);
        }
        effect("open", transaction.commit()).await?;
        Ok(nonce)
    }

    async fn attempts(&self, user: Uuid, kind: ResourceKind) -> Result<Vec<Uuid>> {
        let nonces = sqlx::query_scalar!(
            "select nonce from attempts where user_id = $1 and kind = $2 order by started_at, nonce",
            user,
            kind as ResourceKind,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(nonces)
    }

    async fn end(&self, nonce: Uuid, how: AttemptEnd) -> Result<()> {
        let end = sqlx::query!(
            "update attempts set state = $2 where nonce = $1 and state = 'open'",
            nonce,
            how as AttemptEnd,
        );
        effect("end", end.execute(&self.pool)).await?;
        Ok(())
    }

    async fn record_made(
        &self,
        nonce: Uuid,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        // In the order in which the others lock: the user, then what hangs on it.
        sqlx::query!("select id from users where id = $1 for no key update", user)
            .fetch_optional(&mut *transaction)
            .await?;
        let ended = sqlx::query!(
            "update attempts set state = 'recorded' where nonce = $1 and state = 'open'",
            nonce,
        )
        .execute(&mut *transaction)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        rows::write(&mut transaction, user, name, resource).await?;
        effect("record_made", transaction.commit()).await?;
        Ok(true)
    }
}

/// Ends the attempt that is open, if there is one, because its outcome was found out; its nonce.
pub(super) async fn end_open(
    connection: &mut PgConnection,
    user: Uuid,
    kind: ResourceKind,
) -> Result<Option<Uuid>> {
    let nonce = sqlx::query_scalar!(
        "update attempts set state = 'given_up' where user_id = $1 and kind = $2 and state = 'open' returning nonce",
        user,
        kind as ResourceKind,
    )
    .fetch_optional(connection)
    .await?;
    Ok(nonce)
}
