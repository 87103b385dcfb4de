//! What to do about the Lease, and what to write into it: pure.
//!
//! A record is as old as we have seen it unchanged, by our own monotonic clock. The times that are written in it are
//! another machine's, and are for people only.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use tokio::time::Instant;

/// The Lease as it was seen, and since when it has not changed.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub lease: Lease,
    since: Instant,
}

impl Seen {
    /// What a look shows: a record that is as it was keeps its age.
    pub fn now(before: Option<Self>, lease: Lease, now: Instant) -> Self {
        let since =
            before.filter(|before| before.lease.spec == lease.spec).map_or(now, |before| before.since);
        Self { lease, since }
    }

    fn spec(&self) -> LeaseSpec {
        self.lease.spec.clone().unwrap_or_default()
    }

    /// Who holds it; nobody once it was given up.
    pub fn holder(&self) -> Option<String> {
        self.spec().holder_identity.filter(|holder| !holder.is_empty())
    }
}

/// What to do about the Lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nobody holds it, or who did has not renewed it in time: it becomes ours.
    Acquire,
    /// It is ours: say so again.
    Renew,
    /// Another holds it, for this long if it is not renewed.
    Wait(Duration),
}

/// The step that what was seen asks for. `lasts`: how long a Lease is good for that does not say so itself.
pub(super) fn next(seen: Option<&Seen>, identity: &str, lasts: Duration, now: Instant) -> Step {
    let Some(seen) = seen else { return Step::Acquire };
    match seen.holder() {
        None => Step::Acquire,
        Some(holder) if holder == identity => Step::Renew,
        Some(_) => {
            let seconds = seen.spec().lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
            let left = (seen.since + seconds.map_or(lasts, Duration::from_secs)).duration_since(now);
            if left.is_zero() { Step::Acquire } else { Step::Wait(left) }
        }
    }
}

/// The record that says that we hold it. A duration that is no whole number of seconds is rounded up: then the others
/// wait longer than they must.
pub(super) fn held(before: &LeaseSpec, identity: &str, lasts: Duration, at: MicroTime) -> LeaseSpec {
    let renews = before.holder_identity.as_deref() == Some(identity);
    let is_new = *before == LeaseSpec::default();
    let seconds = lasts.as_millis().div_ceil(1000);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
        acquire_time: if renews { before.acquire_time.clone() } else { Some(at.clone()) },
        renew_time: Some(at),
        lease_transitions: Some(before.lease_transitions.unwrap_or_default() + i32::from(!renews && !is_new)),
        ..before.clone()
    }
}

/// The record that says that nobody holds it.
pub(super) fn given_up(before: &LeaseSpec, at: MicroTime) -> LeaseSpec {
    LeaseSpec { holder_identity: None, renew_time: Some(at), ..before.clone() }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    const LASTS: Duration = Duration::from_secs(15);

    fn at(second: i64) -> MicroTime {
        MicroTime(Timestamp::from_second(second).expect("a valid time"))
    }

    fn lease(spec: LeaseSpec) -> Lease {
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn held_by(identity: &str, renewed: i64) -> LeaseSpec {
        held(&LeaseSpec::default(), identity, LASTS, at(renewed))
    }

    #[test]
    fn one_that_is_not_there_or_nobodys_is_acquired() {
        let now = Instant::now();
        let nobodys = Seen::now(None, lease(given_up(&held_by("them", 1), at(2))), now);
        assert_eq!(next(None, "us", LASTS, now), Step::Acquire);
        assert_eq!(next(Some(&nobodys), "us", LASTS, now), Step::Acquire);
        let emptied = LeaseSpec { holder_identity: Some(String::new()), ..held_by("them", 1) };
        assert_eq!(next(Some(&Seen::now(None, lease(emptied), now)), "us", LASTS, now), Step::Acquire);
    }

    #[test]
    fn ours_is_renewed_however_old() {
        let now = Instant::now();
        let ours = Seen::now(None, lease(held_by("us", 1)), now);
        assert_eq!(next(Some(&ours), "us", LASTS, now + LASTS * 9), Step::Renew);
    }

    #[test]
    fn anothers_is_waited_for_since_we_saw_it_change_and_not_by_the_times_in_it() {
        let start = Instant::now();
        let five = Duration::from_secs(5);
        // Written by a clock that is far behind.
        let seen = Seen::now(None, lease(held_by("them", 0)), start);
        assert_eq!(next(Some(&seen), "us", LASTS, start), Step::Wait(LASTS));

        let unchanged = Seen::now(Some(seen.clone()), lease(held_by("them", 0)), start + five);
        assert_eq!(next(Some(&unchanged), "us", LASTS, start + five), Step::Wait(five * 2));
        assert_eq!(next(Some(&unchanged), "us", LASTS, start + LASTS), Step::Acquire);

        let renewed = Seen::now(Some(unchanged), lease(held_by("them", 7)), start + five);
        assert_eq!(next(Some(&renewed), "us", LASTS, start + LASTS), Step::Wait(five));
    }

    #[test]
    fn it_is_good_for_as_long_as_its_holder_says() {
        let start = Instant::now();
        let short = LeaseSpec { lease_duration_seconds: Some(1), ..held_by("them", 1) };
        let seen = Seen::now(None, lease(short), start);
        assert_eq!(next(Some(&seen), "us", LASTS, start + Duration::from_secs(1)), Step::Acquire);
        let silent = LeaseSpec { lease_duration_seconds: None, ..held_by("them", 1) };
        let seen = Seen::now(None, lease(silent), start);
        assert_eq!(next(Some(&seen), "us", LASTS, start), Step::Wait(LASTS));
    }

    #[test]
    fn a_renewal_keeps_the_term_and_a_change_of_holder_counts() {
        let first = held_by("them", 1);
        assert_eq!((first.lease_transitions, first.acquire_time.clone()), (Some(0), Some(at(1))));
        let renewed = held(&first, "them", LASTS, at(3));
        assert_eq!((renewed.lease_transitions, renewed.acquire_time.clone()), (Some(0), Some(at(1))));
        assert_eq!(renewed.renew_time, Some(at(3)));
        let ours = held(&given_up(&renewed, at(4)), "us", LASTS, at(5));
        assert_eq!((ours.lease_transitions, ours.acquire_time), (Some(1), Some(at(5))));
    }

    #[test]
    fn part_of_a_second_is_rounded_up() {
        let seconds = |millis| {
            held(&LeaseSpec::default(), "us", Duration::from_millis(millis), at(1)).lease_duration_seconds
        };
        assert_eq!((seconds(1), seconds(1000), seconds(1001)), (Some(1), Some(1), Some(2)));
    }
}
