//! The clock of the simulator: the time of day for the APIs, which can be moved, and the uptime for the
//! journal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, Unit};

/// A clock that does not follow changes of the system clock. All clones show the same time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: Timestamp,
    /// The offset from the unmoved time, in microseconds.
    moved: Arc<AtomicI64>,
}

impl Clock {
    pub fn start() -> Self {
        Self { started: Instant::now(), started_at: Timestamp::now(), moved: Arc::default() }
    }

    /// Returns the time since the simulator started. Moving the clock does not change it.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the time of day.
    pub fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_micros(self.moved.load(Ordering::Relaxed));
        let time = self.unmoved().checked_add(moved);
        time.unwrap_or(if moved.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// Returns the time of day after the duration has passed.
    pub fn after(&self, duration: Duration) -> Timestamp {
        self.now().checked_add(duration).unwrap_or(Timestamp::MAX)
    }

    /// Returns the offset of the time of day from the system clock.
    pub fn moved(&self) -> SignedDuration {
        SignedDuration::from_micros(self.moved.load(Ordering::Relaxed))
    }

    /// Moves the time of day forward.
    pub fn advance(&self, duration: Duration) -> Result<(), String> {
        let time = self.now().checked_add(duration);
        let time = time.map_err(|_| "the time is too far in the future".to_owned())?;
        self.set(time);
        Ok(())
    }

    /// Sets the offset of the time of day from the system clock.
    pub fn move_to(&self, moved: SignedDuration) {
        self.moved.store(i64::try_from(moved.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Sets the time of day. It continues to advance from there.
    pub fn set(&self, time: Timestamp) {
        let moved = time.as_microsecond().saturating_sub(self.unmoved().as_microsecond());
        self.moved.store(moved, Ordering::Relaxed);
    }

    fn unmoved(&self) -> Timestamp {
        self.started_at.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

/// Formats a timestamp as the APIs do: ISO 8601 in UTC, with milliseconds.
pub(crate) fn iso8601(time: Timestamp) -> String {
    format!("{:.3}", time.round(Unit::Millisecond).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_formatted_as_iso_8601() {
        let time: Timestamp = "2022-03-16T04:44:09.1234Z".parse().expect("a timestamp");
        assert_eq!(iso8601(time), "2022-03-16T04:44:09.123Z");
    }

    #[test]
    fn the_clock_advances() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert_eq!(clock.after(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn moving_the_clock_moves_its_clones() {
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
