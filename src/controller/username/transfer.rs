//! The transfer of a user from an earlier object of an account to the current one.

use crate::{
    api::StreamerAccount,
    controller::{
        account::AccountExt, backends::Backends, blocker::Blocker, context::Context, kubernetes::Kubernetes,
    },
    store::{UsernameOwner, Users},
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
    let current = context.backends.kubernetes().current(account).await?;
    // An object that was deleted since the claim has to claim by other rules.
    let is_unchanged =
        current.is_some_and(|current| current.is_being_deleted() == account.is_being_deleted());
    let (store, cluster) = (context.backends.store(), &context.cluster.id);
    if is_unchanged && store.transfer(holder.user, holder.uid.as_deref(), uid, cluster).await? {
        return Ok(());
    }
    Err(Blocker::superseded())
}
