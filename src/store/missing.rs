//! Resources that are known of a user and that AWS does not show.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::Result;
use crate::api::ResourceKind;

/// A resource that is known, and that AWS does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its ARN.
    pub arn: String,
    /// How long ago that was first seen, by the database's clock.
    pub age: Duration,
}

/// Notes that it is missing; since when stays as it was first noted.
pub(super) async fn note(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    kind: ResourceKind,
    arn: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into missing_resources (user_id, kind, arn) values ($1, $2, $3)
         on conflict (user_id, kind) do update set arn = $3, since = now() where missing_resources.arn <> $3",
        user,
        kind as ResourceKind,
        arn,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Forgets that one is missing: it is shown again, or another has taken its place.
pub(super) async fn forget(executor: impl PgExecutor<'_>, user: Uuid, kind: ResourceKind) -> Result<()> {
    sqlx::query!(
        "delete from missing_resources where user_id = $1 and kind = $2",
        user,
        kind as ResourceKind,
    )
    .execute(executor)
    .await?;
    Ok(())
}
