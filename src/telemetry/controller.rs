//! Metrics of the controller.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::Exposition;
use crate::{api::ResourceKind, lanes::Lane};

/// Name of the controller in the labels of controller-runtime's metrics.
const CONTROLLER: &str = "streameraccount";

/// Labels of a finished reconcile, as in controller-runtime.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReconcileLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    outcome: &'static str,
}

/// Labels of the work queue, as in controller-runtime's priority queue, with a lane in place of a number.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct QueueLabels {
    name: &'static str,
    priority: &'static str,
}

/// Labels of the backlog: the namespace with the most accounts (`busiest`), or the others.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BacklogLabels {
    lane: &'static str,
    namespaces: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BudgetLabels {
    operation: &'static str,
    lane: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SharedWaitLabels {
    operation: &'static str,
    reason: &'static str,
}

impl QueueLabels {
    fn new(lane: Lane) -> Self {
        Self { name: CONTROLLER, priority: lane.label() }
    }
}

/// Label of a resource kind.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

/// Labels of drift: the field is `name`, `tags`, or a setting, by its path in the settings of its kind.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DriftLabels {
    kind: &'static str,
    field: String,
    handling: &'static str,
}

/// Label of a Lease, as in controller-runtime.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LeaseLabels {
    name: String,
}

/// The metrics. Label values come from fixed sets and never contain a username (I9).
#[derive(Clone, Debug)]
pub struct Metrics {
    exposition: Exposition,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_errors: Family<ControllerLabels, Counter>,
    reconcile_seconds: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    queue_depth: Family<QueueLabels, Gauge>,
    queue_seconds: Family<QueueLabels, Histogram, fn() -> Histogram>,
    backlog_depth: Family<BacklogLabels, Gauge>,
    backlog_age: Family<BacklogLabels, Gauge<f64, AtomicU64>>,
    budget_seconds: Family<BudgetLabels, Histogram, fn() -> Histogram>,
    shared_waits: Family<SharedWaitLabels, Gauge>,
    calls: Family<CallLabels, Counter>,
    last_resync: Gauge,
    resync_duration: Gauge<f64, AtomicU64>,
    resync_period: Gauge<f64, AtomicU64>,
    resync_failures: Counter,
    orphans: Gauge,
    missing: Family<KindLabels, Gauge>,
    brakes: Family<KindLabels, Gauge>,
    drift: Family<DriftLabels, Counter>,
    leads: Family<LeaseLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let reconciles = Family::default();
        let reconcile_errors = Family::default();
        let reconcile_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let queue_depth: Family<QueueLabels, Gauge> = Family::default();
        for lane in Lane::ALL {
            queue_depth.get_or_create(&QueueLabels::new(lane)).set(0);
        }
        let queue_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let budget_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let shared_waits = Family::default();
        let calls = Family::default();
        let last_resync = Gauge::default();
        let (resync_duration, resync_period) = (Gauge::default(), Gauge::default());
        let resync_failures = Counter::default();
        let orphans = Gauge::default();
        let missing: Family<KindLabels, Gauge> = Family::default();
        let brakes: Family<KindLabels, Gauge> = Family::default();
        for kind in ResourceKind::ALL {
            for family in [&missing, &brakes] {
                family.get_or_create(&KindLabels { kind: kind.label() }).set(0);
            }
        }
        let drift = Family::default();
        let leads = Family::default();
        let mut registry = Registry::default();
        registry.register(
            "controller_runtime_reconcile",
            "Total number of reconciliations by result",
            Family::clone(&reconciles),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Total number of reconciliation errors",
            Family::clone(&reconcile_errors),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "Duration of a reconciliation",
            Family::clone(&reconcile_seconds),
        );
        let (backlog_depth, backlog_age) = (Family::default(), Family::default());
        register_waits(&mut registry, &queue_depth, &queue_seconds, &budget_seconds);
        register_backlog(&mut registry, &backlog_depth, &backlog_age);
        registry.register(
            "streamcat_shared_waits",
            "Accounts that wait together until an AWS operation succeeds again, by reason",
            Family::clone(&shared_waits),
        );
        registry.register(
            "streamcat_aws_calls",
            "Total number of AWS calls by operation and outcome",
            Family::clone(&calls),
        );
        register_resyncs(&mut registry, &last_resync, &resync_duration, &resync_period, &resync_failures);
        registry.register(
            "streamcat_orphaned_resources",
            "Resources with the tag of this installation that no account owned at the latest resync",
            orphans.clone(),
        );
        register_findings(&mut registry, &missing, &brakes, &drift);
        registry.register(
            "leader_election_master_status",
            "1 if this process is the leader by the Lease of this name, 0 if it stands by",
            Family::clone(&leads),
        );
        let exposition = Exposition(Arc::new(registry));
        Self {
            exposition,
            reconciles,
            reconcile_errors,
            reconcile_seconds,
            queue_depth,
            queue_seconds,
            backlog_depth,
            backlog_age,
            budget_seconds,
            shared_waits,
            calls,
            last_resync,
            resync_duration,
            resync_period,
            resync_failures,
            orphans,
            missing,
            brakes,
            drift,
            leads,
        }
    }
}

impl Metrics {
    /// Counts a finished reconcile. `result` is one of success, requeue_after, error.
    pub fn record_reconcile(&self, result: &'static str, took: Duration) {
        self.reconciles.get_or_create(&ReconcileLabels { controller: CONTROLLER, result }).inc();
        self.reconcile_seconds
            .get_or_create(&ControllerLabels { controller: CONTROLLER })
            .observe(took.as_secs_f64());
        if result == "error" {
            self.reconcile_errors.get_or_create(&ControllerLabels { controller: CONTROLLER }).inc();
        }
    }

    /// Records the time that an account waited in the queue.
    pub(crate) fn record_queue_wait(&self, lane: Lane, waited: Duration) {
        self.queue_seconds.get_or_create(&QueueLabels::new(lane)).observe(waited.as_secs_f64());
    }

    /// Sets the number of accounts that are due in a lane, of the busiest namespace or the others, and the
    /// time since which the first of them is.
    pub(crate) fn set_backlog(&self, lane: Lane, namespaces: &'static str, depth: usize, age: Duration) {
        let labels = BacklogLabels { lane: lane.label(), namespaces };
        self.backlog_depth.get_or_create(&labels).set(depth.try_into().unwrap_or(i64::MAX));
        self.backlog_age.get_or_create(&labels).set(age.as_secs_f64());
    }

    /// Sets the number of accounts that are due in a lane.
    pub(crate) fn set_queue_depth(&self, lane: Lane, depth: usize) {
        self.queue_depth.get_or_create(&QueueLabels::new(lane)).set(depth.try_into().unwrap_or(i64::MAX));
    }

    /// Records the time that a call waited for its budget.
    pub(crate) fn record_budget_wait(&self, operation: &'static str, lane: Lane, waited: Duration) {
        let labels = BudgetLabels { operation, lane: lane.label() };
        self.budget_seconds.get_or_create(&labels).observe(waited.as_secs_f64());
    }

    /// Sets the number of accounts that wait together, by operation and reason. Others have none.
    pub(crate) fn set_shared_waits(&self, waiting: &BTreeMap<(&'static str, &'static str), usize>) {
        self.shared_waits.clear();
        for (&(operation, reason), &waiting) in waiting {
            let labels = SharedWaitLabels { operation, reason };
            self.shared_waits.get_or_create(&labels).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        }
    }

    /// Counts a call to AWS. `outcome` is `ok` or the class of the error.
    pub fn record_call(&self, operation: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&CallLabels { operation, outcome }).inc();
    }

    /// Records a resync that succeeded at this Unix time.
    pub fn record_resync(&self, second: i64, took: Duration) {
        self.last_resync.set(second);
        self.resync_duration.set(took.as_secs_f64());
    }

    /// Sets the time between the starts of two resyncs.
    pub fn set_resync_period(&self, period: Duration) {
        self.resync_period.set(period.as_secs_f64());
    }

    /// Counts a resync that failed.
    pub fn record_resync_failure(&self) {
        self.resync_failures.inc();
    }

    /// Sets the number of orphans that the latest resync found.
    pub fn set_orphans(&self, found: usize) {
        self.orphans.set(i64::try_from(found).unwrap_or(i64::MAX));
    }

    /// Sets the number of missing resources of each kind, and the kinds whose brake is engaged, as the last
    /// resync found them.
    pub fn set_absences(&self, missing: &BTreeMap<ResourceKind, usize>, braked: &BTreeSet<ResourceKind>) {
        for kind in ResourceKind::ALL {
            let labels = KindLabels { kind: kind.label() };
            let missing = missing.get(&kind).copied().unwrap_or_default();
            self.missing.get_or_create(&labels).set(i64::try_from(missing).unwrap_or(i64::MAX));
            self.brakes.get_or_create(&labels).set(braked.contains(&kind).into());
        }
    }

    /// Counts a value that something else had changed. `field`: from a fixed set. `handling`: `corrected` or
    /// `reported`.
    pub fn record_drift(&self, kind: ResourceKind, field: &str, handling: &'static str) {
        let labels = DriftLabels { kind: kind.label(), field: field.to_owned(), handling };
        self.drift.get_or_create(&labels).inc();
    }

    /// Sets whether this process is the leader by the Lease of this name.
    pub fn set_leading(&self, lease: &str, leads: bool) {
        self.leads.get_or_create(&LeaseLabels { name: lease.to_owned() }).set(leads.into());
    }

    /// Returns all metrics in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        self.exposition.text()
    }

    /// Returns all metrics, for the admin server.
    #[must_use]
    pub fn exposition(&self) -> Exposition {
        self.exposition.clone()
    }
}

/// Registers the metrics of the resyncs.
fn register_resyncs(
    registry: &mut Registry,
    last_resync: &Gauge,
    resync_duration: &Gauge<f64, AtomicU64>,
    resync_period: &Gauge<f64, AtomicU64>,
    resync_failures: &Counter,
) {
    registry.register(
        "streamcat_last_resync_timestamp_seconds",
        "Unix time of the latest resync that succeeded; 0 before the first one",
        last_resync.clone(),
    );
    registry.register(
        "streamcat_resync_duration_seconds",
        "Time that the latest resync that succeeded took",
        resync_duration.clone(),
    );
    registry.register(
        "streamcat_resync_period_seconds",
        "Time between the starts of two resyncs: the interval, or longer if a resync takes longer",
        resync_period.clone(),
    );
    registry.register(
        "streamcat_resync_failures",
        "Total number of resyncs that failed",
        resync_failures.clone(),
    );
}

/// Registers the metrics of resources that are missing or have drifted.
fn register_findings(
    registry: &mut Registry,
    missing: &Family<KindLabels, Gauge>,
    brakes: &Family<KindLabels, Gauge>,
    drift: &Family<DriftLabels, Counter>,
) {
    registry.register(
        "streamcat_missing_resources",
        "Recorded resources that AWS did not list at the latest resync, except those that the operator deleted",
        Family::clone(missing),
    );
    registry.register(
        "streamcat_brake_engaged",
        "1 while too many resources of a kind are missing, so that they are neither replaced nor given up; otherwise 0",
        Family::clone(brakes),
    );
    registry.register(
        "streamcat_drift",
        "Total number of values that something else had changed in AWS, by field and handling",
        Family::clone(drift),
    );
}

/// Registers the metrics of what waits in lanes.
fn register_waits(
    registry: &mut Registry,
    queue_depth: &Family<QueueLabels, Gauge>,
    queue_seconds: &Family<QueueLabels, Histogram, fn() -> Histogram>,
    budget_seconds: &Family<BudgetLabels, Histogram, fn() -> Histogram>,
) {
    registry.register(
        "workqueue_depth",
        "Accounts that are due and wait for a reconcile, by lane",
        Family::clone(queue_depth),
    );
    registry.register(
        "workqueue_queue_duration_seconds",
        "Time that an account waited for a reconcile after it was due, by lane",
        Family::clone(queue_seconds),
    );
    registry.register(
        "streamcat_aws_budget_wait_seconds",
        "Time that a call waited for the budget of its AWS operation, by lane",
        Family::clone(budget_seconds),
    );
}

/// Registers the metrics of the accounts that are due.
fn register_backlog(
    registry: &mut Registry,
    depth: &Family<BacklogLabels, Gauge>,
    age: &Family<BacklogLabels, Gauge<f64, AtomicU64>>,
) {
    registry.register(
        "streamcat_queue_backlog",
        "Accounts that are due, by lane, of the namespace with the most of them and of the others",
        Family::clone(depth),
    );
    registry.register(
        "streamcat_queue_oldest_seconds",
        "Time since which the account that has waited longest is due, by lane and namespaces",
        Family::clone(age),
    );
}

/// Creates a histogram with buckets from a reconcile without changes to one that waits for AWS.
fn seconds() -> Histogram {
    Histogram::new([0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_of_controller_runtime() {
        let metrics = Metrics::default();
        metrics.record_reconcile("error", Duration::from_millis(3));
        metrics.record_call("CreateChannel", "ok");
        metrics.set_leading("streamcat-operator", true);
        metrics.record_resync(1_800_000_000, Duration::from_secs(7));
        metrics.set_resync_period(Duration::from_mins(10));
        metrics.record_resync_failure();
        metrics.record_drift(ResourceKind::Channel, "type", "corrected");
        metrics.set_backlog(Lane::Bulk, "busiest", 7, Duration::from_secs(3));
        let text = metrics.text();
        assert!(text.contains(
            r#"controller_runtime_reconcile_total{controller="streameraccount",result="error"} 1"#
        ));
        assert!(
            text.contains(r#"controller_runtime_reconcile_errors_total{controller="streameraccount"} 1"#)
        );
        assert!(text.contains(r#"leader_election_master_status{name="streamcat-operator"} 1"#));
        assert!(text.contains("streamcat_last_resync_timestamp_seconds 1800000000"));
        assert!(text.contains("streamcat_resync_duration_seconds 7.0"), "{text}");
        assert!(text.contains("streamcat_resync_period_seconds 600.0"));
        assert!(text.contains(r#"streamcat_queue_backlog{lane="bulk",namespaces="busiest"} 7"#), "{text}");
        assert!(text.contains(r#"streamcat_queue_oldest_seconds{lane="bulk",namespaces="busiest"} 3.0"#));
        assert!(text.contains("streamcat_resync_failures_total 1"));
        assert!(
            text.contains(r#"streamcat_drift_total{kind="channel",field="type",handling="corrected"} 1"#)
        );
        assert!(text.contains(r#"streamcat_aws_calls_total{operation="CreateChannel",outcome="ok"} 1"#));
    }
}
