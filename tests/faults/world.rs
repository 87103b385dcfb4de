//! The world: one state behind one lock, in virtual time, and the only way to it, a call that may fail.

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
use uuid::Uuid;

use super::{
    aws::Aws,
    cluster::Cluster,
    controller::RESYNC,
    database::Database,
    faults::{Fault, Operation, Plan, Service},
    oracle::{effects::belongs_to_live_account, ownership::Ownership},
};

pub const REGION: &str = "eu-west-1";

pub const INSTALLATION: &str = "here";

/// As the settings have it by default.
pub const TIMING: Timing =
    Timing { aws_call_timeout: Duration::from_secs(10), grace: Duration::from_secs(15), resync: RESYNC };

/// How long after another cluster was last seen on the database one takes its place, and how often it is seen.
pub const TAKEOVER: Duration = Duration::from_secs(20);
pub const RENEWAL: Duration = Duration::from_secs(5);

/// The calls by which a cluster says that it works, which is no noise (I5), and which count as no call of a workload.
pub const RENEWS: &str = "hold_database";

/// How long after its death a controller is started again.
pub const RESTART: Duration = Duration::from_secs(2);

/// How long the watch stands still, and how far AWS's reads are behind: together with a call's time-out less than the grace.
pub const BEHIND: Duration = Duration::from_secs(4);

/// How long AWS's reads stay behind.
const LAG_DURATION: Duration = Duration::from_secs(30);

/// How long a service stays away.
const OUTAGE_DURATION: Duration = Duration::from_secs(45);

/// Second of the epoch at which the world begins.
const EPOCH: i64 = 1_800_000_000;

/// The calendar's time when the world is this old, in whole seconds.
pub fn calendar(age: Duration) -> Timestamp {
    let second = EPOCH + i64::try_from(age.as_secs()).expect("a short while");
    Timestamp::from_second(second).expect("a valid time")
}

/// Everything there is.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct State {
    /// The one that people use; while a call of another cluster's controller is carried out, that one.
    pub cluster: Cluster,
    /// Another one on the same database.
    pub other_cluster: Option<Cluster>,
    /// The oracle's own books of objects and ARNs.
    pub ownership: Ownership,
    /// UID of the object whose reconcile makes the call that is carried out; None of a sweep, or of somebody else.
    pub reconciled_uid: Option<String>,
    pub database: Database,
    /// What somebody has kept of it.
    pub backup: Database,
    pub aws: Aws,
    pub rng: fastrand::Rng,
    /// Whether the controllers run.
    pub controllers_run: bool,
    /// The region that the controllers are started with.
    pub region: &'static str,
    /// The limits of the brake.
    pub limits: BrakeLimits,
    /// Whether more is missing than the brake allows: then nothing is made for it.
    pub is_braked: bool,
    /// Clusters whose controllers do not.
    pub stopped_clusters: BTreeSet<String>,
    /// Whether there are two that both believe they lead.
    pub has_two_controllers: bool,
    /// What must never happen and did.
    pub violations: Vec<String>,
    /// All ARNs that the database ever had.
    pub recorded: BTreeSet<String>,
    /// All users that a person has ever let go of.
    pub abandoned: BTreeSet<Uuid>,
    /// Accounts of which an ARN in status became another, and those of which an event said so.
    pub changed_arns: BTreeSet<AccountRef>,
    pub reported_arn_changes: BTreeSet<AccountRef>,
    /// All calls since the workload began to act, in order.
    pub calls: Vec<Operation>,
    /// How many of them the plan has let fail.
    pub failed: usize,
    /// All calls since somebody last looked, by operation.
    pub call_counts: BTreeMap<Operation, usize>,
    /// What each controller counts, by its name.
    pub metrics: BTreeMap<String, Metrics>,
    /// Everything that happened, if somebody wants to read it.
    pub trace: Option<Vec<String>>,
    counting: bool,
    plan: Plan,
    outages: Vec<(Service, Duration)>,
}

impl State {
    /// The database is another from now on: its journal knows of no call that is under way.
    pub fn replace_database(&mut self, now: Duration, database: Database) {
        self.database = database;
        self.aws.journal_since = now;
        self.ownership.database_replaced(now);
    }

    /// Whether an account is there and not being deleted, in whichever cluster.
    pub fn is_live_account(&self, key: &AccountRef) -> bool {
        let clusters = [Some(&self.cluster), self.other_cluster.as_ref()].into_iter().flatten();
        let mut found = clusters.filter_map(|cluster| cluster.accounts.get(key));
        found.any(|account| account.metadata.deletion_timestamp.is_none())
    }

    /// Makes the cluster of this id the one that calls come to; whether it is another.
    fn enter(&mut self, cluster: &str) -> bool {
        let is_other = self.other_cluster.as_ref().is_some_and(|other| other.id == cluster);
        if is_other && let Some(other) = &mut self.other_cluster {
            std::mem::swap(&mut self.cluster, other);
        }
        is_other
    }

    /// Does what a controller of this cluster has asked for, for this object.
    pub fn act_for<T>(&mut self, cluster: &str, uid: Option<String>, act: impl FnOnce(&mut Self) -> T) -> T {
        let is_other = self.enter(cluster);
        self.reconciled_uid = uid;
        let done = act(self);
        self.reconciled_uid = None;
        if is_other && let Some(other) = &mut self.other_cluster {
            std::mem::swap(&mut self.cluster, other);
        }
        done
    }

    /// The cluster of this id.
    pub fn cluster_of(&self, id: &str) -> &Cluster {
        self.other_cluster.as_ref().filter(|other| other.id == id).unwrap_or(&self.cluster)
    }

    /// Keeps the ARNs that the database has, and whom it knows to be let go of.
    fn remember(&mut self, now: Duration) {
        let other_cluster = self.other_cluster.as_ref().map(|cluster| cluster.id.clone());
        self.ownership.read(&mut self.cluster, other_cluster.as_deref(), now);
        if let Some(other) = &mut self.other_cluster {
            self.ownership.read(other, Some(&self.cluster.id), now);
        }
        self.abandoned.extend(self.database.abandoned_users());
        let arns = self.database.rows.values().map(|row| row.resource.arn());
        let new: Vec<_> = arns.filter(|arn| !self.recorded.contains(*arn)).map(str::to_owned).collect();
        self.recorded.extend(new);
    }

    /// Counts a call; how the plan, or a service that is away, lets it fail.
    fn next_fault(&mut self, operation: Operation, now: Duration) -> Option<Fault> {
        if self.counting && operation.name != RENEWS {
            self.calls.push(operation);
            let due = self.plan.range(..=self.calls.len()).find(|(_, fault)| fault.applies(operation));
            if let Some((number, fault)) = due.map(|(number, fault)| (*number, *fault)) {
                self.plan.remove(&number);
                self.failed += 1;
                return Some(fault);
            }
        }
        let is_out = |(service, until): &(Service, Duration)| *service == operation.service && now < *until;
        self.outages.iter().any(is_out).then_some(Fault::Block)
    }

    /// What a mode does for a while.
    fn begin_window(&mut self, fault: Option<Fault>, service: Service, now: Duration) {
        match fault {
            Some(Fault::Stale) => {
                self.cluster.still_until = now + BEHIND;
                self.aws.show_as_of(now, now + BEHIND);
            }
            Some(Fault::Lag) => self.aws.show_late(BEHIND, now + LAG_DURATION),
            Some(Fault::Outage) => self.outages.push((service, now + OUTAGE_DURATION)),
            _ => {}
        }
    }
}

/// The world.
pub struct World {
    state: Mutex<State>,
    began: Instant,
    /// What chooses latencies and ids, and what people do in a story of their own.
    pub seed: u64,
    /// Tells those who watch that there is something new. No `watch` channel: it wakes in a random order.
    pub news: Notify,
}

impl World {
    /// A world in which `plan` fails.
    pub fn new(seed: u64, plan: Plan, traced: bool) -> Arc<Self> {
        let state = State {
            cluster: Cluster::new("cluster"),
            other_cluster: None,
            ownership: Ownership::default(),
            reconciled_uid: None,
            database: Database::default(),
            backup: Database::default(),
            aws: Aws::default(),
            rng: fastrand::Rng::with_seed(seed),
            controllers_run: true,
            region: REGION,
            limits: BrakeLimits { resources: 5, percent: 2.0 },
            is_braked: false,
            stopped_clusters: BTreeSet::new(),
            has_two_controllers: false,
            violations: Vec::new(),
            recorded: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            changed_arns: BTreeSet::new(),
            reported_arn_changes: BTreeSet::new(),
            calls: Vec::new(),
            failed: 0,
            call_counts: BTreeMap::new(),
            metrics: BTreeMap::new(),
            trace: traced.then(Vec::new),
            counting: false,
            plan,
            outages: Vec::new(),
        };
        let (state, began) = (Mutex::new(state), Instant::now());
        Arc::new(Self { state, began, seed, news: Notify::new() })
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics with the lock held")
    }

    /// How old the world is.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The calendar's time: whole seconds, as Kubernetes keeps it.
    pub fn time(&self) -> Time {
        Time(calendar(self.now()))
    }

    /// From here on nothing fails any more, and every call is noted.
    pub fn end_faults(&self) {
        let mut state = self.lock();
        state.plan.clear();
        state.call_counts.clear();
    }

    /// From here on calls are counted, and the plan is followed.
    pub fn count(&self) {
        self.lock().counting = true;
        self.note("the workload acts; calls are counted");
    }

    /// Writes a line into the trace.
    pub fn note(&self, what: &str) {
        let now = self.now();
        if let Some(trace) = &mut self.lock().trace {
            trace.push(format!("{:>10.3} {what}", now.as_secs_f64()));
        }
    }

    /// Somebody else than a controller does something; it is seen by those who watch.
    pub fn act<T>(&self, what: &str, act: impl FnOnce(&mut State, Duration, Time) -> T) -> T {
        self.note(what);
        let time = self.time();
        self.perform(|state, now| act(state, now, time))
    }

    /// Waits until this holds.
    pub async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let news = self.news.notified();
            if holds(&self.lock()) {
                return;
            }
            news.await;
        }
    }

    /// Counts a call; how it fails.
    pub fn begin(&self, operation: Operation, about: &str, who: &str) -> Option<Fault> {
        let now = self.now();
        let mut state = self.lock();
        if operation.name != RENEWS {
            *state.call_counts.entry(operation).or_default() += 1;
        }
        let fault = state.next_fault(operation, now);
        state.begin_window(fault, operation.service, now);
        let number = state.calls.len();
        if let Some(trace) = &mut state.trace {
            let failing = fault.map(|fault| format!("  <-- {fault}")).unwrap_or_default();
            let (now, name) = (now.as_secs_f64(), operation.name);
            trace.push(format!("{now:>10.3} {who} k={number:<3} {name} {about}{failing}"));
        }
        fault
    }

    /// Does something to the world now.
    pub fn perform<T>(&self, effect: impl FnOnce(&mut State, Duration) -> T) -> T {
        let now = self.now();
        let mut state = self.lock();
        state.cluster.collect_garbage(now);
        for arn in state.aws.bury(now) {
            // Of whom it was to be taken from, a new object may have it by now.
            if belongs_to_live_account(&state, &arn) {
                state.aws.external_deletes.insert(arn);
            }
        }
        let news = |state: &State| {
            let other = state.other_cluster.as_ref();
            (
                state.cluster.log.len(),
                other.map(|other| other.log.len()),
                state.controllers_run,
                state.stopped_clusters.len(),
            )
        };
        let known = news(&state);
        let done = effect(&mut state, now);
        state.remember(now);
        if news(&state) != known {
            self.news.notify_waiters();
        }
        done
    }

    /// How long one way takes.
    pub fn latency(&self, service: Service) -> Duration {
        let (least, more) = match service {
            Service::Kubernetes => (2, 3),
            Service::Postgres => (1, 2),
            Service::Aws => (70, 60),
        };
        Duration::from_millis(least + self.lock().rng.u64(0..more))
    }
}
