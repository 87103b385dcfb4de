//! Rows from before a restore: they name a user as it was then, and keep a username from whoever has it now.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Cluster, Context, World,
    abandon::is_abandoned,
    identity::uid,
    problem::Problem,
    report::{reference, user_in_status},
    world::with_kind,
};
use crate::{
    api::{ResourceKind, StreamerAccount, are_alike},
    ivs::{self, Kind},
    provision::{self, Owner, is_confirmed_absent},
    store::{Claimant, ResourceRecord, Resources, UsernameOwner},
};

/// Whether the row of a username is out of date. One that a person registered, that is to stay, or that is held in another cluster
/// never is; and what tags say is no evidence against a user who has, or may have, anything.
pub(super) async fn is_out_of_date<W: World>(
    holder: &UsernameOwner,
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
    if is_abandoned(account) {
        return Ok(false);
    }
    match possession(holder, context).await? {
        Possession::Nothing => Ok(true),
        // Of an account's two users, neither is given anything before it is certain which one it is.
        Possession::Unproven(arn) if holder.account == *claimant.account => {
            Err(Problem::record_unproven(&arn, context.timing.resync))
        }
        Possession::Something | Possession::Unproven(_) => Ok(false),
    }
}

/// What a user has in AWS.
enum Possession {
    /// Nothing, and nothing is being made.
    Nothing,
    /// Something, or it may be made or shown just now.
    Something,
    /// AWS does not show what is recorded, of which this is one; complete lists have not proved yet that it is gone.
    Unproven(String),
}

/// Whether the holder's account is there and wants the username still; one in a namespace that is not ours to look into
/// counts so.
async fn claims<W: World>(holder: &UsernameOwner, context: &Context<W>) -> Result<bool, Problem> {
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

/// Returns what a user has in AWS, of all kinds.
async fn possession<W: World>(holder: &UsernameOwner, context: &Context<W>) -> Result<Possession, Problem> {
    let mut possession = Possession::Nothing;
    for kind in ResourceKind::ALL {
        let recorded = context.world.store().recorded(holder.user, kind).await?;
        // What is recorded elsewhere cannot be asked for here.
        if recorded.arn.as_ref().is_some_and(|arn| !context.target().holds(arn)) {
            return Ok(Possession::Something);
        }
        let of_kind =
            with_kind!(context.world, kind, |of| possession_of(of, holder, &recorded, context).await);
        match of_kind.map_err(provision::Error::from)? {
            Possession::Nothing => {}
            Possession::Something => return Ok(Possession::Something),
            unproven @ Possession::Unproven(_) => possession = unproven,
        }
    }
    Ok(possession)
}

/// Returns what a user has of one kind.
async fn possession_of<W: World, K: Kind>(
    kind: &K,
    holder: &UsernameOwner,
    recorded: &ResourceRecord,
    context: &Context<W>,
) -> ivs::Result<Possession> {
    let grace = context.timing.grace;
    let is_new = recorded.arn.is_some() && recorded.age < grace;
    if is_new || recorded.remaining(grace).is_some() {
        return Ok(Possession::Something);
    }
    if let Some(arn) = &recorded.arn
        && kind.get(arn).await?.is_some()
    {
        return Ok(Possession::Something);
    }
    let owner = Owner {
        installation: context.installation.clone(),
        user: holder.user,
        account: holder.account.clone(),
        username: holder.username.clone(),
    };
    let listed = context.last_inventory().unwrap_or_default().of_user(holder.user, K::KIND);
    if !owner.list_owned(kind, &listed).await?.is_empty() {
        return Ok(Possession::Something);
    }
    let circumstances = context.circumstances(K::KIND);
    let unproven = recorded.arn.as_ref().filter(|arn| !is_confirmed_absent(arn, recorded, &circumstances));
    Ok(unproven.map_or(Possession::Nothing, |arn| Possession::Unproven(arn.clone())))
}
