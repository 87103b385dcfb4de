//! What a call made that took effect after its user was released. Nobody owns it, and nobody will.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Context, World, problem::Problem, world::with_kind};
use crate::{
    api::ResourceKind,
    provision::{self, Owner, delete_late_create},
    store::{Orphan, Users},
};

/// Deletes those of the orphans whose user was released; what is gone is no orphan. One that cannot be deleted now stays
/// on the list, and the next sweep tries again.
pub(super) async fn take_away<W: World>(
    context: &Context<W>,
    orphans: &mut BTreeMap<String, Orphan>,
) -> Result<(), Problem> {
    let users: Vec<Uuid> = orphans.values().filter_map(|orphan| orphan.user).collect();
    if users.is_empty() {
        return Ok(());
    }
    let released = context.world.store().deleted_users(&users).await?;
    let is_late = |orphan: &&Orphan| orphan.user.is_some_and(|user| released.contains(&user));
    for orphan in orphans.values().filter(is_late).cloned().collect::<Vec<_>>() {
        let Some((owner, arn)) = subject(context, &orphan) else { continue };
        match delete(context, orphan.kind, &owner, arn).await {
            Ok(true) => drop(orphans.remove(arn)),
            Ok(false) => {}
            Err(error) => tracing::warn!(arn, %error, "what came too late could not be deleted yet"),
        }
    }
    Ok(())
}

/// The user that was released, as the owner, and the ARN. No claim holds it any more: that it was released is what allows its deletion.
fn subject<'o, W: World>(context: &Context<W>, orphan: &'o Orphan) -> Option<(Owner, &'o str)> {
    let owner = Owner {
        installation: context.installation.clone(),
        user: orphan.user?,
        account: orphan.account.clone()?,
        username: orphan.username.clone()?,
    };
    Some((owner, orphan.arn.as_deref()?))
}

async fn delete<W: World>(
    context: &Context<W>,
    kind: ResourceKind,
    owner: &Owner,
    arn: &str,
) -> provision::Result<bool> {
    tracing::warn!(arn, %kind, "its user was released before it was made: it is deleted");
    let (store, circumstances) = (context.world.store(), context.circumstances(kind));
    with_kind!(context.world, kind, |kind| delete_late_create(kind, store, &circumstances, owner, arn).await)
}
