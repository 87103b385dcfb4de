//! One reconcile: an account is provided for, or it is being deleted and released.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Cluster, Context, World,
    error::{DEADLINE, Error},
    problem::Retry,
    provide::{provide, refuse},
    release::release,
    report::{has_finalizer, is_settled, reference},
};
use crate::api::StreamerAccount;

/// Makes an account's resources as its spec says, or takes them away; when to look again if nothing changes before.
///
/// # Errors
/// Kubernetes did not take a write, or it took too long.
pub async fn reconcile<W: World>(
    account: Arc<StreamerAccount>,
    context: Arc<Context<W>>,
) -> Result<Option<Duration>, Error> {
    let started = std::time::Instant::now();
    let result =
        tokio::time::timeout(DEADLINE, work(&account, &context)).await.unwrap_or(Err(Error::Deadline));
    if let Err(Error::Deadline) = &result {
        // It may have changed what it could not note.
        context.doubt(reference(&account));
    }
    let label = match &result {
        Ok(None) => "success",
        Ok(Some(_)) => "requeue_after",
        Err(_) => "error",
    };
    context.metrics.reconciled(label, started.elapsed());
    result
}

async fn work<W: World>(cached: &StreamerAccount, context: &Context<W>) -> Result<Option<Duration>, Error> {
    let key = reference(cached);
    let (doubt, look) = (context.doubt_about(&key), context.looks.due_in(&key));
    let is_asked_for = doubt.is_some() || look.is_some_and(|left| left.is_zero());
    if is_quiet(cached) && !is_asked_for {
        return Ok(look);
    }
    // The cache may be behind our own writes; the account may be gone, or another have its name. Its namespace is asked for
    // at the same time: both answers are needed before anything is made.
    let (cluster, read) = (context.world.cluster(), Instant::now());
    let (account, is_ending) = tokio::join!(cluster.current(cached), is_namespace_ending(cached, context));
    let Some(account) = account? else {
        context.forget(&key, doubt);
        return Ok(None);
    };
    if is_quiet(&account) && !is_asked_for {
        return Ok(look);
    }
    if account.metadata.deletion_timestamp.is_some() {
        release(account, context, read).await
    } else if is_ending? {
        refuse(account, context).await
    } else {
        provide(account, context, doubt, read).await
    }
}

/// Whether nothing may be made for the account; of one that is being deleted it does not matter.
async fn is_namespace_ending<W: World>(cached: &StreamerAccount, context: &Context<W>) -> kube::Result<bool> {
    match cached.metadata.deletion_timestamp {
        Some(_) => Ok(true),
        None => context.world.cluster().is_namespace_ending(cached).await,
    }
}

/// When to look again at an account whose reconcile ended in an error.
pub fn after_error<W: World>(account: &StreamerAccount, context: &Context<W>) -> Option<Duration> {
    context.backoff.delay(&reference(account), Retry::Soon)
}

/// Whether nothing is asked for: it is being deleted and not ours to hold up, or it is settled.
fn is_quiet(account: &StreamerAccount) -> bool {
    if account.metadata.deletion_timestamp.is_some() { !has_finalizer(account) } else { is_settled(account) }
}
