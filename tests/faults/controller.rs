//! A controller as kube's runtime runs it, but in a fixed order: the watch and its cache, a queue that holds
//! each account once, one reconcile at a time for each account, the resync, and restarts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use kube::ResourceExt;
use streamcat_operator::{
    admin::Gates,
    api::{AccountRef, StreamerAccount},
    controller::{
        Context, ReconcileSettings, after_error, reconcile, run_resyncs, while_holding_database_lease,
    },
    ivs::Target,
    provision::Timing,
    store::ClusterIdentity,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    cluster::{Change, reference},
    fault_injector::{FakeBackends, FaultInjector, RECONCILED_UID},
    faults::Service,
    world::{INSTALLATION, RENEWAL_INTERVAL, RESTART_DELAY, TIMING, World},
};

/// Time between two resyncs of most workloads.
pub const RESYNC: Duration = Duration::from_mins(5);

/// Maximum time that a process takes to stop when asked to.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// Runs a controller of a cluster and restarts it whenever it ends, as long as controllers are to run and the
/// cluster exists. If the cluster no longer exists, it runs in the cluster that people use.
pub async fn supervise(world: Arc<World>, name: &'static str, mut cluster: String) {
    for life in 1_u32.. {
        world.wait_until(|state| state.controllers_run).await;
        cluster = world.lock().cluster_of(&cluster).id.clone();
        let injector = FaultInjector::new(Arc::clone(&world), format!("{name}{life}"), cluster.clone());
        world.lock().metrics.insert(name.to_owned(), injector.process.metrics.clone());
        tokio::select! {
            biased;
            () = injector.process.dead.cancelled() => {}
            () = world.wait_until(|state| !state.controllers_run || state.stopped_clusters.contains(&cluster)) => {}
            () = run(injector.clone()) => {}
        }
        injector.process.dead.cancel();
        sleep(RESTART_DELAY).await;
        world.wait_until(|state| !state.stopped_clusters.contains(&cluster)).await;
    }
}

/// Runs one process until it is asked to stop.
async fn run(injector: FaultInjector) {
    let takeover_after = injector.world.lock().takeover_after;
    let cluster = ClusterIdentity { id: injector.process.cluster.clone(), takeover_after };
    let lead = |term| run_term(injector.during(term), cluster.clone());
    while_holding_database_lease(
        &injector,
        &cluster,
        RENEWAL_INTERVAL,
        &Gates::default(),
        &injector.process.stop,
        lead,
    )
    .await;
}

/// Runs one term of the leader.
async fn run_term(injector: FaultInjector, cluster: ClusterIdentity) {
    let metrics = injector.process.metrics.clone();
    let (region, limits, resync) = {
        let state = injector.world.lock();
        (state.region, state.limits, state.resync)
    };
    let setup = ReconcileSettings {
        installation: INSTALLATION.to_owned(),
        cluster,
        timing: Timing { resync, ..TIMING },
        limits,
        target: Target::new(region, Some("1".to_owned())),
        halt: None,
    };
    let (context, requeues) =
        Context::new(FakeBackends::new(&injector), setup, metrics, injector.term.clone());
    let context = Arc::new(context);
    let (trigger, triggers) = mpsc::unbounded_channel();
    // Separate tasks, so that each is polled only when it has something to do.
    let mut background = JoinSet::new();
    background.spawn(watch(injector.clone(), trigger));
    background.spawn(run_resyncs_of(Arc::clone(&context), resync));
    run_queue(&injector, &context, triggers, requeues).await;
}

async fn run_resyncs_of(context: Arc<Context<FakeBackends>>, interval: Duration) {
    run_resyncs(&context, None, interval, &Gates::shut(&[])).await;
}

/// The fields of an account whose change triggers a reconcile, as in `runtime/watch.rs`.
type WatchedFields = (Option<String>, Option<i64>, Vec<String>, BTreeMap<String, String>);

fn watched_fields(account: &StreamerAccount) -> WatchedFields {
    (account.uid(), account.metadata.generation, account.finalizers().to_vec(), account.annotations().clone())
}

/// Updates the cache, and triggers reconciles of changed accounts.
async fn watch(injector: FaultInjector, trigger: mpsc::UnboundedSender<AccountRef>) {
    let world = &injector.world;
    let mut known: BTreeMap<AccountRef, WatchedFields> = BTreeMap::new();
    let (mut position, mut changes) = {
        let state = world.lock();
        let cluster = state.cluster_of(&injector.process.cluster);
        let listed = cluster.accounts.values().map(|account| Change::Applied(Arc::clone(account)));
        (cluster.log.len(), listed.collect::<Vec<_>>())
    };
    injector.process.cache.lock().expect("nothing panics with the lock held").clear();
    loop {
        for change in changes.drain(..) {
            let mut cache = injector.process.cache.lock().expect("nothing panics with the lock held");
            match change {
                Change::Applied(account) => {
                    let (key, now) = (reference(&account), watched_fields(&account));
                    cache.insert(key.clone(), account);
                    if known.insert(key.clone(), now.clone()) != Some(now) {
                        let _ = trigger.send(key);
                    }
                }
                Change::Gone(key) => drop(cache.remove(&key)),
            }
        }
        let cluster = injector.process.cluster.as_str();
        world.wait_until(|state| state.cluster_of(cluster).log.len() > position).await;
        sleep(world.latency(Service::Kubernetes)).await;
        let frozen = world.lock().cluster_of(cluster).watch_frozen_until.saturating_sub(world.now());
        sleep(frozen).await;
        changes.extend_from_slice(&world.lock().cluster_of(cluster).log[position..]);
        position += changes.len();
    }
}

/// Accounts waiting to be reconciled: each once, at the earliest requested time.
#[derive(Default)]
struct Queue {
    scheduled: BTreeMap<AccountRef, Instant>,
    /// Due while being reconciled.
    pending: BTreeSet<AccountRef>,
    running: BTreeSet<AccountRef>,
}

impl Queue {
    fn schedule(&mut self, account: AccountRef, at: Instant) {
        if !self.pending.contains(&account) {
            let scheduled = self.scheduled.entry(account).or_insert(at);
            *scheduled = at.min(*scheduled);
        }
    }

    /// Returns the accounts that are due and not being reconciled.
    fn take(&mut self, now: Instant) -> Vec<AccountRef> {
        let due = self.scheduled.extract_if(.., |_, at| *at <= now).map(|(account, _)| account);
        self.pending.extend(due);
        let free: Vec<_> = self.pending.difference(&self.running).cloned().collect();
        self.pending.retain(|account| self.running.contains(account));
        self.running.extend(free.iter().cloned());
        free
    }

    fn next(&self) -> Instant {
        let far = Instant::now() + Duration::from_hours(24);
        self.scheduled.values().min().copied().unwrap_or(far)
    }
}

/// Reconciles the accounts that the watch and the resync trigger, and requeues.
async fn run_queue(
    injector: &FaultInjector,
    context: &Arc<Context<FakeBackends>>,
    mut triggers: mpsc::UnboundedReceiver<AccountRef>,
    mut requeues: mpsc::UnboundedReceiver<AccountRef>,
) {
    let (mut queue, mut running) = (Queue::default(), JoinSet::new());
    while !injector.term.is_cancelled() {
        for account in queue.take(Instant::now()) {
            running.spawn(reconcile_once(injector.clone(), Arc::clone(context), account));
        }
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                let (account, requeue_after) = ended.expect("a reconcile does not panic");
                queue.running.remove(&account);
                if let Some(requeue_after) = requeue_after {
                    queue.schedule(account, Instant::now() + requeue_after);
                }
            }
            Some(account) = triggers.recv() => queue.schedule(account, Instant::now()),
            Some(account) = requeues.recv() => queue.schedule(account, Instant::now()),
            () = injector.term.cancelled() => {}
            () = sleep_until(queue.next()) => {}
        }
    }
    let _ = timeout(SHUTDOWN_TIMEOUT, running.join_all()).await;
}

/// Reconciles an account once, and returns when to requeue it.
async fn reconcile_once(
    injector: FaultInjector,
    context: Arc<Context<FakeBackends>>,
    key: AccountRef,
) -> (AccountRef, Option<Duration>) {
    let cached = injector.process.cache.lock().expect("nothing panics with the lock held").get(&key).cloned();
    let Some(account) = cached else { return (key, None) };
    let reconciled = reconcile(Arc::clone(&account), Arc::clone(&context));
    let requeue_after = match RECONCILED_UID.scope(account.uid().unwrap_or_default(), reconciled).await {
        Ok(requeue_after) => requeue_after,
        Err(error) => {
            injector.world.note(&format!("{} {key}: {error}", injector.process.name));
            after_error(&account, &context)
        }
    };
    (key, requeue_after)
}
