//! An account that is being deleted: everything it has goes, then the account itself.

use std::time::Duration;

use super::{
    Cluster, Context, Notice, World,
    backoff::SLOW,
    by_kind::ByKind,
    error::Error,
    identity::{leave, uid},
    let_go::{is_let_go, let_go},
    problem::Problem,
    progress::Progress,
    report::{has_finalizer, next_try, publish, reference, tell},
    world::with_kind,
};
use crate::{
    api::{DeletionPolicy, ResourceKind, StreamerAccount, are_alike},
    provision::{self, Owner, Retirement, retire},
    store::Users,
};

/// Takes away what `account`, read just now, has, and lets it go.
pub(super) async fn release<W: World>(
    mut account: StreamerAccount,
    context: &Context<W>,
) -> Result<Option<Duration>, Error> {
    let key = reference(&account);
    if !has_finalizer(&account) {
        context.forget(&key, context.doubt_about(&key));
        return Ok(None);
    }
    match take_away(&account, context).await {
        Ok(()) => {
            context.world.cluster().remove_finalizer(&account).await?;
            context.backoff.reset(&key);
            context.forget(&key, context.doubt_about(&key));
            wake_claimants(&account, context);
            Ok(None)
        }
        Err(progress) => {
            publish(&mut account, context, &progress).await?;
            // A deletion is not given up, whatever is wrong: nobody else sees to it.
            Ok(Some(next_try(&key, context, &progress).unwrap_or(SLOW)))
        }
    }
}

/// Takes the three resources away, then the rows; nothing where the account owns nothing, or the policy says keep.
async fn take_away<W: World>(account: &StreamerAccount, context: &Context<W>) -> Result<(), Progress> {
    let stopped = |problem: Problem| Progress::stopped_by(&problem);
    let (store, uid) = (context.world.store(), uid(account));
    let user = leave(account, context).await.map_err(stopped)?;
    let retain = account.spec.deletion_policy == DeletionPolicy::Retain;
    if is_let_go(account) && !retain {
        return let_go(account, context, user).await.map_err(stopped);
    }
    let Some(user) = user else { return Ok(()) };
    if !retain {
        let owner = context.owner(user, reference(account), &account.spec.username);
        retire_all(account, context, &owner).await?;
    } else if store.retain(user, uid).await.map_err(|error| stopped(error.into()))? {
        return Ok(());
    }
    // Where nothing stays by the policy, nothing is known to be there, or another object has taken the user on: then its row stays.
    // What a database that was lost does not know of stays all the same, as an orphan.
    store.release(user, uid, retain).await.map_err(|error| stopped(error.into()))
}

/// All three at the same time; each says for itself how far it is.
async fn retire_all<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    owner: &Owner,
) -> Result<(), Progress> {
    let (world, timing) = (&context.world, context.timing);
    let left = ByKind::join(async |kind| {
        let arn = account.status.as_ref().and_then(|status| status.arn(kind));
        let retired = with_kind!(world, kind, |of| retire(of, world.store(), timing, owner, arn).await);
        left(kind, retired)
    })
    .await;
    if !left.iter().all(|(_, (problem, _))| problem.is_deleted()) {
        let resources = ByKind::new(|kind| Err(left[kind].0.clone()));
        let user = Err(Problem::waits_for_the_others());
        return Err(Progress { user, resources, requested: None });
    }
    for (kind, (_, left_alone)) in left.iter() {
        tell_of_anothers(account, context, kind, left_alone).await;
    }
    Ok(())
}

/// What keeps one kind from being gone, or that it is gone; and the ARNs that were left alone.
fn left(kind: ResourceKind, retirement: provision::Result<Retirement>) -> (Problem, Vec<String>) {
    match retirement {
        Ok(Retirement::Gone(left_alone)) => (Problem::deleted(kind.noun()), left_alone),
        Ok(Retirement::Waiting(wait)) => (wait.into(), Vec::new()),
        Err(error) => (error.into(), Vec::new()),
    }
}

/// Says of what a record named, and is another's by its tags, that it was left alone.
async fn tell_of_anothers<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    kind: ResourceKind,
    left_alone: &[String],
) {
    for arn in left_alone {
        let note = format!(
            "the {kind} {arn} was recorded for this account and is left alone: its tags say that it is another's"
        );
        let notice = Notice { warning: true, reason: "LeftAlone".to_owned(), action: "Release", note };
        tell(account, context, &notice).await;
    }
}

/// Others that wait for the username have their turn now.
fn wake_claimants<W: World>(account: &StreamerAccount, context: &Context<W>) {
    for other in context.world.cluster().accounts() {
        let is_other = other.metadata.uid != account.metadata.uid;
        if is_other && are_alike(&other.spec.username, &account.spec.username) {
            context.wake(reference(&other));
        }
    }
}
