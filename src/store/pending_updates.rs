//! Updates of settings and tags that another update may still override. AWS has no conditional updates: of
//! two updates, the earlier one can take effect later. So each update is recorded before it is sent, and
//! verified once no earlier one can take effect.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{InFlight, Result, rows::texts};
use crate::api::{AppliedFields, ResourceKind};

/// An update of settings or tags that is not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingUpdate {
    /// The calls of the update.
    pub in_flight: InFlight,
    /// Number of consecutive verifications that found the update reverted, after each of which it was sent
    /// again.
    pub repeats: u32,
}

impl PendingUpdate {
    /// Returns an update whose calls end in this number of seconds, or have ended if the number is negative.
    pub(super) fn new(nonce: Uuid, seconds: f64, repeats: i32) -> Self {
        Self { in_flight: InFlight::new(nonce, seconds), repeats: repeats.unsigned_abs() }
    }
}

/// Records an update of a user's resource that ends within `lasts`, in place of an earlier one, and returns
/// its nonce. `repeats`: see [`PendingUpdate`]. `fields`: those that it sets. None if the user does not
/// exist.
pub(super) async fn begin(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    kind: ResourceKind,
    lasts: Duration,
    repeats: u32,
    fields: &AppliedFields,
) -> Result<Option<Uuid>> {
    let nonce = sqlx::query_scalar!(
        "select begin_update($1, $2, $3, $4, $5)",
        user,
        kind as ResourceKind,
        lasts.as_secs_f64(),
        i32::try_from(repeats).unwrap_or(i32::MAX),
        &texts(fields),
    );
    Ok(nonce.fetch_one(executor).await?)
}

/// Removes an update that was verified, unless a later one has replaced it.
pub(super) async fn end(executor: impl PgExecutor<'_>, nonce: Uuid) -> Result<()> {
    sqlx::query!("delete from pending_updates where nonce = $1", nonce).execute(executor).await?;
    Ok(())
}
