//! The resyncs that fail in a row: when the next one is due, what `/readyz` says, and when the accounts are
//! read one by one instead.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use crate::{
    api::Reason,
    controller::{blocker::Blocker, jitter::less_jitter},
    messages,
};

/// Delay after the first failure. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// Maximum delay, before the jitter.
const MAX_DELAY: Duration = Duration::from_mins(1);

/// The latest success, and the failures since.
#[derive(Debug)]
pub(super) struct ResyncFailures {
    /// The installation and the namespace, whose jitter differs from that of others.
    seed: (String, Option<String>),
    interval: Duration,
    failed: u32,
    began: Instant,
    succeeded: Option<(Instant, Time)>,
    /// The time of the latest verification of all accounts one by one.
    verified: Option<Instant>,
}

impl ResyncFailures {
    /// Returns the state before the first resync.
    pub fn new(installation: &str, namespace: Option<&str>, interval: Duration) -> Self {
        let seed = (installation.to_owned(), namespace.map(str::to_owned));
        Self { seed, interval, failed: 0, began: Instant::now(), succeeded: None, verified: None }
    }

    /// Records a success.
    pub fn reset(&mut self, now: Time) {
        (self.failed, self.succeeded, self.verified) = (0, Some((Instant::now(), now)), None);
    }

    /// Records a failure, and returns the delay until the next try. It depends on nothing random, so that a
    /// test can repeat it, and differs between installations and namespaces.
    pub fn next_delay(&mut self) -> Duration {
        let longest = self.interval.clamp(FIRST_DELAY, MAX_DELAY);
        let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(self.failed)).min(longest);
        self.failed = self.failed.saturating_add(1);
        less_jitter(delay, &(&self.seed, self.failed))
    }

    /// Returns the note about the failures, if a resync has ever succeeded. Before that, a gate is closed.
    pub fn note(&self, why: &str) -> Option<String> {
        let (_, at) = self.succeeded.as_ref()?;
        Some(messages::resync::fails(&at.0.to_string(), why))
    }

    /// Returns true if no resync has succeeded for so long that the accounts must be read one by one. A
    /// failure of the database or of Kubernetes says nothing about AWS, and would keep accounts from being
    /// read too.
    pub fn is_verification_due(&mut self, blocker: &Blocker, max_age: Duration) -> bool {
        if matches!(blocker.reason, Reason::DatabaseUnavailable | Reason::KubernetesUnavailable) {
            return false;
        }
        let succeeded = self.succeeded.as_ref().map(|(at, _)| *at);
        let is_due = self.verified.or(succeeded).unwrap_or(self.began).elapsed() >= max_age;
        if is_due {
            self.verified = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_openapi::jiff::Timestamp;

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(10);

    fn failures(installation: &str) -> ResyncFailures {
        ResyncFailures::new(installation, None, INTERVAL)
    }

    fn aws() -> Blocker {
        Blocker::aws_listing(Duration::ZERO)
    }

    #[test]
    fn the_delay_doubles_up_to_a_minute_and_differs_between_installations() {
        let mut some = failures("a");
        for expected in [5, 10, 20, 40, 60, 60] {
            let (delay, expected) = (some.next_delay(), Duration::from_secs(expected));
            assert!(delay <= expected && delay >= expected.mul_f64(0.75), "{delay:?}");
        }
        let delays: BTreeSet<_> = (0..20).map(|number| failures(&number.to_string()).next_delay()).collect();
        assert!(delays.len() > 5, "{delays:?}");
        let mut quick = ResyncFailures::new("a", None, Duration::from_secs(1));
        assert!((0..5).all(|_| quick.next_delay() <= FIRST_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn a_note_names_the_latest_success_and_a_success_removes_it() {
        let mut failures = failures("a");
        assert_eq!(failures.note("denied"), None, "the gate is closed");
        failures.reset(Time(Timestamp::UNIX_EPOCH));
        let note = failures.note("denied").expect("a note");
        assert!(note.contains("1970-01-01T00:00:00Z") && note.contains("denied"), "{note}");
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_are_verified_once_for_each_period_without_a_list() {
        let (mut failures, max_age) = (failures("a"), INTERVAL * 3);
        assert!(!failures.is_verification_due(&aws(), max_age));
        tokio::time::advance(max_age).await;
        assert!(failures.is_verification_due(&aws(), max_age), "nothing was listed since the start");
        failures.reset(Time(Timestamp::UNIX_EPOCH));
        assert!(!failures.is_verification_due(&aws(), max_age));
        tokio::time::advance(max_age).await;
        let database = Blocker { reason: Reason::DatabaseUnavailable, ..aws() };
        assert!(!failures.is_verification_due(&database, max_age));
        assert!(failures.is_verification_due(&aws(), max_age));
        assert!(!failures.is_verification_due(&aws(), max_age));
        tokio::time::advance(max_age).await;
        assert!(failures.is_verification_due(&aws(), max_age));
    }
}
