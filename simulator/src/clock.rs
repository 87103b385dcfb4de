//! One clock for everything: time of day for the APIs, which can be moved, and time since the start for the journal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, Unit};

/// A clock that never goes back by itself, whatever happens to the machine's. All clones show the same time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: Timestamp,
    /// How far it has been moved, in microseconds.
    moved: Arc<AtomicI64>,
}

impl Clock {
    pub fn start() -> Self {
        Self { started: Instant::now(), started_at: Timestamp::now(), moved: Arc::default() }
    }

    /// How long the simulator has been running; not moved with the time of day.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_micros(self.moved.load(Ordering::Relaxed));
        let time = self.unmoved().checked_add(moved);
        time.unwrap_or(if moved.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// The time of day in so long.
    pub fn after(&self, duration: Duration) -> Timestamp {
        self.now().checked_add(duration).unwrap_or(Timestamp::MAX)
    }

    /// How far the time of day has been moved from the machine's.
    pub fn moved(&self) -> SignedDuration {
        SignedDuration::from_micros(self.moved.load(Ordering::Relaxed))
    }

    /// Moves the time of day on.
    pub fn advance(&self, duration: Duration) -> Result<(), String> {
        let now = self.now();
        let time = now.checked_add(duration).map_err(|_| format!("there is no time so long after {now}"))?;
        self.set(time);
        Ok(())
    }

    /// Moves the time of day so far from the machine's.
    pub fn move_to(&self, moved: SignedDuration) {
        self.moved.store(i64::try_from(moved.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Makes it that time of day, from which on it goes forward as before.
    pub fn set(&self, time: Timestamp) {
        let moved = time.as_microsecond().saturating_sub(self.unmoved().as_microsecond());
        self.moved.store(moved, Ordering::Relaxed);
    }

    fn unmoved(&self) -> Timestamp {
        self.started_at.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

/// A timestamp as the APIs write it: ISO 8601 in UTC, to the millisecond.
pub(crate) fn iso8601(time: Timestamp) -> String {
    format!("{:.3}", time.round(Unit::Millisecond).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_iso_8601() {
        let time: Timestamp = "2022-03-16T04:44:09.1234Z".parse().expect("a timestamp");
        assert_eq!(iso8601(time), "2022-03-16T04:44:09.123Z");
    }

    #[test]
    fn the_clock_goes_forward() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert_eq!(clock.after(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn the_clock_can_be_moved_and_all_its_clones_with_it() {
        let clock = Clock::start();
        let other = clock.clone();
        let first = clock.now();
        clock.advance(Duration::from_hours(48)).expect("it moves");
        assert!(other.now() >= first + Duration::from_hours(48));
        assert!(clock.advance(Duration::MAX).is_err());
        let past: Timestamp = "1999-12-31T23:59:59Z".parse().expect("a timestamp");
        clock.set(past);
        assert!(other.now() >= past && other.now() < first && other.moved().is_negative());
    }
}
