//! What a reconcile reports: status, events, and when to look again.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{ResourceExt, runtime::controller::Action};
use uuid::Uuid;

use super::{
    Cluster, Context, Notice, World,
    error::Error,
    notices::notices,
    problem::Retry,
    status::{self, Progress, Subject},
};
use crate::{
    api::{AccountRef, FINALIZER, RECONCILE_AT_ANNOTATION, ResourceKind, StreamerAccount},
    provision::Record,
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
pub(super) fn records(account: &StreamerAccount) -> Vec<Record> {
    let Some(status) = &account.status else { return Vec::new() };
    let account: AccountRef = reference(account);
    let record = |kind, arn: &String| Record { account: account.clone(), kind, arn: arn.clone() };
    [
        status.channel.as_ref().map(|channel| record(ResourceKind::Channel, &channel.arn)),
        status.chat_room.as_ref().map(|room| record(ResourceKind::ChatRoom, &room.arn)),
        status.stage.as_ref().map(|stage| record(ResourceKind::Stage, &stage.arn)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether our finalizer is on the account.
pub(super) fn has_finalizer(account: &StreamerAccount) -> bool {
    account.finalizers().iter().any(|name| name == FINALIZER)
}

/// The value of the annotation that asks for a look at everything.
pub(super) fn requested(account: &StreamerAccount) -> Option<&str> {
    account.metadata.annotations.as_ref()?.get(RECONCILE_AT_ANNOTATION).map(String::as_str)
}

/// Writes status and events, if anything is new.
pub(super) async fn publish<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    progress: &Progress,
) -> Result<(), Error> {
    // What did not happen because we are stopping is not the account's trouble: the next start goes on.
    if context.stop.is_cancelled() && progress.retry().is_some() {
        return Ok(());
    }
    let previous = account.status.as_ref();
    let generation = account.metadata.generation.unwrap_or_default();
    let subject = Subject { generation, reconcile_at: requested(account) };
    let next = status::after(previous, subject, &Time(Timestamp::now()), progress);
    let notices = notices(previous, &next, progress);
    if previous != Some(&next) {
        context.world.cluster().write_status(account, &next).await?;
    }
    for notice in notices {
        tell(account, context, &notice).await;
    }
    Ok(())
}

/// Publishes an event. One that is lost is no reason to do the work again: a condition, or the orphan list, says the same.
pub(super) async fn tell<W: World>(account: &StreamerAccount, context: &Context<W>, notice: &Notice) {
    if let Err(error) = context.world.cluster().publish(account, notice).await {
        tracing::warn!(%error, reason = notice.reason, "an event could not be published");
    }
}

/// When to look at the account again.
pub(super) fn next_try<W: World>(key: &AccountRef, context: &Context<W>, progress: &Progress) -> Action {
    let Some(retry) = progress.retry() else {
        context.backoff.reset(key);
        return Action::await_change();
    };
    if !matches!(retry, Retry::Soon) {
        context.backoff.reset(key);
    }
    context.backoff.delay(key, retry).map_or_else(Action::await_change, Action::requeue)
}
