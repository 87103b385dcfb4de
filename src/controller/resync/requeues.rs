//! The accounts that a resync marks dirty, requeues, or schedules for a re-check.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    api::AccountRef,
    controller::{
        backends::Backends,
        cache::CachedAccount,
        context::{Context, Mark},
        kubernetes::Kubernetes,
    },
    provision::StatusEntry,
};

/// Marks the accounts dirty whose status says that a resource in another AWS account or region is ready.
pub(super) fn mark_recorded_elsewhere_dirty<B: Backends>(context: &Context<B>, statuses: &[StatusEntry<'_>]) {
    let target = context.target();
    let elsewhere = statuses.iter().filter(|status| status.is_ready && !target.holds_arn(status.arn));
    elsewhere.for_each(|status| context.mark_dirty(status.account.clone()));
}

/// Marks the accounts unverified whose status says that they are ready.
pub(super) fn mark_unverified<B: Backends>(context: &Context<B>) {
    let accounts = context.backends.kubernetes().cache().accounts();
    let settled = accounts.iter().filter(|account| account.is_settled);
    settled.for_each(|account| context.mark_unverified(account.reference.clone(), Mark::Unlisted));
}

/// Schedules the re-checks of updates that another process, running or gone, has sent. An account that is not
/// ready is checked before it becomes ready, so it needs none.
pub(super) fn schedule_rechecks<B: Backends>(
    context: &Context<B>,
    accounts: &[Arc<CachedAccount>],
    changed: &BTreeMap<AccountRef, Duration>,
) {
    let is_idle = |account: &&Arc<CachedAccount>| account.is_settled || account.stalled.is_some();
    for account in accounts.iter().filter(is_idle) {
        let key = &account.reference;
        if let Some(left) = changed.get(key) {
            context.rechecks.schedule(key, Some(*left));
            context.requeue(key.clone());
        }
    }
}

/// Returns true if no watched change may ever requeue the account: its status was lost in a restore or
/// overwritten by a late write, or it waits for a username that another controller's account gives up.
pub(super) fn needs_requeue(account: &CachedAccount) -> bool {
    if account.stalled.is_some() {
        return account.waits_for_username();
    }
    // What only reports drift is compared with the lists.
    !(account.is_settled || account.reports_drift || account.is_suspended && account.needs_nothing)
}
