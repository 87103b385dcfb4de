//! Timers: changes that happen on their own at a later time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::timestamp;

/// A change that happens at a later time.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Timer {
    /// The disconnected encoder of this channel reconnects.
    Reconnect(String),
    /// This recording configuration becomes active.
    Activate(String),
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Entry {
    #[serde(with = "timestamp")]
    at: Timestamp,
    #[serde(rename = "due")]
    timer: Timer,
}

/// The timers that have not fired yet, in the order of their times.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Scheduler(BTreeSet<Entry>);

impl Scheduler {
    pub fn schedule(&mut self, at: Timestamp, timer: Timer) {
        self.0.insert(Entry { at, timer });
    }

    /// Removes and returns the first timer that is due, with the time at which it was due.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let first = self.0.first()?;
        if first.at > now {
            return None;
        }
        self.0.pop_first().map(|entry| (entry.at, entry.timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_are_returned_in_time_order() {
        let at = |second| Timestamp::from_second(second).expect("a timestamp");
        let timer = |name: &str| Timer::Activate(name.to_owned());
        let mut scheduler = Scheduler::default();
        scheduler.schedule(at(3), timer("c"));
        scheduler.schedule(at(1), timer("a"));
        scheduler.schedule(at(2), timer("b"));
        assert_eq!(scheduler.pop_due(at(2)), Some((at(1), timer("a"))));
        assert_eq!(scheduler.pop_due(at(2)), Some((at(2), timer("b"))));
        assert_eq!(scheduler.pop_due(at(2)), None);
        let json = serde_json::to_string(&scheduler).expect("JSON");
        let mut read: Scheduler = serde_json::from_str(&json).expect("a scheduler");
        assert_eq!(read.pop_due(at(9)), Some((at(3), timer("c"))));
    }
}
