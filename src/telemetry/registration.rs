//! What the registration page counts. Labels come from fixed sets; a username or an address is never one (I9).

use std::{sync::Arc, time::Instant};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::Exposition;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// A request. The route is that of the router, with `{username}` as it stands there.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// Everything that the registration counts.
#[derive(Clone, Debug)]
pub struct RegistrationMetrics {
    exposition: Exposition,
    registrations: Family<OutcomeLabels, Counter>,
    sign_ins: Family<OutcomeLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    unaudited: Family<ReasonLabels, Counter>,
    hashing: HashMetrics,
    pending: Gauge,
    connections: Gauge,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

impl Default for RegistrationMetrics {
    fn default() -> Self {
        let registrations = Family::default();
        let sign_ins = Family::default();
        let refusals = Family::default();
        let unaudited = Family::default();
        let busy = ReasonLabels { reason: "hashing" };
        let hashing = HashMetrics { busy: refusals_of(&refusals, &busy), ..HashMetrics::default() };
        let pending = Gauge::default();
        let connections = Gauge::default();
        let requests = Family::new_with_constructor(seconds as fn() -> Histogram);
        let mut registry = Registry::default();
        registry.register(
            "streamcat_registrations",
            "Registrations by outcome",
            Family::clone(&registrations),
        );
        registry.register("streamcat_sign_ins", "Sign-ins by outcome", Family::clone(&sign_ins));
        registry.register(
            "streamcat_requests_rejected",
            "Requests that a limit has refused, by the limit",
            Family::clone(&refusals),
        );
        registry.register(
            "streamcat_audit_records_dropped",
            "Rows that the audit log lacks, by the reason",
            Family::clone(&unaudited),
        );
        registry.register(
            "streamcat_password_hash_seconds",
            "How long a password was hashed, from its turn on",
            hashing.seconds.clone(),
        );
        registry.register(
            "streamcat_password_hash_running",
            "Passwords that are being hashed, each with a permit",
            hashing.running.clone(),
        );
        registry.register(
            "streamcat_password_hash_queued",
            "Requests that wait for a permit to hash",
            hashing.waiting.clone(),
        );
        registry.register(
            "streamcat_pending_registrations",
            "Users whose account is still to be made, as the database has them",
            pending.clone(),
        );
        registry.register("streamcat_connections", "Open connections to the page", connections.clone());
        registry.register(
            "streamcat_http_request_duration_seconds",
            "How long a request took until its answer began",
            Family::clone(&requests),
        );
        let exposition = Exposition(Arc::new(registry));
        Self {
            exposition,
            registrations,
            sign_ins,
            refusals,
            unaudited,
            hashing,
            pending,
            connections,
            requests,
        }
    }
}

impl RegistrationMetrics {
    /// Counts a registration.
    pub fn registered(&self, outcome: &'static str) {
        self.registrations.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts an attempt to sign in.
    pub fn signed_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts what a limit has refused.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a row that the audit log lacks: it could not be written (`failed`), or was one of `too_many`.
    pub fn unaudited(&self, reason: &'static str) {
        self.unaudited.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// What is counted where passwords are hashed.
    #[must_use]
    pub fn hashing(&self) -> HashMetrics {
        self.hashing.clone()
    }

    /// Sets how many accounts are still to be made.
    pub fn pending(&self, accounts: i64) {
        self.pending.set(accounts);
    }

    /// Counts a connection for as long as it is held.
    #[must_use]
    pub fn connection(&self) -> Held {
        Held::new(&self.connections)
    }

    /// Counts a request that was answered.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, since: Instant) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(since.elapsed().as_secs_f64());
    }

    /// All metrics, for the admin port.
    #[must_use]
    pub fn exposition(&self) -> Exposition {
        self.exposition.clone()
    }
}

/// What is counted where passwords are hashed.
#[derive(Clone, Debug)]
pub struct HashMetrics {
    seconds: Histogram,
    running: Gauge,
    waiting: Gauge,
    busy: Counter,
}

impl Default for HashMetrics {
    fn default() -> Self {
        let (running, waiting) = (Gauge::default(), Gauge::default());
        Self { seconds: seconds(), running, waiting, busy: Counter::default() }
    }
}

impl HashMetrics {
    /// A request waits for its turn for as long as this is held.
    #[must_use]
    pub fn wait(&self) -> Held {
        Held::new(&self.waiting)
    }

    /// Counts a request that has waited for too long.
    pub fn gave_up(&self) {
        self.busy.inc();
    }

    /// A password is being hashed for as long as this is held.
    #[must_use]
    pub fn run(&self) -> Timed {
        Timed { seconds: self.seconds.clone(), since: Instant::now(), _held: Held::new(&self.running) }
    }
}

fn refusals_of(refusals: &Family<ReasonLabels, Counter>, labels: &ReasonLabels) -> Counter {
    refusals.get_or_create(labels).clone()
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Held(Gauge);

impl Held {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// One more in a gauge, and when it is dropped the time that it took in a histogram.
#[derive(Debug)]
pub struct Timed {
    seconds: Histogram,
    since: Instant,
    _held: Held,
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.seconds.observe(self.since.elapsed().as_secs_f64());
    }
}

/// Buckets from a file of ours to a request that waited for everything.
fn seconds() -> Histogram {
    Histogram::new([0.001, 0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let metrics = RegistrationMetrics::default();
        let shown = |line: &str| metrics.exposition().text().lines().any(|found| found == line);
        let (wait, run) = (metrics.hashing().wait(), metrics.hashing().run());
        assert!(shown("streamcat_password_hash_queued 1") && shown("streamcat_password_hash_running 1"));
        assert!(shown("streamcat_password_hash_seconds_count 0"));
        drop((wait, run));
        assert!(shown("streamcat_password_hash_queued 0") && shown("streamcat_password_hash_running 0"));
        assert!(shown("streamcat_password_hash_seconds_count 1"));
    }

    #[test]
    fn counters_carry_what_was_said() {
        let metrics = RegistrationMetrics::default();
        metrics.registered("created");
        metrics.signed_in("wrong");
        metrics.refused("accounts");
        metrics.unaudited("failed");
        metrics.hashing().gave_up();
        metrics.answered("POST", "/accounts/{username}/delete", 303, Instant::now());
        let text = metrics.exposition().text();
        for line in [
            r#"streamcat_registrations_total{outcome="created"} 1"#,
            r#"streamcat_sign_ins_total{outcome="wrong"} 1"#,
            r#"streamcat_requests_rejected_total{reason="accounts"} 1"#,
            r#"streamcat_requests_rejected_total{reason="hashing"} 1"#,
            r#"streamcat_audit_records_dropped_total{reason="failed"} 1"#,
            r#"streamcat_http_request_duration_seconds_count{method="POST",route="/accounts/{username}/delete",status="303"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
