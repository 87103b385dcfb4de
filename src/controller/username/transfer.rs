//! The transfer of a user from an earlier object of an account to the current one.

use std::time::Duration;

use crate::{
    api::StreamerAccount,
    controller::{
        account::AccountExt, backends::Backends, blocker::Blocker, context::Context,
        error::RECONCILE_TIMEOUT, kubernetes::Kubernetes,
    },
    store::{Transfer, UsernameOwner, Users},
};

/// Transfers a row that names an earlier object to this one, if this one still exists. The live object is
/// read after the row, so the row cannot name a later object.
pub(super) async fn transfer<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    holder: &UsernameOwner,
) -> Result<(), Blocker> {
    let uid = account.object_uid();
    if holder.uid.as_deref() == Some(uid) {
        return Ok(());
    }
    let min_deletion_age = min_deletion_age(account, context);
    let left = holder.interrupted_deletion.map(|age| min_deletion_age.saturating_sub(age));
    if let Some(left) = left.filter(|left| !left.is_zero()) {
        return Err(Blocker::earlier_in_deletion(left));
    }
    let current = context.backends.kubernetes().current(&account.reference(), uid).await?;
    // If the object was deleted since the claim, the claim is outdated.
    let is_unchanged =
        current.is_some_and(|current| current.is_being_deleted() == account.is_being_deleted());
    let transfer = Transfer {
        user: holder.user,
        from: holder.uid.as_deref(),
        uid,
        cluster: &context.cluster.id,
        min_deletion_age,
    };
    if is_unchanged && context.backends.store().transfer(transfer).await? {
        return Ok(());
    }
    Err(Blocker::superseded())
}

/// Returns the time after which no call of a try of a deletion can still be in progress. AWS has no
/// preconditions: a Delete that was sent for the earlier object would hit what this one has. If this one is
/// being deleted too, that does no harm.
fn min_deletion_age<B: Backends>(account: &StreamerAccount, context: &Context<B>) -> Duration {
    if account.is_being_deleted() {
        return Duration::ZERO;
    }
    RECONCILE_TIMEOUT + context.timing.aws_call_timeout + context.timing.grace
}
