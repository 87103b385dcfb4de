//! An account that is being deleted: everything it has goes, then the account itself.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Cluster, Context, Notice, World,
    abandon::{abandon, abandon_again, is_abandoned},
    backoff::SLOW,
    by_kind::ByKind,
    error::Error,
    identity::{Leaving, leave},
    problem::Problem,
    progress::Progress,
    report::{has_finalizer, next_try, publish, reference, tell, user_in_status},
    world::with_kind,
};
use crate::{
    api::{DeletionPolicy, ResourceKind, StreamerAccount, are_alike},
    provision::{self, DeletionOutcome, Owner, delete_all},
};

/// Takes away what `account`, `read` just now, has, and lets it go.
pub(super) async fn release<W: World>(
    mut account: StreamerAccount,
    context: &Context<W>,
    read: Instant,
) -> Result<Option<Duration>, Error> {
    let key = reference(&account);
    if !has_finalizer(&account) {
        context.forget(&key, context.doubt_about(&key));
        return Ok(None);
    }
    match take_away(&account, context, read).await {
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

/// Takes the three resources away, then the rows; nothing where the object holds no user, or the policy says keep.
async fn take_away<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    read: Instant,
) -> Result<(), Progress> {
    let stopped = |problem: Problem| Progress::stopped_by(&problem);
    let retain = account.spec.deletion_policy == DeletionPolicy::Retain;
    // Somewhere else than the records nothing is deleted; a person may abandon the account all the same.
    if let Some(problem) =
        context.halt().filter(|halt| halt.is_other_installation() || !is_abandoned(account))
    {
        return Err(stopped(problem));
    }
    let is_abandoned = is_abandoned(account) && !retain;
    let held = match leave(account, context, read).await.map_err(stopped)? {
        Leaving::Held(held) => held,
        Leaving::Refused(problem) => {
            tell_of_no_claim(account, context, &problem).await;
            return Ok(());
        }
        Leaving::Released if is_abandoned => {
            return abandon_again(account, context).await.map_err(stopped);
        }
        Leaving::Released => return Ok(()),
    };
    if is_abandoned {
        return abandon(account, context, &held).await.map_err(stopped);
    }
    if !retain {
        retire_all(account, context, &context.owner(&held)).await?;
    } else if held.retain(context).await.map_err(stopped)? {
        return Ok(());
    }
    // Where nothing stays by the policy, or nothing is known to be there.
    // What a database that was lost does not know of stays all the same, as an orphan.
    held.release(context, retain).await.map_err(stopped)
}

/// Says of an account that held no user that nothing was deleted for it.
async fn tell_of_no_claim<W: World>(account: &StreamerAccount, context: &Context<W>, problem: &Problem) {
    let note = format!(
        "the account goes without a claim to its username, and nothing is deleted in AWS: what its status names, if anything, is left alone ({})",
        problem.message
    );
    let notice =
        Notice { warning: true, reason: "ForeignResourceSkipped".to_owned(), action: "Release", note };
    tell(account, context, &notice).await;
}

/// All three at the same time; each says for itself how far it is.
async fn retire_all<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    owner: &Owner,
) -> Result<(), Progress> {
    let inventory = context.inventory().await.map_err(|problem| Progress::stopped_by(&problem))?;
    let world = &context.world;
    let left = ByKind::join(async |kind| {
        // What status names of another user was never this claim's.
        let is_its = user_in_status(account) == Some(owner.user);
        let arn = account.status.as_ref().filter(|_| is_its).and_then(|status| status.arn(kind));
        let (listed, circumstances) = (inventory.of_user(owner.user, kind), context.circumstances(kind));
        let retired = with_kind!(world, kind, |of| {
            delete_all(of, world.store(), &circumstances, owner, arn, &listed).await
        });
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
fn left(kind: ResourceKind, retirement: provision::Result<DeletionOutcome>) -> (Problem, Vec<String>) {
    match retirement {
        Ok(DeletionOutcome::Gone(left_alone)) => (Problem::deleted(kind.noun()), left_alone),
        Ok(DeletionOutcome::Waiting(wait)) => (wait.into(), Vec::new()),
        Err(error) => (error.into(), Vec::new()),
    }
}

/// Publishes that what a record named, and is another's by its tags or by another record, was left alone.
async fn tell_of_anothers<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    kind: ResourceKind,
    left_alone: &[String],
) {
    for arn in left_alone {
        let note = format!(
            "the {kind} {arn} was recorded for this account and is left alone: its tags or another record say that it is another's"
        );
        let notice =
            Notice { warning: true, reason: "ForeignResourceSkipped".to_owned(), action: "Release", note };
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
