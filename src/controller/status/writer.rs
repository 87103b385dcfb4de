//! Writes the status and publishes the events of a reconcile.

use std::time::Duration;

use futures::future::join_all;

use super::{
    arn_changes::arn_changes,
    conditions::{Subject, next_status, suspended_status},
    events::{arn_change_events, events, suspended},
};
use crate::{
    api::{
        AccountRef, StreamerAccount, StreamerAccountStatus,
        condition::{SUSPENDED, is_true},
    },
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Retry,
        context::Context,
        error::Error,
        kubernetes::{EventDraft, Kubernetes, api_message},
        outcome::ReconcileOutcome,
    },
};

/// Maximum time for an event. It only reports what status says too.
const EVENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes the status and publishes its events, if anything has changed. A status is written whether or not
/// its events are accepted. Returns false if the outcome is for an earlier state of the account, so that
/// status does not have it.
pub(in crate::controller) async fn publish<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
    outcome: &ReconcileOutcome,
) -> Result<bool, Error> {
    // A reconcile that was cut short by the shutdown is not the account's problem. The next start continues.
    if context.stop.is_cancelled() && outcome.retry().is_some() {
        return Ok(false);
    }
    let previous = account.status.clone();
    let changes = arn_change_events(&previous.clone().unwrap_or_default(), outcome);
    join_all(changes.into_iter().map(|event| publish_or_keep(account, context, event))).await;
    if !write_status(account, context, &|account| status_of(account, context, outcome)).await? {
        return Ok(false);
    }
    let now = account.status.clone().unwrap_or_default();
    for event in events(previous.as_ref(), &now, outcome) {
        publish_event(account, context, &event).await;
    }
    Ok(true)
}

/// Writes a status while the reconcile goes on. A failed write does not matter, because the final status is
/// written too. An ARN change is only written at the end, together with its event (I7).
pub(in crate::controller) async fn write_interim_status<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
    outcome: &ReconcileOutcome,
) {
    let before = account.status.clone().unwrap_or_default();
    if arn_changes(&before, outcome).iter().any(|(_, change)| change.is_some()) {
        return;
    }
    if let Err(error) = write_status(account, context, &|account| status_of(account, context, outcome)).await
    {
        tracing::debug!(%error, "the interim status could not be written");
    }
}

/// Writes that an account is suspended, and publishes an event if it was not.
pub(in crate::controller) async fn publish_suspended<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
) -> Result<(), Error> {
    let was_suspended = is_true(account.conditions(), SUSPENDED);
    let now = context.backends.now();
    let next = |account: &StreamerAccount| {
        let hash = account.spec.hash();
        suspended_status(account.status.as_ref(), subject(account, context, None, &hash), &now)
    };
    if write_status(account, context, &next).await? && !was_suspended {
        publish_event(account, context, &suspended()).await;
    }
    Ok(())
}

fn status_of<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    outcome: &ReconcileOutcome,
) -> StreamerAccountStatus {
    let hash = account.spec.hash();
    // The request of the outcome, not of the account: a request that came during the reconcile was not
    // handled.
    let subject = subject(account, context, outcome.reconcile_request.as_deref(), &hash);
    next_status(account.status.as_ref(), subject, &context.backends.now(), outcome)
}

fn subject<'a, B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    reconcile_request: Option<&'a str>,
    spec_hash: &'a str,
) -> Subject<'a> {
    let policies = account.spec.effective_policies(context.drift_policy);
    let generation = account.metadata.generation.unwrap_or_default();
    Subject { generation, reconcile_request, policies, spec_hash }
}

/// Writes the status if it has changed. The write names the object's version, so that one that was lost on
/// the way cannot take effect on a later version. On a conflict the object is read again and the outcome is
/// applied to its current status. Returns false if the object is gone, has a new spec, or was settled by
/// another controller meanwhile. A change of its metadata alone is none of these.
async fn write_status<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
    next: &(impl Fn(&StreamerAccount) -> StreamerAccountStatus + Sync),
) -> kube::Result<bool> {
    let kubernetes = context.backends.kubernetes();
    loop {
        let next = next(account);
        if account.status.as_ref() == Some(&next) {
            return Ok(true);
        }
        match kubernetes.write_status(account, &next).await {
            Ok(written) => {
                *account = written;
                return Ok(true);
            }
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                let Some(current) = kubernetes.current(&account.reference(), account.object_uid()).await?
                else {
                    return Ok(false);
                };
                if current.metadata.resource_version == account.metadata.resource_version {
                    return Err(kube::Error::Api(status));
                }
                if is_outdated(account, &current) {
                    return Ok(false);
                }
                *account = current.into_account();
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns true if what was found about `account` says nothing about `current`, its later version: it has
/// another spec, or another controller has settled it since. A change of its metadata alone is neither.
fn is_outdated(account: &StreamerAccount, current: &StreamerAccount) -> bool {
    let is_settled_since = current.is_settled() && current.status != account.status;
    current.metadata.generation != account.metadata.generation || is_settled_since
}

/// Publishes an event. A failure is only logged: a condition or the orphan list says the same.
pub(in crate::controller) async fn publish_event<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    event: &EventDraft,
) {
    if let Err(error) = try_publish(account, context, event).await {
        let account = account.reference();
        tracing::warn!(%account, reason = %event.reason, "an event could not be published: {error}");
    }
}

/// Publishes the event of a changed ARN. If that fails, status is written all the same, and the event is
/// published later (I7).
async fn publish_or_keep<B: Backends>(account: &StreamerAccount, context: &Context<B>, event: EventDraft) {
    if let Err(error) = try_publish(account, context, &event).await {
        let key = account.reference();
        tracing::warn!(account = %key, reason = %event.reason, "an event could not be published yet: {error}");
        context.unpublished.keep(key, account, event);
    }
}

/// Publishes the events of an account that could not be published before.
pub(in crate::controller) async fn publish_kept_events<B: Backends>(key: &AccountRef, context: &Context<B>) {
    for kept in context.unpublished.take_due(key) {
        if let Err(error) = try_publish(&kept.account, context, &kept.event).await {
            tracing::debug!(account = %key, "an event could still not be published: {error}");
            context.unpublished.keep_again(key, kept);
        }
    }
}

/// Publishes an event, or returns the reason why that failed. Nothing waits for an event for long.
async fn try_publish<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    event: &EventDraft,
) -> Result<(), String> {
    let publish = context.backends.kubernetes().publish_event(account, event);
    match tokio::time::timeout(EVENT_TIMEOUT, publish).await {
        Ok(published) => published.map_err(|error| api_message(&error)),
        Err(_) => Err(format!("no answer within {} s", EVENT_TIMEOUT.as_secs())),
    }
}

/// Returns the time until the next try; None if only a change triggers it.
pub(in crate::controller) fn next_try<B: Backends>(
    key: &AccountRef,
    context: &Context<B>,
    outcome: &ReconcileOutcome,
) -> Option<Duration> {
    let retry = outcome.retry();
    if retry != Some(Retry::Backoff) {
        context.backoff.reset(key);
    }
    context.backoff.delay(key, retry?)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;
    use crate::{
        api::{FINALIZER, test_account},
        controller::{outcome::tests::ready, status::conditions::tests::at_generation},
    };

    /// Returns an account of generation 1 that is settled, or that has no status.
    fn account(is_settled: bool) -> StreamerAccount {
        let mut account = test_account("todd", "todd");
        account.metadata.generation = Some(1);
        account.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        let subject = at_generation(1);
        let now = Time(Timestamp::UNIX_EPOCH);
        account.status = is_settled.then(|| next_status(None, subject, &now, &ready()));
        account
    }

    #[test]
    fn an_outcome_holds_for_an_account_whose_metadata_alone_has_changed() {
        let read = account(true);
        assert!(read.is_settled());
        let mut labelled = read.clone();
        labelled.metadata.resource_version = Some("2".to_owned());
        assert!(!is_outdated(&read, &labelled), "its status is still the one that was read");
        assert!(is_outdated(&account(false), &labelled), "another controller has settled it");
        let mut edited = labelled;
        edited.metadata.generation = Some(2);
        assert!(is_outdated(&read, &edited), "it has another spec");
    }
}
