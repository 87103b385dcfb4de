//! What a reconcile reports: status, events, and when to look again.

use std::time::Duration;

use kube::ResourceExt;
use uuid::Uuid;

use super::{
    Cluster, Context, Notice, World,
    error::Error,
    moves::moves,
    notices::{move_notices, notices},
    problem::Retry,
    progress::Progress,
    status::{self, Subject},
};
use crate::{
    api::{
        AccountRef, FINALIZER, RECONCILE_AT_ANNOTATION, ResourceKind, StreamerAccount, StreamerAccountStatus,
        condition::{READY, STALLED, find, is_true},
    },
    provision::StatusEntry,
};

/// The account's namespace and name.
pub(super) fn reference(account: &StreamerAccount) -> AccountRef {
    AccountRef { namespace: account.namespace().unwrap_or_default(), name: account.name_any() }
}

/// The user that the account's status names.
pub(super) fn user_in_status(account: &StreamerAccount) -> Option<Uuid> {
    account.status.as_ref()?.user_id.as_ref()?.parse().ok()
}

/// What the account's status says of its resources.
pub(super) fn records(account: &StreamerAccount) -> Vec<StatusEntry> {
    let Some(status) = &account.status else { return Vec::new() };
    let record = |kind: ResourceKind| {
        let arn = status.arn(kind)?.to_owned();
        let is_well = is_true(&status.conditions, kind.condition());
        Some(StatusEntry { account: reference(account), kind, arn, is_ready: is_well })
    };
    ResourceKind::ALL.into_iter().filter_map(record).collect()
}

/// Whether our finalizer is on the account.
pub(super) fn has_finalizer(account: &StreamerAccount) -> bool {
    account.finalizers().iter().any(|name| name == FINALIZER)
}

/// Whether status says of this generation that all is well, and nobody has asked for a look since.
pub(super) fn is_settled(account: &StreamerAccount) -> bool {
    has_finalizer(account)
        && account.status.as_ref().is_some_and(|status| {
            Some(status.observed_generation) == account.metadata.generation
                && status.last_handled_reconcile_at.as_deref() == requested(account)
                && is_true(&status.conditions, READY)
        })
}

/// Why the account waits for somebody to change something, if status says so of this generation.
pub(super) fn stalled(account: &StreamerAccount) -> Option<&str> {
    let stalled = find(&account.status.as_ref()?.conditions, STALLED)?;
    (stalled.observed_generation == account.metadata.generation).then_some(stalled.reason.as_str())
}

/// The value of the annotation that asks for a look at everything.
pub(super) fn requested(account: &StreamerAccount) -> Option<&str> {
    account.metadata.annotations.as_ref()?.get(RECONCILE_AT_ANNOTATION).map(String::as_str)
}

/// Writes status and events, if anything is new.
pub(super) async fn publish<W: World>(
    account: &mut StreamerAccount,
    context: &Context<W>,
    progress: &Progress,
) -> Result<(), Error> {
    // What did not happen because we are stopping is not the account's trouble: the next start goes on.
    if context.stop.is_cancelled() && progress.retry().is_some() {
        return Ok(());
    }
    let previous = account.status.clone();
    for notice in move_notices(&previous.clone().unwrap_or_default(), progress) {
        context.world.cluster().publish(account, &notice).await?;
    }
    if !write_status(account, context, progress).await? {
        return Ok(());
    }
    let now = account.status.clone().unwrap_or_default();
    for notice in notices(previous.as_ref(), &now, progress) {
        tell(account, context, &notice).await;
    }
    Ok(())
}

/// Writes status while the work goes on. What cannot be written now is written at the end; so is an ARN that changes,
/// together with its event (I7).
pub(super) async fn publish_progress<W: World>(
    account: &mut StreamerAccount,
    context: &Context<W>,
    progress: &Progress,
) {
    let before = account.status.clone().unwrap_or_default();
    if moves(&before, progress).iter().any(|(_, moved)| moved.is_some()) {
        return;
    }
    if let Err(error) = write_status(account, context, progress).await {
        tracing::debug!(%error, "what is ready so far could not be told");
    }
}

fn next_status<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    progress: &Progress,
) -> StreamerAccountStatus {
    let generation = account.metadata.generation.unwrap_or_default();
    // Not as the account has it by now: what was asked for during the work was not looked at.
    let subject = Subject { generation, reconcile_at: progress.requested.as_deref() };
    status::after(account.status.as_ref(), subject, &context.world.now(), progress)
}

/// Writes a status that is new into this very version of the object, so that a write that was lost on the way cannot
/// land on a later one. Where somebody else has changed the object meanwhile it is read again, and what has come of the
/// work is told on top of what it says now, unless there is a new spec, or another controller has settled it; false then.
async fn write_status<W: World>(
    account: &mut StreamerAccount,
    context: &Context<W>,
    progress: &Progress,
) -> kube::Result<bool> {
    let cluster = context.world.cluster();
    loop {
        let next = next_status(account, context, progress);
        if account.status.as_ref() == Some(&next) {
            return Ok(true);
        }
        match cluster.write_status(account, &next).await {
            Ok(written) => {
                *account = written;
                return Ok(true);
            }
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                let Some(current) = cluster.current(account).await? else { return Ok(false) };
                if current.metadata.resource_version == account.metadata.resource_version {
                    return Err(kube::Error::Api(status));
                }
                if current.metadata.generation != account.metadata.generation || is_settled(&current) {
                    return Ok(false);
                }
                *account = current;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Publishes an event. One that is lost is no reason to do the work again: a condition, or the orphan list, says the same.
pub(super) async fn tell<W: World>(account: &StreamerAccount, context: &Context<W>, notice: &Notice) {
    if let Err(error) = context.world.cluster().publish(account, notice).await {
        tracing::warn!(%error, reason = notice.reason, "an event could not be published");
    }
}

/// When to look at the account again; None: not before something changes.
pub(super) fn next_try<W: World>(
    key: &AccountRef,
    context: &Context<W>,
    progress: &Progress,
) -> Option<Duration> {
    let retry = progress.retry();
    if retry != Some(Retry::Soon) {
        context.backoff.reset(key);
    }
    context.backoff.delay(key, retry?)
}
