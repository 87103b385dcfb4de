//! The journal of create attempts. Each is recorded before its call, so that after a crash the journal names
//! what may exist.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Postgres, Result, rows};
use crate::{
    api::{ResourceKind, ResourceStatus},
    failpoint::effect,
};

/// Outcome of an attempt that recorded no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "attempt_state", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// AWS reported that it created nothing.
    Failed,
    /// A reconcile checked AWS after the deadline, and recorded what it found, if anything.
    GivenUp,
}

impl AttemptOutcome {
    /// Returns the number of earlier attempts with this outcome that the journal keeps for one kind of a
    /// user's resources. A refused one created nothing. One that was given up names what its call may have
    /// created late, but no call is that late.
    const fn earlier_kept(self) -> i64 {
        match self {
            Self::Failed => 0,
            Self::GivenUp => 9,
        }
    }
}

/// The journal of create attempts.
pub trait Journal: Send + Sync + 'static {
    /// Opens an attempt that ends within `lasts` and returns its nonce. None if any attempt is open already,
    /// if the recorded ARN is no longer `known` (another reconcile was faster), or if the user is being
    /// deleted or does not exist.
    fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Returns the nonces of all attempts for one kind of a user's resources, the oldest first.
    fn attempts(&self, user: Uuid, kind: ResourceKind) -> impl Future<Output = Result<Vec<Uuid>>> + Send;

    /// Ends an attempt that created nothing, or whose outcome was found by a check, and deletes old ones, so
    /// that the retries of a blocked account do not fill the journal. Does nothing if it has ended.
    fn end(&self, nonce: Uuid, how: AttemptOutcome) -> impl Future<Output = Result<()>> + Send;

    /// Records the resource that an attempt created, and ends the attempt, in one transaction. Returns false
    /// if the attempt is no longer open: another reconcile took over after the deadline, and the resource has
    /// no owner.
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
            // Because of the lock, a concurrent deletion of the user waits for this attempt, or this attempt
            // sees it.
            "with present as (select id from users where id = $1 and not deleting for share)
             insert into create_attempts (user_id, kind, deadline)
             select id, $2, now() + make_interval(secs => $3) from present
             on conflict (user_id, kind) where state = 'open' do nothing
             returning nonce",
            user,
            kind as ResourceKind,
            lasts.as_secs_f64(),
        )
        .fetch_optional(&mut *transaction)
        .await?;
        // Read after the attempt was inserted: nobody else records a resource from here on, and an earlier
        // record is visible.
        if nonce.is_none() || rows::arn(&mut transaction, user, kind).await?.as_deref() != known {
            return Ok(None);
        }
        effect("open", transaction.commit()).await?;
        Ok(nonce)
    }

    async fn attempts(&self, user: Uuid, kind: ResourceKind) -> Result<Vec<Uuid>> {
        let nonces = sqlx::query_scalar!(
            "select nonce from create_attempts where user_id = $1 and kind = $2 order by started_at, nonce",
            user,
            kind as ResourceKind,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(nonces)
    }

    async fn end(&self, nonce: Uuid, how: AttemptOutcome) -> Result<()> {
        let end = sqlx::query!(
            "with ended as (
               update create_attempts set state = $2 where nonce = $1 and state = 'open' returning user_id, kind)
             delete from create_attempts where nonce in (
               select nonce from create_attempts join ended using (user_id, kind)
               where state = $2 order by started_at desc, nonce offset $3)",
            nonce,
            how as AttemptOutcome,
            how.earlier_kept(),
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
        // The lock order is the same everywhere: the user, then its other rows.
        sqlx::query!("select id from users where id = $1 for no key update", user)
            .fetch_optional(&mut *transaction)
            .await?;
        let ended = sqlx::query!(
            "update create_attempts set state = 'recorded' where nonce = $1 and state = 'open'",
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

/// Ends the open attempt, if there is one, because its outcome is known. Returns its nonce.
pub(super) async fn end_open(
    connection: &mut PgConnection,
    user: Uuid,
    kind: ResourceKind,
) -> Result<Option<Uuid>> {
    let nonce = sqlx::query_scalar!(
        "update create_attempts set state = 'given_up' where user_id = $1 and kind = $2 and state = 'open' returning nonce",
        user,
        kind as ResourceKind,
    )
    .fetch_optional(connection)
    .await?;
    Ok(nonce)
}
