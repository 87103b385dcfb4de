//! A controller process in a fixed order of events: the watch and its cache, the queue, the resync, and
//! restarts.

use std::{
    num::{NonZeroU16, NonZeroU32},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use kube::runtime::watcher::Event;
use streamcat_operator::{
    admin::Gates,
    api::{DriftPolicy, ObservedAccount, StreamerAccount},
    controller::{
        Context, ReconcileSettings, Requeue, ResyncSettings, SeenAccounts, Task, run_queue, run_resyncs,
        while_holding_database_lease,
    },
    ivs::Target,
    provision::Timing,
    store::{ClusterIdentity, Continuity, TokenRotation},
};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet, time::sleep};

use super::{
    cluster::Change,
    fault_injector::{FakeBackends, FaultInjector, RECONCILED_UID},
    faults::Service,
    world::{INSTALLATION, RENEWAL_INTERVAL, RESTART_DELAY, TIMING, World},
};

/// Time between two resyncs of most workloads.
pub const RESYNC: Duration = Duration::from_mins(5);

/// Number of accounts that a controller reconciles at the same time.
pub const CONCURRENCY: NonZeroU16 = NonZeroU16::new(32).expect("not zero");

/// Call budget of each operation, of which only the resyncs take notice here.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// Number of times that the watch of the accounts without a user shows changes before all accounts are listed.
const EARLY_ROUNDS: u32 = 5;

/// Interval at which the Lease is renewed.
pub const LEASE_RENEWAL_INTERVAL: Duration = Duration::from_secs(10);

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
    let has_lease = injector.process.has_lease();
    let continuity = if has_lease { Continuity::with_lease() } else { Continuity::default() };
    let lead = |term| run_term(injector.during(term), cluster.clone(), continuity.clone());
    let gates = Gates::default();
    let term = while_holding_database_lease(
        &injector,
        &cluster,
        RENEWAL_INTERVAL,
        &gates,
        &injector.process.stop,
        lead,
    );
    tokio::select! {
        biased;
        () = term => {}
        () = renew_lease(&injector, &continuity), if has_lease => {}
    }
}

/// Renews the Lease, and its token.
async fn renew_lease(injector: &FaultInjector, continuity: &Continuity) {
    let cluster = injector.process.cluster.clone();
    let rotation = TokenRotation::new(
        continuity.clone(),
        injector.clone(),
        cluster.clone(),
        "lease".to_owned(),
        Duration::from_secs(1),
    );
    let in_lease = || injector.world.lock().cluster_of(&cluster).token_in_lease;
    rotation.begin_term(in_lease());
    loop {
        if let Some(next) = rotation.replace(in_lease()).await {
            injector.world.act("the Lease gets a token", |state, _, _| {
                state.act_for(&cluster, None, |state| state.cluster.token_in_lease = Some(next));
            });
            rotation.written(next);
        }
        tokio::select! {
            biased;
            () = sleep(LEASE_RENEWAL_INTERVAL) => {}
            () = rotation.until_ready() => {}
        }
    }
}

/// Runs one term of the leader.
async fn run_term(injector: FaultInjector, cluster: ClusterIdentity, continuity: Continuity) {
    continuity.set_target(Some(injector.world.lock().target()));
    let (context, requeues) = new_context(&injector, cluster, continuity);
    let (context, resync) = (Arc::new(context), injector.world.lock().resync);
    // Separate tasks, so that each is polled only when it has something to do.
    let mut background = JoinSet::new();
    background.spawn(watch(injector.clone(), Arc::clone(&context)));
    background.spawn(run_resyncs_of(Arc::clone(&context), resync));
    let run_task = {
        let injector = injector.clone();
        move |task, context| run_task(injector.clone(), task, context)
    };
    let shutdown = async {
        injector.term.cancelled().await;
        sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        () = run_queue(&context, requeues, CONCURRENCY, run_task) => {}
        () = shutdown => {}
    }
}

/// Returns the context of one term, and the accounts that it requeues.
pub fn new_context(
    injector: &FaultInjector,
    cluster: ClusterIdentity,
    continuity: Continuity,
) -> (Context<FakeBackends>, UnboundedReceiver<Requeue>) {
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
        drift_policy: DriftPolicy::default(),
        halt: None,
    };
    Context::new(FakeBackends::new(injector), setup, metrics, continuity, injector.term.clone())
}

async fn run_resyncs_of(context: Arc<Context<FakeBackends>>, interval: Duration) {
    let settings = ResyncSettings { interval, calls_per_second: CALLS_PER_SECOND, budget_percent: 20 };
    run_resyncs(&context, None, settings, &Gates::shut(&[])).await;
}

/// Updates the cache, and requeues changed accounts.
async fn watch(injector: FaultInjector, context: Arc<Context<FakeBackends>>) {
    let (world, mut seen) = (&injector.world, SeenAccounts::new(Arc::clone(&injector.cache)));
    let (mut position, mut changes) = list(&injector);
    seen.handle(Event::Init, &context);
    watch_early(&injector, &mut seen, &context).await;
    let mut is_listing = true;
    loop {
        for change in changes.drain(..) {
            let event = match change {
                Change::Applied(account) if is_listing => Event::InitApply(ObservedAccount::clone(&account)),
                Change::Applied(account) => Event::Apply(ObservedAccount::clone(&account)),
                Change::Gone(account) => Event::Delete(ObservedAccount::clone(&account)),
            };
            seen.handle(event, &context);
        }
        if std::mem::take(&mut is_listing) {
            seen.handle(Event::InitDone, &context);
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

/// Returns the length of the log of the changes, and all accounts at that time.
fn list(injector: &FaultInjector) -> (usize, Vec<Change>) {
    let state = injector.world.lock();
    let cluster = state.cluster_of(&injector.process.cluster);
    let listed = cluster.accounts.values().map(|account| Change::Applied(Arc::clone(account)));
    (cluster.log.len(), listed.collect())
}

/// Watches the accounts without a user while the list of all accounts, which has begun, takes its time.
async fn watch_early(
    injector: &FaultInjector,
    seen: &mut SeenAccounts,
    context: &Arc<Context<FakeBackends>>,
) {
    let has_user = |account: &StreamerAccount| account.status.as_ref().is_some_and(|it| it.user_id.is_some());
    let (mut position, listed) = list(injector);
    for change in listed {
        if let Change::Applied(account) = change
            && !has_user(&account)
        {
            seen.handle_early(Event::InitApply(ObservedAccount::clone(&account)), context);
        }
    }
    seen.handle_early(Event::InitDone, context);
    for _ in 0..EARLY_ROUNDS {
        sleep(injector.world.latency(Service::Kubernetes)).await;
        let changes = injector.world.lock().cluster_of(&injector.process.cluster).log[position..].to_vec();
        position += changes.len();
        for change in changes {
            let event = match change {
                Change::Applied(account) if !has_user(&account) => {
                    Event::Apply(ObservedAccount::clone(&account))
                }
                Change::Applied(account) | Change::Gone(account) => {
                    Event::Delete(ObservedAccount::clone(&account))
                }
            };
            seen.handle_early(event, context);
        }
    }
}

/// Performs a task. Returns the time until the next one of its account.
async fn run_task(
    injector: FaultInjector,
    task: Task,
    context: Arc<Context<FakeBackends>>,
) -> Option<Duration> {
    let (key, uid) = (task.account(), task.object_uid());
    let performed = AssertUnwindSafe(RECONCILED_UID.scope(uid, task.perform(&context))).catch_unwind().await;
    let Ok((next, error)) = performed else {
        injector.world.lock().violations.push(format!("the reconcile of {key} panicked"));
        return None;
    };
    if let Some(error) = error {
        injector.world.note(&format!("{} {key}: {error}", injector.process.name));
    }
    next
}
