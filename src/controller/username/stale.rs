//! Stale rows: after a restore, the row of a username can name a user that no account has.

use uuid::Uuid;

use crate::{
    api::{ResourceKind, StreamerAccount, are_alike},
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Blocker,
        context::{Basis, Context},
        kubernetes::Kubernetes,
    },
    ivs::{self, Kind, dispatch_kind},
    provision::{self, Owner, is_confirmed_absent},
    store::{Claimant, ResourceRecord, Resources, UsernameOwner},
};

/// Returns true if the row of a username is stale. A user that a person registered, that was retained, or
/// that another cluster holds is never stale. Tags are no evidence against a user that has, or may have,
/// resources.
pub(super) async fn is_stale<B: Backends>(
    holder: &UsernameOwner,
    account: &StreamerAccount,
    claimant: &Claimant<'_>,
    context: &Context<B>,
) -> Result<bool, Blocker> {
    if holder.registered || holder.retained || claimant.is_of_another_cluster(holder) {
        return Ok(false);
    }
    let is_another = |known: Option<Uuid>| known.is_some_and(|known| known != holder.user);
    if holder.uid.as_deref() == Some(account.object_uid()) {
        // The object's own row is stale if status names another user: a claim from before the database was
        // lost took effect late.
        if !is_another(account.user_in_status()) {
            return Ok(false);
        }
    } else if holder.account == *claimant.account {
        // The account has become another user since: its status says so or, if the row's user has no
        // resources and nothing is to be deleted, tags do.
        if is_another(account.user_in_status()) {
            return Ok(true);
        }
        if account.is_being_deleted() || !is_another(claimant.known) {
            return Ok(false);
        }
    } else if holder_wants_username(holder, context).await? {
        return Ok(false);
    }
    // An abandoned account does not wait for AWS.
    if account.is_abandoned() {
        return Ok(false);
    }
    match possession(holder, context).await? {
        Possession::Nothing => Ok(true),
        // Nothing is created for either of an account's two users before it is certain which one it is.
        Possession::Unproven(arn) if holder.account == *claimant.account => {
            Err(Blocker::record_unproven(&arn, context.timing.resync))
        }
        Possession::Something | Possession::Unproven(_) => Ok(false),
    }
}

/// The resources of a user in AWS.
enum Possession {
    /// The user has none, and none is being created.
    Nothing,
    /// The user has some, or some may be being created.
    Something,
    /// AWS does not return this recorded resource, but its absence is not confirmed yet.
    Unproven(String),
}

/// Returns true if the holder's account exists and still wants the username. An account in a namespace that
/// we may not read counts as existing.
async fn holder_wants_username<B: Backends>(
    holder: &UsernameOwner,
    context: &Context<B>,
) -> Result<bool, Blocker> {
    let kubernetes = context.backends.kubernetes();
    let known = kubernetes.cache().get(&holder.account);
    if known.is_some_and(|known| are_alike(&known.username, &holder.username)) {
        return Ok(true);
    }
    match kubernetes.claims_username(&holder.account, &holder.username).await {
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
        claims => Ok(claims?),
    }
}

/// Returns the resources of a user in AWS, of all kinds.
async fn possession<B: Backends>(
    holder: &UsernameOwner,
    context: &Context<B>,
) -> Result<Possession, Blocker> {
    let mut possession = Possession::Nothing;
    for kind in ResourceKind::ALL {
        let records = context.backends.store().recorded(holder.user).await?;
        let recorded = &records[kind];
        // A resource in another AWS account or region cannot be checked from here.
        if recorded.arn.as_ref().is_some_and(|arn| !context.target().holds(arn)) {
            return Ok(Possession::Something);
        }
        let of_kind =
            dispatch_kind!(context.backends, kind, |of| possession_of(of, holder, recorded, context).await);
        match of_kind.map_err(provision::Error::from)? {
            Possession::Nothing => {}
            Possession::Something => return Ok(Possession::Something),
            unproven @ Possession::Unproven(_) => possession = unproven,
        }
    }
    Ok(possession)
}

/// Returns the resources of a user in AWS, of one kind.
async fn possession_of<B: Backends, K: Kind>(
    kind: &K,
    holder: &UsernameOwner,
    recorded: &ResourceRecord,
    context: &Context<B>,
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
    if !owner.list_owned(kind, &listed, false).await?.is_empty() {
        return Ok(Possession::Something);
    }
    let decision_context = context.decision_context(K::KIND, &Basis::default());
    let unproven = recorded.arn.as_ref().filter(|arn| !is_confirmed_absent(arn, recorded, &decision_context));
    Ok(unproven.map_or(Possession::Nothing, |arn| Possession::Unproven(arn.clone())))
}
