//! What a reconcile reports: status, events, and when to look again.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{ResourceExt, runtime::controller::Action};

use super::{
    Cluster, Context, World,
    error::Error,
    notices::notices,
    problem::Retry,
    status::{self, Progress},
};
use crate::api::{AccountRef, StreamerAccount};

/// The account's namespace and name.
pub(super) fn reference(account: &StreamerAccount) -> AccountRef {
    AccountRef { namespace: account.namespace().unwrap_or_default(), name: account.name_any() }
}

/// Writes status and events, if anything is new.
pub(super) async fn publish<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    progress: &Progress,
) -> Result<(), Error> {
    let previous = account.status.as_ref();
    let generation = account.metadata.generation.unwrap_or_default();
    let next = status::after(previous, generation, &Time(Timestamp::now()), progress);
    let notices = notices(previous, &next, progress);
    if previous != Some(&next) {
        context.world.cluster().write_status(account, &next).await?;
    }
    for notice in notices {
        // An event that is lost is no reason to do the work again; the condition says the same.
        if let Err(error) = context.world.cluster().publish(account, &notice).await {
            tracing::warn!(%error, reason = notice.reason, "an event could not be published");
        }
    }
    Ok(())
}

/// When to look at the account again.
pub(super) fn next_try<W: World>(key: &AccountRef, context: &Context<W>, progress: &Progress) -> Action {
    let Some(retry) = progress.retry() else {
        context.backoff.reset(key);
        context.clear_doubt(key);
        return Action::await_change();
    };
    if !matches!(retry, Retry::Soon) {
        context.backoff.reset(key);
    }
    context.backoff.delay(key, retry).map_or_else(Action::await_change, Action::requeue)
}
