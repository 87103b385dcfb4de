//! One clock for everything: time of day for the APIs, time since the start for the journal.

use std::time::{Duration, Instant};

use jiff::{Timestamp, Unit};

/// A clock that never goes back, whatever happens to the machine's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: Timestamp,
}

impl Clock {
    pub fn start() -> Self {
        Self { started: Instant::now(), started_at: Timestamp::now() }
    }

    /// How long the simulator has been running.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.started_at.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// The time of day in so long.
    pub fn after(&self, duration: Duration) -> Timestamp {
        self.now().checked_add(duration).unwrap_or(Timestamp::MAX)
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
}
