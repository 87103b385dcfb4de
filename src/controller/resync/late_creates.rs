//! Late creates: resources that a call created after their user was deleted. Nobody owns them, and nobody
//! will.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{
    api::ResourceKind,
    controller::{
        backends::Backends,
        blocker::Blocker,
        context::{Basis, Context},
    },
    ivs::dispatch_kind,
    provision::{self, Owner, delete_late_create},
    store::{Orphan, Users},
};

/// Deletes the orphans whose user was deleted, and removes them from `orphans`. One that cannot be deleted
/// stays, and the next resync tries again.
pub(super) async fn delete_late_creates<B: Backends>(
    context: &Context<B>,
    orphans: &mut BTreeMap<String, Orphan>,
) -> Result<(), Blocker> {
    let users: Vec<Uuid> = orphans.values().filter_map(|orphan| orphan.user).collect();
    if users.is_empty() {
        return Ok(());
    }
    let released = context.backends.store().deleted_users(&users).await?;
    let is_late = |orphan: &&Orphan| orphan.user.is_some_and(|user| released.contains(&user));
    for orphan in orphans.values().filter(is_late).cloned().collect::<Vec<_>>() {
        let Some((owner, arn)) = owner(context, &orphan) else { continue };
        match delete(context, orphan.kind, &owner, arn).await {
            Ok(true) => drop(orphans.remove(arn)),
            Ok(false) => {}
            Err(error) => tracing::warn!(arn, %error, "a late create could not be deleted yet"),
        }
    }
    Ok(())
}

/// Returns the deleted user as the owner, and the ARN. No claim holds the user: its tombstone is what permits
/// the deletion.
fn owner<'o, B: Backends>(context: &Context<B>, orphan: &'o Orphan) -> Option<(Owner, &'o str)> {
    let owner = Owner {
        installation: context.installation.clone(),
        user: orphan.user?,
        account: orphan.account.clone()?,
        username: orphan.username.clone()?,
    };
    Some((owner, orphan.arn.as_deref()?))
}

async fn delete<B: Backends>(
    context: &Context<B>,
    kind: ResourceKind,
    owner: &Owner,
    arn: &str,
) -> provision::Result<bool> {
    tracing::warn!(arn, %kind, "deleting a late create: its user was deleted before it was created");
    let (store, decision_context) =
        (context.backends.store(), context.decision_context(kind, &Basis::default()));
    dispatch_kind!(context.backends, kind, |kind| delete_late_create(
        kind,
        store,
        &decision_context,
        owner,
        arn
    )
    .await)
}
