//! One reconcile: applies the spec of an account, or cleans up after its deletion.

mod abandon;
mod apply;
mod cleanup;
mod resource;
mod secret;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use self::{
    apply::{apply, report_terminating_namespace},
    cleanup::cleanup,
};
use super::{
    account::AccountExt,
    backends::Backends,
    blocker::Retry,
    context::Context,
    error::{Error, RECONCILE_TIMEOUT},
    kubernetes::Kubernetes,
};
use crate::api::StreamerAccount;

/// Reconciles an account: creates and updates its resources as its spec says, or deletes them. Returns the
/// time until the next reconcile if nothing changes before.
///
/// # Errors
/// A call to Kubernetes failed, or the reconcile took too long.
pub async fn reconcile<B: Backends>(
    account: Arc<StreamerAccount>,
    context: Arc<Context<B>>,
) -> Result<Option<Duration>, Error> {
    let started = std::time::Instant::now();
    let result = tokio::time::timeout(RECONCILE_TIMEOUT, reconcile_account(&account, &context))
        .await
        .unwrap_or(Err(Error::TimedOut));
    if let Err(Error::TimedOut) = &result {
        // The timed-out reconcile may have changed AWS without recording it.
        context.mark_dirty(account.reference());
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
    cached: &StreamerAccount,
    context: &Context<B>,
) -> Result<Option<Duration>, Error> {
    let key = cached.reference();
    let (dirty, recheck) = (context.dirty_mark(&key), context.rechecks.due_in(&key));
    let is_check_due = dirty.is_some() || recheck.is_some_and(|left| left.is_zero());
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
    } else if is_terminating? {
        report_terminating_namespace(account, context).await
    } else {
        apply(account, context, dirty, read).await
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

/// Returns true if there is nothing to do: the account is settled, or it is being deleted without our
/// finalizer.
fn needs_nothing(account: &StreamerAccount) -> bool {
    if account.is_being_deleted() { !account.has_finalizer() } else { account.is_settled() }
}
