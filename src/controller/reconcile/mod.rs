//! One reconcile: applies the spec of an account, or cleans up after its deletion.

mod abandon;
mod apply;
mod cleanup;
mod resource;
mod secret;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use self::{
    apply::{apply, report_blocked},
    cleanup::cleanup,
};
use super::{
    account::AccountExt,
    backends::Backends,
    blocker::{Blocker, Retry},
    context::Context,
    error::{Error, RECONCILE_TIMEOUT},
    kubernetes::Kubernetes,
    status::publish_kept_events,
};
use crate::api::{ObservedAccount, StreamerAccount};

/// Reconciles an account: creates and updates its resources as its spec says, or deletes them. Returns the
/// time until the next reconcile if nothing changes before.
///
/// # Errors
/// A call to Kubernetes failed, or the reconcile took too long.
pub async fn reconcile<B: Backends>(
    account: Arc<ObservedAccount>,
    context: Arc<Context<B>>,
) -> Result<Option<Duration>, Error> {
    let started = std::time::Instant::now();
    let key = account.reference();
    let result = tokio::time::timeout(RECONCILE_TIMEOUT, reconcile_account(&account, &context))
        .await
        .unwrap_or(Err(Error::TimedOut));
    // After the reconcile, which does not wait for them.
    publish_kept_events(&key, &context).await;
    let result = result.map(|next| next.into_iter().chain(context.unpublished.due_in(&key)).min());
    if let Err(Error::TimedOut) = &result {
        // The timed-out reconcile may have changed AWS without recording it.
        context.mark_dirty(key);
    }
    let label = match &result {
        Ok(None) => "success",
        Ok(Some(_)) => "requeue_after",
        Err(_) => "error",
    };
    context.metrics.record_reconcile(label, started.elapsed());
    result
}

async fn reconcile_account<B: Backends>(
    cached: &ObservedAccount,
    context: &Context<B>,
) -> Result<Option<Duration>, Error> {
    let key = cached.reference();
    // A spec that is not understood is not compared with AWS. Its marks stay until it is.
    let is_comparable = cached.problem().is_none();
    let dirty = context.dirty_mark(&key).filter(|_| is_comparable);
    let recheck = context.rechecks.due_in(&key).filter(|_| is_comparable);
    let is_unverified = is_comparable && context.unverified.contains(&key);
    let is_check_due = dirty.is_some() || is_unverified || recheck.is_some_and(|left| left.is_zero());
    if needs_nothing(cached) && !is_check_due {
        return Ok(recheck);
    }
    // The cache can lag behind our own writes, so read the live object before acting. Its namespace is read
    // at the same time: both answers are needed before anything is created.
    let (kubernetes, read) = (context.backends.kubernetes(), Instant::now());
    let (account, is_terminating) =
        tokio::join!(kubernetes.current(cached), is_namespace_terminating(cached, context));
    let Some(account) = account? else {
        context.forget(&key, dirty);
        return Ok(None);
    };
    if needs_nothing(&account) && !is_check_due {
        return Ok(recheck);
    }
    if account.is_being_deleted() {
        cleanup(account, context, read).await
    } else if let Some(problem) = account.problem() {
        let blocker = Blocker::spec_not_understood(problem);
        report_blocked(account.into_account(), context, &blocker).await
    } else if is_terminating? {
        report_blocked(account.into_account(), context, &Blocker::namespace_terminating(&key.namespace)).await
    } else {
        apply(account.into_account(), context, dirty, read).await
    }
}

/// Returns true if the account's namespace is terminating. Always true for an account that is being deleted,
/// which never creates anything.
async fn is_namespace_terminating<B: Backends>(
    cached: &StreamerAccount,
    context: &Context<B>,
) -> kube::Result<bool> {
    if cached.is_being_deleted() {
        return Ok(true);
    }
    context.backends.kubernetes().is_namespace_terminating(cached).await
}

/// Returns the time until the retry of a reconcile that ended in an error.
pub fn after_error<B: Backends>(account: &StreamerAccount, context: &Context<B>) -> Option<Duration> {
    context.backoff.delay(&account.reference(), Retry::Backoff)
}

/// Returns true if there is nothing to do: the account is settled, it is being deleted without our finalizer,
/// or its status says why its spec is not understood.
fn needs_nothing(account: &ObservedAccount) -> bool {
    if account.is_being_deleted() {
        return !account.has_finalizer();
    }
    account.problem().map_or_else(
        || account.is_settled(),
        |problem| account.is_blocked_by(&Blocker::spec_not_understood(problem)),
    )
}
