//! Changes of settings and tags that may not be the last to land: AWS has no preconditions, so that of two changes the older one
//! may come later. Who makes one notes it first, and it is looked at once more when nothing older can land any more.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::Result;
use crate::api::ResourceKind;

/// Notes that one kind of a user's resources is being changed, which ends within `lasts`; the id of the note, which takes the
/// place of an earlier one. None when the user is gone.
pub(super) async fn begin(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    kind: ResourceKind,
    lasts: Duration,
) -> Result<Option<Uuid>> {
    let nonce = sqlx::query_scalar!(
        "insert into changes (user_id, kind, deadline)
         select id, $2, now() + make_interval(secs => $3) from users where id = $1
         on conflict (user_id, kind) do update set nonce = excluded.nonce, deadline = excluded.deadline
         returning nonce",
        user,
        kind as ResourceKind,
        lasts.as_secs_f64(),
    );
    Ok(nonce.fetch_optional(executor).await?)
}

/// Forgets a change that was seen to stay, unless there has been another since.
pub(super) async fn end(executor: impl PgExecutor<'_>, nonce: Uuid) -> Result<()> {
    sqlx::query!("delete from changes where nonce = $1", nonce).execute(executor).await?;
    Ok(())
}
