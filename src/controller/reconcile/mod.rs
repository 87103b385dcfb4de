//! One task of the queue: applies the spec of an account, or cleans up after its deletion.

mod abandon;
mod apply;
mod cleanup;
mod resource;
mod secret;
mod suspend;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use self::{
    apply::{apply, report_blocked},
    cleanup::{cleanup, try_clean_up},
    suspend::report_suspended,
};
use super::{
    account::AccountExt,
    backends::Backends,
    blocker::{Blocker, Retry},
    cache::{CachedAccount, needs_nothing},
    context::Context,
    error::{Error, MAX_RECONCILE_TIME, RECONCILE_TIMEOUT},
    kubernetes::Kubernetes,
    status::publish_kept_events,
};
use crate::{
    api::{AccountRef, ObservedAccount},
    lanes,
};

/// The next task of an account.
#[derive(Debug)]
pub enum Task {
    /// Creates and updates the resources of this account as its spec says, or deletes them.
    Reconcile(Arc<CachedAccount>),
    /// Cleans up after this object, which the API server has removed without waiting for our finalizer.
    CleanUpRemoved(Arc<ObservedAccount>),
}

impl Task {
    /// Returns the next task of an account; None if there is nothing to do. A removed object comes first: an
    /// object of the same name must not take over what is being deleted, unless it is being deleted too. Then
    /// a person can abandon it.
    pub fn next<B: Backends>(account: &AccountRef, context: &Context<B>) -> Option<Self> {
        let cached = context.backends.kubernetes().cache().get(account);
        let is_deletion = cached.as_ref().is_some_and(|it| it.is_being_deleted && it.has_finalizer);
        let removed = context.removed.first(account).filter(|_| !is_deletion);
        removed.map(Self::CleanUpRemoved).or_else(|| cached.map(Self::Reconcile))
    }

    /// Returns the account.
    #[must_use]
    pub fn account(&self) -> AccountRef {
        match self {
            Self::Reconcile(account) => account.reference.clone(),
            Self::CleanUpRemoved(object) => object.reference(),
        }
    }

    /// Returns the UID of the object.
    #[must_use]
    pub fn object_uid(&self) -> String {
        match self {
            Self::Reconcile(account) => account.object_uid(),
            Self::CleanUpRemoved(object) => object.object_uid().to_owned(),
        }
    }

    /// Performs the task. Returns the time until the next one of the account if nothing changes before, and
    /// the error if a call to Kubernetes failed or the task took too long.
    pub async fn perform<B: Backends>(self, context: &Context<B>) -> (Option<Duration>, Option<Error>) {
        let started = std::time::Instant::now();
        let key = self.account();
        let performed = lanes::timeout(RECONCILE_TIMEOUT, MAX_RECONCILE_TIME, async {
            match &self {
                Self::Reconcile(account) => reconcile(account, context).await,
                Self::CleanUpRemoved(object) => {
                    within_timeout(Box::pin(clean_up_removed(object, context))).await
                }
            }
        });
        let result = performed.await.unwrap_or(Err(Error::TimedOut));
        // After the reconcile, which does not wait for them.
        publish_kept_events(&key, context).await;
        let result = result.map(|next| next.into_iter().chain(context.unpublished.due_in(&key)).min());
        let label = match &result {
            Ok(None) => "success",
            Ok(Some(_)) => "requeue_after",
            Err(_) => "error",
        };
        context.metrics.record_reconcile(label, started.elapsed());
        match result {
            Ok(next) => (next, None),
            Err(error) => {
                if matches!(error, Error::TimedOut) {
                    // The timed-out task may have changed AWS without recording it.
                    context.mark_dirty(key.clone());
                }
                (context.backoff.delay(&key, Retry::Backoff), Some(error))
            }
        }
    }
}

async fn reconcile<B: Backends>(
    cached: &CachedAccount,
    context: &Context<B>,
) -> Result<Option<Duration>, Error> {
    let key = &cached.reference;
    // A spec that is not understood is not compared with AWS. Its marks stay until it is.
    let is_comparable = cached.is_understood;
    let dirty = context.dirty_mark(key).filter(|_| is_comparable);
    let recheck = context.rechecks.due_in(key).filter(|_| is_comparable);
    let is_unverified = is_comparable && context.unverified.contains(key);
    let is_check_due = dirty.is_some() || is_unverified || recheck.is_some_and(|left| left.is_zero());
    if cached.needs_nothing && !is_check_due {
        return Ok(recheck);
    }
    let uid = cached.object_uid();
    // What follows is on the heap: it is large, and would be a part of each future around it.
    if let Some(new) = context.new_accounts.take(key, &uid)
        && !new.spec.is_suspended()
        && !is_namespace_terminating(cached, context).await?
    {
        // Adding the finalizer shows whether the watch is up to date, because it names the version.
        match Box::pin(apply(new.into_account(), context, dirty, Instant::now())).await {
            Err(Error::Kubernetes(error)) if is_outdated(&error) => {}
            applied => return applied,
        }
    }
    // The cache can lag behind our own writes, so read the live object before acting. Its namespace is read
    // at the same time: both answers are needed before anything is created.
    let (kubernetes, read) = (context.backends.kubernetes(), Instant::now());
    let (account, is_terminating) =
        tokio::join!(kubernetes.current(key, &uid), is_namespace_terminating(cached, context));
    let Some(account) = account? else {
        context.forget(key, dirty);
        return Ok(None);
    };
    if needs_nothing(&account) && !is_check_due {
        return Ok(recheck);
    }
    if account.is_being_deleted() {
        within_timeout(Box::pin(cleanup(account, context, read))).await
    } else if let Some(problem) = account.problem() {
        let blocker = Blocker::spec_not_understood(problem);
        report_blocked(account.into_account(), context, &blocker).await
    } else if account.spec.is_suspended() {
        report_suspended(account.into_account(), context, dirty).await
    } else if is_terminating? {
        report_blocked(account.into_account(), context, &Blocker::namespace_terminating(&key.namespace)).await
    } else {
        Box::pin(apply(account.into_account(), context, dirty, read)).await
    }
}

/// Returns true if a write was refused because the object has changed or is gone.
fn is_outdated(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict() || status.is_not_found())
}

/// Limits the time of a cleanup, with its waits for call budgets: a new object takes the user over once no
/// call of an interrupted cleanup can still be in progress.
async fn within_timeout(
    cleanup: impl Future<Output = Result<Option<Duration>, Error>>,
) -> Result<Option<Duration>, Error> {
    tokio::time::timeout(RECONCILE_TIMEOUT, cleanup).await.unwrap_or(Err(Error::TimedOut))
}

/// Cleans up after a removed object. An account of the same name that waits for it says so in status.
async fn clean_up_removed<B: Backends>(
    object: &ObservedAccount,
    context: &Context<B>,
) -> Result<Option<Duration>, Error> {
    let Err((retry_in, message)) = try_clean_up(object, context).await else {
        // Whatever the account needs comes after the cleanup.
        return Ok(Some(Duration::ZERO));
    };
    let (kubernetes, key) = (context.backends.kubernetes(), object.reference());
    if let Some(next) = kubernetes.cache().get(&key)
        && let Some(next) = kubernetes.current(&key, &next.object_uid()).await?
        && !next.is_being_deleted()
    {
        report_blocked(next.into_account(), context, &Blocker::earlier_not_cleaned_up(&message, retry_in))
            .await?;
    }
    Ok(Some(retry_in))
}

/// Returns true if the account's namespace is terminating. Always true for an account that is being deleted,
/// which never creates anything.
async fn is_namespace_terminating<B: Backends>(
    cached: &CachedAccount,
    context: &Context<B>,
) -> kube::Result<bool> {
    if cached.is_being_deleted {
        return Ok(true);
    }
    context.backends.kubernetes().is_namespace_terminating(&cached.reference).await
}
