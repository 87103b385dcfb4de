//! Decides what to do about the Lease, and what to write into it. Pure.
//!
//! The age of a record is the time for which we have observed it unchanged, by our own monotonic clock. The
//! times in the record come from another machine's clock, and are for people only.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use tokio::time::Instant;

/// The Lease as it was observed, and the time since which it has not changed.
#[derive(Clone, Debug)]
pub(super) struct ObservedLease {
    pub lease: Lease,
    since: Instant,
}

impl ObservedLease {
    /// Returns a new observation. A record that has not changed keeps its age.
    pub fn new(before: Option<Self>, lease: Lease, now: Instant) -> Self {
        let since =
            before.filter(|before| before.lease.spec == lease.spec).map_or(now, |before| before.since);
        Self { lease, since }
    }

    fn spec(&self) -> LeaseSpec {
        self.lease.spec.clone().unwrap_or_default()
    }

    /// Returns the holder; None once the Lease was released.
    pub fn holder(&self) -> Option<String> {
        self.spec().holder_identity.filter(|holder| !holder.is_empty())
    }
}

/// A decision about the Lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LeaseStep {
    /// Acquire it: nobody holds it, or its holder has not renewed it in time.
    Acquire,
    /// Renew it: it is ours.
    Renew,
    /// Wait: another candidate holds it, for this long unless it is renewed.
    Wait(Duration),
}

/// Decides what to do. `duration` is the duration of a Lease that does not name one.
pub(super) fn next(
    observed: Option<&ObservedLease>,
    identity: &str,
    duration: Duration,
    now: Instant,
) -> LeaseStep {
    let Some(observed) = observed else { return LeaseStep::Acquire };
    match observed.holder() {
        None => LeaseStep::Acquire,
        Some(holder) if holder == identity => LeaseStep::Renew,
        Some(_) => {
            let seconds =
                observed.spec().lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
            let left = (observed.since + seconds.map_or(duration, Duration::from_secs)).duration_since(now);
            if left.is_zero() { LeaseStep::Acquire } else { LeaseStep::Wait(left) }
        }
    }
}

/// Returns the record that says that we hold the Lease. A duration with a fraction of a second is rounded up,
/// so that the others never wait too short.
pub(super) fn held(before: &LeaseSpec, identity: &str, duration: Duration, at: MicroTime) -> LeaseSpec {
    let renews = before.holder_identity.as_deref() == Some(identity);
    let is_new = *before == LeaseSpec::default();
    let seconds = duration.as_millis().div_ceil(1000);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
        acquire_time: if renews { before.acquire_time.clone() } else { Some(at.clone()) },
        renew_time: Some(at),
        lease_transitions: Some(before.lease_transitions.unwrap_or_default() + i32::from(!renews && !is_new)),
        ..before.clone()
    }
}

/// Returns the record that says that nobody holds the Lease.
pub(super) fn released(before: &LeaseSpec, at: MicroTime) -> LeaseSpec {
    LeaseSpec { holder_identity: None, renew_time: Some(at), ..before.clone() }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn at(second: i64) -> MicroTime {
        MicroTime(Timestamp::from_second(second).expect("a valid time"))
    }

    fn lease(spec: LeaseSpec) -> Lease {
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn held_by(identity: &str, renewed: i64) -> LeaseSpec {
        held(&LeaseSpec::default(), identity, DURATION, at(renewed))
    }

    #[test]
    fn a_lease_that_is_missing_or_released_is_acquired() {
        let now = Instant::now();
        let free = ObservedLease::new(None, lease(released(&held_by("them", 1), at(2))), now);
        assert_eq!(next(None, "us", DURATION, now), LeaseStep::Acquire);
        assert_eq!(next(Some(&free), "us", DURATION, now), LeaseStep::Acquire);
        let emptied = LeaseSpec { holder_identity: Some(String::new()), ..held_by("them", 1) };
        assert_eq!(
            next(Some(&ObservedLease::new(None, lease(emptied), now)), "us", DURATION, now),
            LeaseStep::Acquire
        );
    }

    #[test]
    fn our_own_lease_is_renewed_however_old_it_is() {
        let now = Instant::now();
        let ours = ObservedLease::new(None, lease(held_by("us", 1)), now);
        assert_eq!(next(Some(&ours), "us", DURATION, now + DURATION * 9), LeaseStep::Renew);
    }

    #[test]
    fn the_age_of_a_lease_counts_from_its_last_observed_change() {
        let start = Instant::now();
        let five = Duration::from_secs(5);
        // Written by a clock that is far behind.
        let observed = ObservedLease::new(None, lease(held_by("them", 0)), start);
        assert_eq!(next(Some(&observed), "us", DURATION, start), LeaseStep::Wait(DURATION));

        let unchanged = ObservedLease::new(Some(observed.clone()), lease(held_by("them", 0)), start + five);
        assert_eq!(next(Some(&unchanged), "us", DURATION, start + five), LeaseStep::Wait(five * 2));
        assert_eq!(next(Some(&unchanged), "us", DURATION, start + DURATION), LeaseStep::Acquire);

        let renewed = ObservedLease::new(Some(unchanged), lease(held_by("them", 7)), start + five);
        assert_eq!(next(Some(&renewed), "us", DURATION, start + DURATION), LeaseStep::Wait(five));
    }

    #[test]
    fn the_holder_sets_the_duration_of_the_lease() {
        let start = Instant::now();
        let short = LeaseSpec { lease_duration_seconds: Some(1), ..held_by("them", 1) };
        let observed = ObservedLease::new(None, lease(short), start);
        assert_eq!(next(Some(&observed), "us", DURATION, start + Duration::from_secs(1)), LeaseStep::Acquire);
        let silent = LeaseSpec { lease_duration_seconds: None, ..held_by("them", 1) };
        let observed = ObservedLease::new(None, lease(silent), start);
        assert_eq!(next(Some(&observed), "us", DURATION, start), LeaseStep::Wait(DURATION));
    }

    #[test]
    fn a_renewal_keeps_the_term_and_a_new_holder_is_a_transition() {
        let first = held_by("them", 1);
        assert_eq!((first.lease_transitions, first.acquire_time.clone()), (Some(0), Some(at(1))));
        let renewed = held(&first, "them", DURATION, at(3));
        assert_eq!((renewed.lease_transitions, renewed.acquire_time.clone()), (Some(0), Some(at(1))));
        assert_eq!(renewed.renew_time, Some(at(3)));
        let ours = held(&released(&renewed, at(4)), "us", DURATION, at(5));
        assert_eq!((ours.lease_transitions, ours.acquire_time), (Some(1), Some(at(5))));
    }

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        let seconds = |millis| {
            held(&LeaseSpec::default(), "us", Duration::from_millis(millis), at(1)).lease_duration_seconds
        };
        assert_eq!((seconds(1), seconds(1000), seconds(1001)), (Some(1), Some(1), Some(2)));
    }
}
