//! Changes of settings and tags that may not be the last to land: AWS has no preconditions, so that of two changes the older one
//! may come later. Who makes one notes it first, and it is looked at once more when nothing older can land any more.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Result, Unsettled};
use crate::api::ResourceKind;

/// A change of settings or tags that was not seen to stay yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Until when its calls may be under way.
    pub note: Unsettled,
    /// How often in a row a look has found that what was sent had not stayed, and it was sent again.
    pub repeats: u32,
}

impl Edit {
    /// One whose calls end in so many seconds; below zero, they have ended.
    pub(super) fn new(nonce: Uuid, seconds: f64, repeats: i32) -> Self {
        Self { note: Unsettled::new(nonce, seconds), repeats: repeats.unsigned_abs() }
    }
}

/// Notes that one kind of a user's resources is being changed, which ends within `lasts`; the id of the note, which takes the
/// place of an earlier one. `repeats`: see [`Edit`]. None when the user is gone.
pub(super) async fn begin(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    kind: ResourceKind,
    lasts: Duration,
    repeats: u32,
) -> Result<Option<Uuid>> {
    let nonce = sqlx::query_scalar!(
        "insert into edits (user_id, kind, deadline, repeats)
         select id, $2, now() + make_interval(secs => $3), $4 from users where id = $1
         on conflict (user_id, kind) do update
         set nonce = excluded.nonce, deadline = excluded.deadline, repeats = excluded.repeats
         returning nonce",
        user,
        kind as ResourceKind,
        lasts.as_secs_f64(),
        i32::try_from(repeats).unwrap_or(i32::MAX),
    );
    Ok(nonce.fetch_optional(executor).await?)
}

/// Forgets a change that was seen to stay, unless there has been another since.
pub(super) async fn end(executor: impl PgExecutor<'_>, nonce: Uuid) -> Result<()> {
    sqlx::query!("delete from edits where nonce = $1", nonce).execute(executor).await?;
    Ok(())
}
