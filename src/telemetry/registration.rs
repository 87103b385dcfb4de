//! Metrics of the registration page. Label values come from fixed sets and never contain a username or an IP
//! address (I9).

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

/// Labels of a request. The route is the pattern of the router, with the placeholder `{username}`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// The metrics of the registration page.
#[derive(Clone, Debug)]
pub struct RegistrationMetrics {
    exposition: Exposition,
    registrations: Family<OutcomeLabels, Counter>,
    sign_ins: Family<OutcomeLabels, Counter>,
    rejections: Family<ReasonLabels, Counter>,
    dropped_audit_records: Family<ReasonLabels, Counter>,
    hashing: HashMetrics,
    pending: Gauge,
    connections: Gauge,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

impl Default for RegistrationMetrics {
    fn default() -> Self {
        let registrations = Family::default();
        let sign_ins = Family::default();
        let rejections = Family::default();
        let dropped_audit_records = Family::default();
        let queue_full = ReasonLabels { reason: "hashing" };
        let hashing =
            HashMetrics { queue_full: rejections_of(&rejections, &queue_full), ..HashMetrics::default() };
        let pending = Gauge::default();
        let connections = Gauge::default();
        let requests = Family::new_with_constructor(seconds as fn() -> Histogram);
        let mut registry = Registry::default();
        registry.register(
            "streamcat_registrations",
            "Total number of registrations by outcome",
            Family::clone(&registrations),
        );
        registry.register(
            "streamcat_sign_ins",
            "Total number of sign-in attempts by outcome",
            Family::clone(&sign_ins),
        );
        registry.register(
            "streamcat_requests_rejected",
            "Total number of requests that a limit rejected, by limit",
            Family::clone(&rejections),
        );
        registry.register(
            "streamcat_audit_records_dropped",
            "Total number of audit log records that were not written, by reason",
            Family::clone(&dropped_audit_records),
        );
        registry.register(
            "streamcat_password_hash_seconds",
            "Duration of hashing a password, without the time in the queue",
            hashing.seconds.clone(),
        );
        registry.register(
            "streamcat_password_hash_running",
            "Passwords that are being hashed",
            hashing.running.clone(),
        );
        registry.register(
            "streamcat_password_hash_queued",
            "Requests that wait to hash a password",
            hashing.waiting.clone(),
        );
        registry.register(
            "streamcat_pending_registrations",
            "Registrations in the database that are not completed",
            pending.clone(),
        );
        registry.register(
            "streamcat_connections",
            "Open connections to the registration page",
            connections.clone(),
        );
        registry.register(
            "streamcat_http_request_duration_seconds",
            "Time from a request to the first byte of its response",
            Family::clone(&requests),
        );
        let exposition = Exposition(Arc::new(registry));
        Self {
            exposition,
            registrations,
            sign_ins,
            rejections,
            dropped_audit_records,
            hashing,
            pending,
            connections,
            requests,
        }
    }
}

impl RegistrationMetrics {
    /// Counts a registration.
    pub fn record_registration(&self, outcome: &'static str) {
        self.registrations.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts an attempt to sign in.
    pub fn record_sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a request that a limit rejected.
    pub fn record_rejection(&self, reason: &'static str) {
        self.rejections.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a record of the audit log that was not written: the write failed (`failed`), or there were
    /// `too_many`.
    pub fn record_dropped_audit_record(&self, reason: &'static str) {
        self.dropped_audit_records.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Returns the metrics of password hashing.
    #[must_use]
    pub fn hashing(&self) -> HashMetrics {
        self.hashing.clone()
    }

    /// Sets the number of registrations that are not completed.
    pub fn pending(&self, accounts: i64) {
        self.pending.set(accounts);
    }

    /// Counts a connection while the guard exists.
    #[must_use]
    pub fn connection(&self) -> GaugeGuard {
        GaugeGuard::new(&self.connections)
    }

    /// Counts a request that has a response.
    pub fn record_response(&self, method: &'static str, route: &str, status: u16, since: Instant) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(since.elapsed().as_secs_f64());
    }

    /// Returns all metrics, for the admin server.
    #[must_use]
    pub fn exposition(&self) -> Exposition {
        self.exposition.clone()
    }
}

/// The metrics of password hashing.
#[derive(Clone, Debug)]
pub struct HashMetrics {
    seconds: Histogram,
    running: Gauge,
    waiting: Gauge,
    queue_full: Counter,
}

impl Default for HashMetrics {
    fn default() -> Self {
        let (running, waiting) = (Gauge::default(), Gauge::default());
        Self { seconds: seconds(), running, waiting, queue_full: Counter::default() }
    }
}

impl HashMetrics {
    /// Counts a request as queued while the guard exists.
    #[must_use]
    pub fn wait(&self) -> GaugeGuard {
        GaugeGuard::new(&self.waiting)
    }

    /// Counts a request that timed out in the queue.
    pub fn gave_up(&self) {
        self.queue_full.inc();
    }

    /// Counts a password as being hashed while the guard exists.
    #[must_use]
    pub fn run(&self) -> TimerGuard {
        TimerGuard {
            seconds: self.seconds.clone(),
            since: Instant::now(),
            _running: GaugeGuard::new(&self.running),
        }
    }
}

fn rejections_of(rejections: &Family<ReasonLabels, Counter>, labels: &ReasonLabels) -> Counter {
    rejections.get_or_create(labels).clone()
}

/// Increments a gauge, and decrements it when dropped.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Increments a gauge until it is dropped, and then observes the elapsed time.
#[derive(Debug)]
pub struct TimerGuard {
    seconds: Histogram,
    since: Instant,
    _running: GaugeGuard,
}

impl Drop for TimerGuard {
    fn drop(&mut self) {
        self.seconds.observe(self.since.elapsed().as_secs_f64());
    }
}

/// Creates a histogram with buckets from a static file to a request that waits for AWS and the database.
fn seconds() -> Histogram {
    Histogram::new([0.001, 0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_count_until_they_are_dropped() {
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
    fn counters_have_the_given_labels() {
        let metrics = RegistrationMetrics::default();
        metrics.record_registration("created");
        metrics.record_sign_in("wrong_password");
        metrics.record_rejection("signup_rate");
        metrics.record_dropped_audit_record("failed");
        metrics.hashing().gave_up();
        metrics.record_response("POST", "/accounts/{username}/delete", 303, Instant::now());
        let text = metrics.exposition().text();
        for line in [
            r#"streamcat_registrations_total{outcome="created"} 1"#,
            r#"streamcat_sign_ins_total{outcome="wrong_password"} 1"#,
            r#"streamcat_requests_rejected_total{reason="signup_rate"} 1"#,
            r#"streamcat_requests_rejected_total{reason="hashing"} 1"#,
            r#"streamcat_audit_records_dropped_total{reason="failed"} 1"#,
            r#"streamcat_http_request_duration_seconds_count{method="POST",route="/accounts/{username}/delete",status="303"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
