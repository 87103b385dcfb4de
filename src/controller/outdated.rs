//! Rows from before a restore: they name a user as it was then, and keep a username from whoever has it now.

use super::{
    Cluster, Context, World,
    identity::uid,
    let_go::is_let_go,
    problem::Problem,
    report::{reference, user_in_status},
    world::with_kind,
};
use crate::{
    api::{AccountRef, ResourceKind, StreamerAccount},
    ivs::Kind as _,
    store::{Claimant, Holder, Recorded, Resources},
};

/// Whether the row of who holds a username is out of date. One that a person registered, or that is to stay, never is.
pub(super) async fn is_out_of_date<W: World>(
    holder: &Holder,
    account: &StreamerAccount,
    claimant: &Claimant<'_>,
    context: &Context<W>,
) -> Result<bool, Problem> {
    if holder.registered || holder.retained || holder.uid.as_deref() == Some(uid(account)) {
        return Ok(false);
    }
    if holder.account == *claimant.account {
        // The account has been another user since: its status says so, or the tags of what it has.
        let is_another = |known: Option<_>| known.is_some_and(|known| known != holder.user);
        return Ok(is_another(user_in_status(account))
            || is_another(claimant.known) && !has_anything(holder, account, context).await?);
    }
    let is_another = claimant.known.is_some_and(|known| known != holder.user);
    Ok(!exists(&holder.account, context).await?
        && (is_another || !has_anything(holder, account, context).await?))
}

/// Whether an account is there; one in a namespace that is not ours to look into counts as there.
async fn exists<W: World>(account: &AccountRef, context: &Context<W>) -> Result<bool, Problem> {
    let cluster = context.world.cluster();
    if cluster.accounts().iter().any(|known| reference(known) == *account) {
        return Ok(true);
    }
    match cluster.exists(account).await {
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
        exists => Ok(exists?),
    }
}

/// Whether a user has anything in AWS, or may be given something just now. Who is let go of does not wait for AWS.
async fn has_anything<W: World>(
    holder: &Holder,
    account: &StreamerAccount,
    context: &Context<W>,
) -> Result<bool, Problem> {
    if is_let_go(account) {
        return Ok(true);
    }
    let inventory = context.inventory().await?;
    if inventory.of(&holder.account, holder.user).next().is_some() {
        return Ok(true);
    }
    for kind in ResourceKind::ALL {
        let recorded = context.world.store().recorded(holder.user, kind).await?;
        if may_be_made(&recorded, context) || is_shown(kind, recorded.arn.as_deref(), context).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn may_be_made<W: World>(recorded: &Recorded, context: &Context<W>) -> bool {
    recorded.attempt.as_ref().is_some_and(|attempt| attempt.settles_in(context.timing.grace).is_some())
}

async fn is_shown<W: World>(
    kind: ResourceKind,
    arn: Option<&str>,
    context: &Context<W>,
) -> Result<bool, Problem> {
    let Some(arn) = arn else { return Ok(false) };
    let shown = with_kind!(context.world, kind, |of| of.get(arn).await.map(|live| live.is_some()));
    Ok(shown.map_err(crate::provision::Error::from)?)
}
