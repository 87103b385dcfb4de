//! The history of drift: what something else had changed in AWS.

use sqlx::PgExecutor;
use uuid::Uuid;

use super::Result;
use crate::api::{FieldDifference, ResourceKind};

/// Adds what was found at one resource of a user. `is_corrected`: false if it was only reported.
pub(super) async fn add(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    kind: ResourceKind,
    found: &[FieldDifference],
    is_corrected: bool,
) -> Result<()> {
    let fields: Vec<_> = found.iter().map(|difference| difference.field.to_string()).collect();
    let live: Vec<_> = found.iter().map(|difference| difference.live.clone()).collect();
    let desired: Vec<_> = found.iter().map(|difference| difference.desired.clone()).collect();
    let add = sqlx::query!(
        "select add_drift($1, $2, $3, $4, $5, $6)",
        user,
        kind as ResourceKind,
        &fields,
        &live as &[Option<String>],
        &desired as &[Option<String>],
        is_corrected,
    );
    add.execute(executor).await?;
    Ok(())
}
