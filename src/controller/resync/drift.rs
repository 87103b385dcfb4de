//! Drift: resources that differ from their records, or that are missing, and the accounts that have to be
//! checked because of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    api::{AccountRef, Reason, StreamerAccount},
    controller::{account::AccountExt, backends::Backends, blocker::Blocker, context::Context},
    provision::{CompleteList, Named, Record, find_absences},
    store::Evidence,
};

/// Compares a complete list, which began at `began`, with the recorded resources. Notes which are missing and
/// sets the brakes. Returns the users for whose resources something was noted.
pub(super) async fn note_absences<B: Backends>(
    context: &Context<B>,
    list: &CompleteList,
    named: &[Named],
    began: Instant,
) -> Result<BTreeSet<Uuid>, Blocker> {
    let absences = context.backends.store().absences().await?;
    let target = context.target();
    let findings = find_absences(list, named, &absences, &target, context.limits, context.timing);
    // The list says nothing about resources that are recorded in another AWS account or region.
    if !findings.changes.is_empty() && context.halt().is_none() {
        context.backends.store().note_absences(&findings.changes, began.elapsed()).await?;
    }
    context.metrics.set_absences(&findings);
    context.set_brakes(findings.brakes);
    Ok(findings.users)
}

/// Marks the accounts dirty whose status says that a resource in another AWS account or region is ready.
pub(super) fn mark_misplaced_dirty<B: Backends>(context: &Context<B>, statuses: &[Record]) {
    let target = context.target();
    let misplaced = statuses.iter().filter(|status| status.is_well && !target.holds(&status.arn));
    misplaced.for_each(|status| context.mark_dirty(status.account.clone()));
}

/// Schedules the re-checks of changes that another process made, or one that is gone. An account that is not
/// ready is checked before it becomes ready, so it needs none.
pub(super) fn schedule_rechecks<B: Backends>(
    context: &Context<B>,
    accounts: &[Arc<StreamerAccount>],
    changed: &BTreeMap<AccountRef, Duration>,
) {
    let is_idle = |account: &&Arc<StreamerAccount>| account.is_settled() || account.stalled().is_some();
    for account in accounts.iter().filter(is_idle) {
        let key = account.reference();
        if let Some(left) = changed.get(&key) {
            context.rechecks.schedule(&key, Some(*left));
            context.requeue(key);
        }
    }
}

/// Returns true if no watched change may ever requeue the account: its status was lost in a restore or
/// overwritten by a late write, or it waits for a username that another controller's account gives up.
pub(super) fn needs_requeue(account: &StreamerAccount) -> bool {
    account.stalled().map_or(!account.is_settled(), |reason| *reason == Reason::UsernameTaken)
}
