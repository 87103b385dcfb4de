//! Performs the tasks of the queue: those of many accounts at the same time, one per account.

use std::{num::NonZeroU16, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    api::AccountRef,
    controller::{
        backends::Backends,
        context::{Context, FIXED_DELAY},
        queue::{Queue, Requeue, Taken},
        reconcile::Task,
    },
    lanes::{Lane, Origin, Places},
    telemetry::Metrics,
};

/// Time between two updates of the metrics of the backlog, each of which looks at every namespace.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(1);

/// Performs tasks until the controller stops: those of the accounts that are requeued, up to `concurrency` at
/// the same time, and a few more of persons. A task that waits for a call budget does not count. `perform`
/// returns the time until the next task of the account. When the controller stops, waits until the current
/// tasks have ended.
pub async fn run_queue<B: Backends, F>(
    context: &Arc<Context<B>>,
    mut requeued: mpsc::UnboundedReceiver<Requeue>,
    concurrency: NonZeroU16,
    perform: impl Fn(Task, Arc<Context<B>>) -> F + Clone + Send + 'static,
) where
    F: Future<Output = Option<Duration>> + Send,
{
    let (mut queue, mut running) = (Queue::default(), JoinSet::new());
    let places = Places::new(concurrency);
    let (mut published_at, mut was_backlogged) = (Instant::now(), false);
    while !context.stop.is_cancelled() {
        while let Some(Taken { account, lane, waited }) = take(&mut queue, &places) {
            let place = places.take(Origin { lane, namespace: account.namespace.clone() });
            context.metrics.record_queue_wait(lane, waited);
            let (context, perform) = (Arc::clone(context), perform.clone());
            running.spawn(place.scope(async move {
                let performed = perform_next(&account, Arc::clone(&context), perform);
                let next = AssertUnwindSafe(performed).catch_unwind().await;
                context.shared_waits.end_turn(&account);
                // A task that panics is a defect, which must not stop the others.
                let next = next.unwrap_or_else(|_| {
                    tracing::error!(%account, "the reconcile panicked; please report this defect");
                    Some(FIXED_DELAY)
                });
                (account, next)
            }));
        }
        for lane in Lane::ALL {
            context.metrics.set_queue_depth(lane, queue.depth(lane));
        }
        let is_backlogged = Lane::ALL.into_iter().any(|lane| queue.depth(lane) > 0);
        if is_backlogged != was_backlogged || is_backlogged && published_at.elapsed() >= BACKLOG_INTERVAL {
            (published_at, was_backlogged) = (Instant::now(), is_backlogged);
            publish_backlog(&queue, &context.metrics);
        }
        let next_due = queue.next_due();
        tokio::select! {
            biased;
            () = context.stop.cancelled() => {}
            Some(Ok((account, next))) = running.join_next() => queue.finish(account, next, Instant::now()),
            () = places.changed() => {}
            Some(Requeue { account, turn }) = requeued.recv() => queue.add(account, turn),
            () = sleep_until(next_due.unwrap_or_else(Instant::now)), if next_due.is_some() => {}
            () = sleep_until(published_at + BACKLOG_INTERVAL), if is_backlogged => {}
        }
    }
    running.join_all().await;
}

/// Shows the backlog in the metrics.
fn publish_backlog(queue: &Queue, metrics: &Metrics) {
    for lane in Lane::ALL {
        for (namespaces, backlog) in
            ["busiest", "others"].into_iter().zip(queue.backlog(lane, Instant::now()))
        {
            metrics.set_backlog(lane, namespaces, backlog.depth, backlog.age);
        }
    }
}

/// Returns the next account that may begin now.
fn take(queue: &mut Queue, places: &Places) -> Option<Taken> {
    let openings = places.openings();
    let is_namespace_open = |lane, namespace: &str| openings.is_namespace_open(lane, namespace);
    queue.take(Instant::now(), |lane| openings.is_lane_open(lane), is_namespace_open)
}

/// Performs the next task of an account. Returns the time until the one after it.
async fn perform_next<B: Backends, F: Future<Output = Option<Duration>>>(
    account: &AccountRef,
    context: Arc<Context<B>>,
    perform: impl Fn(Task, Arc<Context<B>>) -> F,
) -> Option<Duration> {
    perform(Task::next(account, &context)?, context).await
}
