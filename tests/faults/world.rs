//! The simulated world: one state behind one lock, in virtual time. Controllers reach it only through calls
//! that may fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use streamcat_operator::{
    api::AccountRef,
    provision::{BrakeLimits, Timing},
    telemetry::Metrics,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    aws::Aws,
    cluster::{Cluster, ClusterBackup},
    controller::RESYNC,
    database::Database,
    fault_injector::FREEZE_DURATION,
    faults::{Fault, Operation, Plan, Service},
    oracle::{effects::belongs_to_live_account, ownership::Ownership},
    restores::Restore,
};

pub const REGION: &str = "eu-west-1";

pub const INSTALLATION: &str = "here";

/// The default settings.
pub const TIMING: Timing =
    Timing { aws_call_timeout: Duration::from_secs(10), grace: Duration::from_secs(15), resync: RESYNC };

/// Time after which a cluster that was last seen on the database can be replaced.
const TAKEOVER_AFTER: Duration = Duration::from_secs(20);
/// The same in a run with a freeze. It is longer than the freeze: otherwise the controller has lost the
/// database when it wakes, and drops what it was doing.
const TAKEOVER_AFTER_WITH_FREEZE: Duration = FREEZE_DURATION.saturating_add(Duration::from_secs(20));
/// Interval at which a cluster renews its row.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(5);

/// The call that renews a cluster's row. It is neither noise (I5) nor a call of a workload.
pub const LEASE_RENEWAL_CALL: &str = "hold_database";

/// The call that replaces the token of a Lease. Like the renewal of a cluster's row, it is neither noise nor
/// a call of a workload.
pub const TOKEN_CALL: &str = "replace_token";

/// The calls of the renewals.
const RENEWAL_CALLS: [&str; 2] = [LEASE_RENEWAL_CALL, TOKEN_CALL];

/// Time between the crash of a controller and its restart.
pub const RESTART_DELAY: Duration = Duration::from_secs(2);

/// Time for which the watch delivers nothing, and lag of AWS's reads. Together with a call's timeout it is
/// less than the grace period.
pub const READ_LAG: Duration = Duration::from_secs(4);

/// Time for which AWS's reads lag.
const LAG_DURATION: Duration = Duration::from_secs(30);

/// Duration of an outage.
const OUTAGE_DURATION: Duration = Duration::from_secs(45);

/// Unix time at which the world starts.
const EPOCH: i64 = 1_800_000_000;

/// Returns the calendar time when the world has this age, in whole seconds.
pub fn calendar(age: Duration) -> Timestamp {
    let second = EPOCH + i64::try_from(age.as_secs()).expect("a short while");
    Timestamp::from_second(second).expect("a valid time")
}

/// The state of the world.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct State {
    /// The cluster that people use. While a call of a controller of another cluster is executed, that
    /// cluster.
    pub cluster: Cluster,
    /// Another cluster on the same database.
    pub other_cluster: Option<Cluster>,
    /// Time after which a cluster that was last seen on the database can be replaced.
    pub takeover_after: Duration,
    /// The oracle's ledger of objects and ARNs.
    pub ownership: Ownership,
    /// UID of the object whose reconcile makes the current call. None for a call of a resync or of anybody
    /// else.
    pub reconciled_uid: Option<String>,
    pub database: Database,
    /// A backup of the database.
    pub backup: Database,
    /// A backup of the cluster.
    pub cluster_backup: ClusterBackup,
    /// The calls before which the backups are made and restored.
    pub restore: Option<Restore>,
    /// True once the backups were restored.
    pub is_restored: bool,
    /// Number of all calls since the workload began to act, including those of the renewals.
    moment: usize,
    pub aws: Aws,
    pub rng: fastrand::Rng,
    /// True while the controllers run.
    pub controllers_run: bool,
    /// Region that the controllers are started with.
    pub region: &'static str,
    /// Limits of the brake.
    pub limits: BrakeLimits,
    /// Time for which a Create waits for its call budget.
    pub budget_wait: Duration,
    /// Time between two resyncs of a controller.
    pub resync: Duration,
    /// True if more is missing than the brake allows, so that nothing may be re-created.
    pub is_braked: bool,
    /// Ids of the clusters whose controllers are stopped.
    pub stopped_clusters: BTreeSet<String>,
    /// True if two controllers both believe they lead.
    pub has_two_controllers: bool,
    /// The violated invariants.
    pub violations: Vec<String>,
    /// All ARNs that were ever recorded in the database.
    pub recorded: BTreeSet<String>,
    /// Accounts that have been suspended for so long that no reconcile from before can still be in progress.
    pub suspended: BTreeSet<AccountRef>,
    /// All users that were ever abandoned.
    pub abandoned: BTreeSet<Uuid>,
    /// Accounts whose status changed an ARN, and those for which an event reported it.
    pub changed_arns: BTreeSet<AccountRef>,
    pub reported_arn_changes: BTreeSet<AccountRef>,
    /// Accounts for which a process tried to report a changed ARN, with two tokens that say whether it has
    /// ended: an event that was refused is lost with the process.
    pub attempted_reports: Vec<(AccountRef, [CancellationToken; 2])>,
    /// All calls since the workload began to act, in order.
    pub calls: Vec<Operation>,
    /// Number of calls that failed according to the plan.
    pub failed_calls: usize,
    /// Number of calls since the last reset, by operation.
    pub call_counts: BTreeMap<Operation, usize>,
    /// Metrics of each controller, by its name.
    pub metrics: BTreeMap<String, Metrics>,
    /// Everything that happened, if a trace was requested.
    pub trace: Option<Vec<String>>,
    counting: bool,
    plan: Plan,
    outages: Vec<(Service, Duration)>,
}

impl State {
    /// Replaces the database. The new journal does not know the calls in flight.
    pub fn replace_database(&mut self, now: Duration, database: Database) {
        self.database = database.restarted(now);
        self.aws.journal_since = now;
        self.ownership.database_replaced(now);
    }

    /// Returns true if an account exists in any cluster and is not being deleted.
    pub fn is_live_account(&self, key: &AccountRef) -> bool {
        let clusters = [Some(&self.cluster), self.other_cluster.as_ref()].into_iter().flatten();
        let mut found = clusters.filter_map(|cluster| cluster.accounts.get(key));
        found.any(|account| account.metadata.deletion_timestamp.is_none())
    }

    /// Returns what distinguishes the resources that the controllers work with.
    pub fn target(&self) -> String {
        format!("{} {}", self.region, self.aws.is_wrong_endpoint)
    }

    /// Makes the cluster of this id the one that calls reach. Returns true if it is the other cluster.
    fn switch_to(&mut self, cluster: &str) -> bool {
        let is_other = self.other_cluster.as_ref().is_some_and(|other| other.id == cluster);
        if is_other && let Some(other) = &mut self.other_cluster {
            std::mem::swap(&mut self.cluster, other);
        }
        is_other
    }

    /// Executes a call of a controller of this cluster for this object.
    pub fn act_for<T>(&mut self, cluster: &str, uid: Option<String>, act: impl FnOnce(&mut Self) -> T) -> T {
        let is_other = self.switch_to(cluster);
        self.reconciled_uid = uid;
        let done = act(self);
        self.reconciled_uid = None;
        if is_other && let Some(other) = &mut self.other_cluster {
            std::mem::swap(&mut self.cluster, other);
        }
        done
    }

    /// Returns the cluster of this id, or the one that people use.
    pub fn cluster_of(&self, id: &str) -> &Cluster {
        self.other_cluster.as_ref().filter(|other| other.id == id).unwrap_or(&self.cluster)
    }

    /// Updates the ledger, and remembers recorded ARNs and abandoned users.
    fn update_history(&mut self, now: Duration) {
        let other_cluster = self.other_cluster.as_ref().map(|cluster| cluster.id.clone());
        self.ownership.read_log(&mut self.cluster, other_cluster.as_deref(), now);
        if let Some(other) = &mut self.other_cluster {
            self.ownership.read_log(other, Some(&self.cluster.id), now);
        }
        self.abandoned.extend(self.database.abandoned_users());
        let arns = self.database.rows.values().map(|row| row.resource.arn());
        let new: Vec<_> = arns.filter(|arn| !self.recorded.contains(*arn)).map(str::to_owned).collect();
        self.recorded.extend(new);
    }

    /// Counts a call. Returns the fault that the plan or an outage causes.
    fn next_fault(&mut self, operation: Operation, now: Duration) -> Option<Fault> {
        if self.counting && !RENEWAL_CALLS.contains(&operation.name) {
            self.calls.push(operation);
            let due = self.plan.range(..=self.calls.len()).find(|(_, fault)| fault.applies(operation));
            if let Some((number, fault)) = due.map(|(number, fault)| (*number, *fault)) {
                self.plan.remove(&number);
                self.failed_calls += 1;
                return Some(fault);
            }
        }
        let is_out = |(service, until): &(Service, Duration)| *service == operation.service && now < *until;
        self.outages.iter().any(is_out).then_some(Fault::Block)
    }

    /// Counts a call, and makes or restores the backups before it.
    fn pass_moment(&mut self, now: Duration) {
        self.moment += usize::from(self.counting);
        let Some(restore) = self.restore else { return };
        if self.moment == restore.backed_up_at {
            self.backup = self.database.clone();
            self.cluster_backup = self.cluster.back_up();
        }
        if self.moment == restore.restored_at {
            if restore.of.has_database() {
                self.replace_database(now, self.backup.clone());
            }
            if restore.of.has_cluster() {
                self.cluster.restore(&self.cluster_backup.clone());
            }
            self.is_restored = true;
        }
    }

    /// Returns the number of calls so far.
    pub fn moment(&self) -> usize {
        self.moment
    }

    /// Starts a fault that lasts for a while.
    fn begin_window(&mut self, fault: Option<Fault>, service: Service, now: Duration) {
        match fault {
            Some(Fault::Stale) => {
                self.cluster.watch_frozen_until = now + READ_LAG;
                self.aws.freeze_reads(now, now + READ_LAG);
            }
            Some(Fault::Lag) => self.aws.delay_reads(READ_LAG, now + LAG_DURATION),
            Some(Fault::Outage) => self.outages.push((service, now + OUTAGE_DURATION)),
            _ => {}
        }
    }
}

/// The simulated world.
pub struct World {
    state: Mutex<State>,
    began: Instant,
    /// Seed of latencies, ids, and the actions of a generated scenario.
    pub seed: u64,
    /// Notifies waiters of a change. Not a `watch` channel, because that wakes its receivers in random order.
    pub changed: Notify,
}

impl World {
    /// Returns a world in which calls fail according to `plan`.
    pub fn new(seed: u64, plan: Plan, traced: bool) -> Arc<Self> {
        let state = State {
            cluster: Cluster::new("cluster"),
            other_cluster: None,
            ownership: Ownership::default(),
            takeover_after: if plan.values().any(|fault| *fault == Fault::Freeze) {
                TAKEOVER_AFTER_WITH_FREEZE
            } else {
                TAKEOVER_AFTER
            },
            reconciled_uid: None,
            database: Database::default(),
            backup: Database::default(),
            cluster_backup: ClusterBackup::default(),
            restore: None,
            is_restored: false,
            moment: 0,
            aws: Aws::default(),
            rng: fastrand::Rng::with_seed(seed),
            controllers_run: true,
            region: REGION,
            limits: BrakeLimits { resources: 5, percent: 2.0 },
            budget_wait: Duration::ZERO,
            resync: RESYNC,
            is_braked: false,
            stopped_clusters: BTreeSet::new(),
            has_two_controllers: false,
            violations: Vec::new(),
            recorded: BTreeSet::new(),
            suspended: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            changed_arns: BTreeSet::new(),
            reported_arn_changes: BTreeSet::new(),
            attempted_reports: Vec::new(),
            calls: Vec::new(),
            failed_calls: 0,
            call_counts: BTreeMap::new(),
            metrics: BTreeMap::new(),
            trace: traced.then(Vec::new),
            counting: false,
            plan,
            outages: Vec::new(),
        };
        let (state, began) = (Mutex::new(state), Instant::now());
        Arc::new(Self { state, began, seed, changed: Notify::new() })
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics with the lock held")
    }

    /// Returns the age of the world.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns the calendar time in whole seconds, as Kubernetes stores it.
    pub fn time(&self) -> Time {
        Time(calendar(self.now()))
    }

    /// Drops the rest of the plan, and resets the call counts.
    pub fn end_faults(&self) {
        let mut state = self.lock();
        state.plan.clear();
        state.call_counts.clear();
    }

    /// Starts to count calls and to follow the plan.
    pub fn start_counting(&self) {
        self.lock().counting = true;
        self.note("the workload acts; calls count from now on");
    }

    /// Writes a line to the trace.
    pub fn note(&self, what: &str) {
        let now = self.now();
        if let Some(trace) = &mut self.lock().trace {
            trace.push(format!("{:>10.3} {what}", now.as_secs_f64()));
        }
    }

    /// Performs an action of anybody but a controller, and notifies waiters.
    pub fn act<T>(&self, what: &str, act: impl FnOnce(&mut State, Duration, Time) -> T) -> T {
        self.note(what);
        let time = self.time();
        self.perform(|state, now| act(state, now, time))
    }

    /// Waits until this condition holds.
    pub async fn wait_until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Counts a call. Returns its fault, if any.
    pub fn begin_call(&self, operation: Operation, about: &str, process: &str) -> Option<Fault> {
        let now = self.now();
        let mut state = self.lock();
        if !RENEWAL_CALLS.contains(&operation.name) {
            *state.call_counts.entry(operation).or_default() += 1;
        }
        state.pass_moment(now);
        let fault = state.next_fault(operation, now);
        state.begin_window(fault, operation.service, now);
        let number = state.calls.len();
        if let Some(trace) = &mut state.trace {
            let failing = fault.map(|fault| format!("  <-- {fault}")).unwrap_or_default();
            let (now, name) = (now.as_secs_f64(), operation.name);
            trace.push(format!("{now:>10.3} {process} k={number:<3} {name} {about}{failing}"));
        }
        fault
    }

    /// Applies an effect to the world now.
    pub fn perform<T>(&self, effect: impl FnOnce(&mut State, Duration) -> T) -> T {
        let now = self.now();
        let mut state = self.lock();
        state.cluster.collect_garbage(now);
        for arn in state.aws.finish_deletions(now) {
            // The resource that is deleted now may have a new owner since the deletion was requested.
            if belongs_to_live_account(&state, &arn) {
                state.aws.external_deletes.insert(arn);
            }
        }
        let changed = |state: &State| {
            let other = state.other_cluster.as_ref();
            (
                state.cluster.log.len(),
                other.map(|other| other.log.len()),
                state.controllers_run,
                state.stopped_clusters.len(),
            )
        };
        let known = changed(&state);
        let done = effect(&mut state, now);
        state.update_history(now);
        if changed(&state) != known {
            self.changed.notify_waiters();
        }
        done
    }

    /// Returns a random latency for one direction of a call.
    pub fn latency(&self, service: Service) -> Duration {
        let (least, more) = match service {
            Service::Kubernetes => (2, 3),
            Service::Postgres => (1, 2),
            Service::Aws => (70, 60),
        };
        Duration::from_millis(least + self.lock().rng.u64(0..more))
    }
}
