//! Rows from before a restore: they name a user as it was then, and keep a username from whoever has it now.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Cluster, Context, World,
    identity::uid,
    let_go::is_let_go,
    problem::Problem,
    report::{reference, user_in_status},
    world::with_kind,
};
use crate::{
    api::{ResourceKind, StreamerAccount, are_alike, tags},
    ivs::{self, Kind, Listed},
    provision,
    store::{Claimant, Holder, Recorded, Resources},
};

/// Whether the row of a username is out of date. One that a person registered, that is to stay, or that is held in another cluster
/// never is; and what tags say is no evidence against a user who has, or may have, anything.
pub(super) async fn is_out_of_date<W: World>(
    holder: &Holder,
    account: &StreamerAccount,
    claimant: &Claimant<'_>,
    context: &Context<W>,
) -> Result<bool, Problem> {
    if holder.registered || holder.retained || claimant.is_of_another_cluster(holder) {
        return Ok(false);
    }
    let is_another = |known: Option<Uuid>| known.is_some_and(|known| known != holder.user);
    if holder.uid.as_deref() == Some(uid(account)) {
        // Status knows better only where nothing is made as this user: a claim from before the database was lost came late.
        if !is_another(user_in_status(account)) {
            return Ok(false);
        }
    } else if holder.account == *claimant.account {
        // The account has been another user since: its status says so; or, of a user who has nothing, the tags of what it has.
        if is_another(user_in_status(account)) {
            return Ok(true);
        }
        if !is_another(claimant.known) {
            return Ok(false);
        }
    } else if claims(holder, context).await? {
        return Ok(false);
    }
    // Who is let go of does not wait for AWS to say.
    Ok(!is_let_go(account) && !may_have_anything(holder, context).await?)
}

/// Whether the holder's account is there and wants the username still; one in a namespace that is not ours to look into
/// counts so.
async fn claims<W: World>(holder: &Holder, context: &Context<W>) -> Result<bool, Problem> {
    let cluster = context.world.cluster();
    let is_it = |known: &Arc<StreamerAccount>| {
        reference(known) == holder.account && are_alike(&known.spec.username, &holder.username)
    };
    if cluster.accounts().iter().any(is_it) {
        return Ok(true);
    }
    match cluster.claims(&holder.account, &holder.username).await {
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
        claims => Ok(claims?),
    }
}

/// Whether a user may have anything in AWS, or be given something just now.
async fn may_have_anything<W: World>(holder: &Holder, context: &Context<W>) -> Result<bool, Problem> {
    for kind in ResourceKind::ALL {
        let recorded = context.world.store().recorded(holder.user, kind).await?;
        // What is recorded elsewhere cannot be asked for here.
        let is_here = |arn: &String| context.target().holds(arn);
        if !recorded.arn.as_ref().is_none_or(is_here) {
            return Ok(true);
        }
        let found = with_kind!(context.world, kind, |of| may_be_there(of, holder, &recorded, context).await);
        if found.map_err(provision::Error::from)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one kind of a user's resources is there, or may be made or shown within the grace.
async fn may_be_there<W: World, K: Kind>(
    kind: &K,
    holder: &Holder,
    recorded: &Recorded,
    context: &Context<W>,
) -> ivs::Result<bool> {
    let grace = context.timing.grace;
    let is_new = recorded.arn.is_some() && recorded.age < grace;
    if is_new || recorded.settles_in(grace).is_some() {
        return Ok(true);
    }
    if let Some(arn) = &recorded.arn
        && kind.get(arn).await?.is_some()
    {
        return Ok(true);
    }
    let (installation, user) = (&context.installation, holder.user.to_string());
    let is_its = |listed: &Listed| {
        listed.tags.get(tags::INSTALLATION) == Some(installation)
            && listed.tags.get(tags::USER) == Some(&user)
    };
    // Somebody may have renamed it.
    let is_listed = context.last_inventory().is_some_and(|all| !all.of_user(holder.user, K::KIND).is_empty());
    Ok(is_listed || kind.find(&holder.username).await?.iter().any(is_its))
}
