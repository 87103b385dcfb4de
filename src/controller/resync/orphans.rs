//! The orphan list.

use std::collections::BTreeMap;

use super::late_creates::delete_late_creates;
use crate::{
    api::Arn,
    controller::{backends::Backends, blocker::Blocker, context::Context},
    ivs::Target,
    provision::orphan_changes,
    store::{Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans},
};

/// Deletes late creates, and writes the other orphans onto the orphan list. Does nothing if the controller
/// and its records do not belong together, or if AWS lists none of the recorded resources: then nothing is
/// known about orphans.
pub(super) async fn update_orphan_list<B: Backends>(
    context: &Context<B>,
    rows: Vec<OrphanRow>,
    mut orphans: BTreeMap<String, Orphan>,
) -> Result<BTreeMap<String, Orphan>, Blocker> {
    if context.halt().is_some() || context.nothing_listed().is_some() {
        return Ok(orphans);
    }
    delete_late_creates(context, &mut orphans).await?;
    let target = context.target();
    let rows: Vec<_> = rows.into_iter().filter(|row| is_in_target(row, &target)).collect();
    let changes = orphan_changes(&rows, &orphans, context.timing.grace);
    if changes != OrphanChanges::default() {
        context.backends.store().change_orphans(&changes).await?;
    }
    Ok(orphans)
}

/// Returns true if a row is about the AWS account and region that were listed.
fn is_in_target(row: &OrphanRow, target: &Target) -> bool {
    row.orphan.arn.as_ref().is_none_or(|arn| target.holds(arn))
}

/// Returns the ARN of a row if it is a duplicate.
pub(super) fn duplicate(row: &OrphanRow) -> Option<Arn> {
    row.orphan.arn.as_deref().filter(|_| row.orphan.reason == OrphanReason::Duplicate).map(Arn::from)
}
