//! Cleans up after the deletion of an account: its resources, its rows, then its finalizer.

use std::time::Duration;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use tokio::time::Instant;

use super::abandon::{abandon, report_abandoned_again};
use crate::{
    api::{ByKind, DeletionPolicy, ObservedAccount, ResourceKind, StreamerAccount},
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Blocker,
        changes::requeue_claimants,
        context::{Context, FIXED_DELAY},
        error::Error,
        kubernetes::Kubernetes,
        outcome::ReconcileOutcome,
        shared_waits::SharedCalls,
        status::{events, next_try, publish, publish_event},
        username::{DeletionClaim, claim_for_deletion},
    },
    ivs::dispatch_kind,
    lanes::branch,
    provision::{self, DeletionOutcome, Owner, delete_all},
    store::{Resources, Users},
};

/// Cleans up after the deletion of `account`, which was read at `read`, and removes its finalizer.
pub(super) async fn cleanup<B: Backends>(
    account: ObservedAccount,
    context: &Context<B>,
    read: Instant,
) -> Result<Option<Duration>, Error> {
    let key = account.reference();
    let problem = account.problem().cloned();
    let mut account = account.into_account();
    context.shared_waits.forget(&key);
    if !account.has_finalizer() {
        context.forget(&key, context.dirty_mark(&key));
        return Ok(None);
    }
    match delete_external_resources(&mut account, context, read).await {
        Ok(()) => {
            if let Some(problem) = problem.filter(|problem| !problem.is_policy_known) {
                publish_event(&account, context, &events::policy_not_understood(&problem)).await;
            }
            context.backends.kubernetes().remove_finalizer(&account).await?;
            context.backoff.reset(&key);
            context.forget(&key, context.dirty_mark(&key));
            Ok(None)
        }
        Err(outcome) => {
            publish(&mut account, context, &outcome).await?;
            // A deletion is always retried: nobody else does it.
            Ok(Some(next_try(&key, context, &outcome).unwrap_or(FIXED_DELAY)))
        }
    }
}

/// Cleans up after an object that the API server has removed without waiting for our finalizer. Returns the
/// time until the retry and the problem if the cleanup is not done. If the controller stops before it is, a
/// resync adds the resources to the orphan list.
pub(super) async fn try_clean_up<B: Backends>(
    object: &ObservedAccount,
    context: &Context<B>,
) -> Result<(), (Duration, String)> {
    let key = object.reference();
    let mut account = object.clone().into_account();
    account.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
    match delete_if_claimed(&mut account, context).await {
        Ok(()) => {
            context.backoff.reset(&key);
            context.removed.forget(object);
            if context.backends.kubernetes().cache().get(&key).is_none() {
                context.forget(&key, context.dirty_mark(&key));
            }
            requeue_claimants(object, context);
            Ok(())
        }
        Err(outcome) => {
            tracing::warn!(account = %key, "the cleanup is retried: {}", outcome.message());
            let retry_in = next_try(&key, context, &outcome).unwrap_or(FIXED_DELAY);
            Err((retry_in, outcome.message().to_owned()))
        }
    }
}

/// Deletes the external resources of a removed object if it holds a user. It never gets one after this.
async fn delete_if_claimed<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
) -> Result<(), ReconcileOutcome> {
    let held = context.backends.store().tombstone(account.object_uid()).await;
    match held.map_err(|error| ReconcileOutcome::blocked_by(&error.into()))? {
        Some(_) => delete_external_resources(account, context, Instant::now()).await,
        None => Ok(()),
    }
}

/// Deletes the three resources, then the rows. Deletes nothing if the object holds no user, or if the
/// deletion policy is Retain.
async fn delete_external_resources<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
    read: Instant,
) -> Result<(), ReconcileOutcome> {
    let stopped = |blocker: Blocker| ReconcileOutcome::blocked_by(&blocker);
    let retain = account.spec.deletion_policy == Some(DeletionPolicy::Retain);
    // Nothing is deleted while the controller and its records do not belong together. A person may still
    // abandon the account.
    if let Some(blocker) =
        context.halt().filter(|halt| halt.is_other_installation() || !account.is_abandoned())
    {
        return Err(stopped(blocker));
    }
    if account.spec.username.is_empty() {
        // The username cannot be read.
        let recorded = context.backends.store().username_of(account.object_uid()).await;
        account.spec.username = recorded.map_err(|error| stopped(error.into()))?.unwrap_or_default();
    }
    let is_abandoned = account.is_abandoned() && !retain;
    let held = match claim_for_deletion(account, context, read).await.map_err(stopped)? {
        DeletionClaim::Held(held) => held,
        DeletionClaim::Refused(blocker) => {
            publish_event(account, context, &events::no_claim(&blocker)).await;
            return Ok(());
        }
        DeletionClaim::AlreadyDeleted if is_abandoned => {
            return report_abandoned_again(account, context).await.map_err(stopped);
        }
        DeletionClaim::AlreadyDeleted => return Ok(()),
    };
    if is_abandoned {
        return abandon(account, context, &held).await.map_err(stopped);
    }
    if !retain {
        delete_resources(account, context, &held.owner(context)).await?;
    } else if held.retain(context).await.map_err(stopped)? {
        return Ok(());
    }
    // Nothing stays by the policy, or nothing is known to exist. With Retain, resources that a lost database
    // does not know of stay as orphans.
    held.delete_user(context, retain).await.map_err(stopped)
}

/// Deletes the three resources concurrently. Each reports its own progress.
async fn delete_resources<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    owner: &Owner,
) -> Result<(), ReconcileOutcome> {
    let basis = context.listed_basis().await.map_err(|blocker| ReconcileOutcome::blocked_by(&blocker))?;
    let backends = &context.backends;
    let recorded = backends.store().recorded(owner.user).await;
    let recorded = recorded.map_err(|error| ReconcileOutcome::blocked_by(&error.into()))?;
    let delete = async |kind| {
        // An ARN in status belongs to this claim only if status names the claim's user.
        let is_own = account.user_in_status() == Some(owner.user);
        let arn = account.status.as_ref().filter(|_| is_own).and_then(|status| status.arn(kind));
        let (listed, decision_context) =
            (basis.inventory.of_user(owner.user, kind), context.decision_context(kind, &basis));
        let recorded = recorded[kind].clone();
        let deleted = dispatch_kind!(backends, kind, |of| {
            let calls = SharedCalls::of_deletion(of, &context.shared_waits, &owner.account);
            delete_all(&calls, backends.store(), &decision_context, owner, recorded, arn, &listed).await
        });
        deletion_result(kind, deleted)
    };
    let results = ByKind::join(|kind| branch(Box::pin(delete(kind)))).await;
    if !results.iter().all(|(_, (blocker, _))| blocker.is_deleted()) {
        let resources = ByKind::new(|kind| Err(results[kind].0.clone()));
        let user = Err(Blocker::waits_for_resources());
        return Err(ReconcileOutcome { user, resources, reconcile_request: None });
    }
    for (kind, (_, skipped)) in results.iter() {
        for arn in skipped {
            publish_event(account, context, &events::foreign_resource_skipped(kind, arn)).await;
        }
    }
    Ok(())
}

/// Returns the state of the deletion of one kind, and the ARNs that were skipped.
fn deletion_result(
    kind: ResourceKind,
    outcome: provision::Result<DeletionOutcome>,
) -> (Blocker, Vec<String>) {
    match outcome {
        Ok(DeletionOutcome::Gone(skipped)) => (Blocker::deleted(kind.noun()), skipped),
        Ok(DeletionOutcome::Waiting(wait)) => (wait.into(), Vec::new()),
        Err(error) => (error.into(), Vec::new()),
    }
}
