//! What happens by itself at a later time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::timestamp;

/// Something that is to happen.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Timer {
    /// An encoder that was cut off comes back to this channel.
    Reconnect(String),
    /// This recording configuration becomes active.
    Activate(String),
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Entry {
    #[serde(with = "timestamp")]
    at: Timestamp,
    due: Timer,
}

/// All that is to happen, in the order of time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Scheduler(BTreeSet<Entry>);

impl Scheduler {
    pub fn add(&mut self, at: Timestamp, due: Timer) {
        self.0.insert(Entry { at, due });
    }

    /// Takes out the first thing that is due by now, and tells when it was.
    pub fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let first = self.0.first()?;
        if first.at > now {
            return None;
        }
        self.0.pop_first().map(|entry| (entry.at, entry.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_the_order_of_time() {
        let at = |second| Timestamp::from_second(second).expect("a timestamp");
        let due = |name: &str| Timer::Activate(name.to_owned());
        let mut scheduler = Scheduler::default();
        scheduler.add(at(3), due("c"));
        scheduler.add(at(1), due("a"));
        scheduler.add(at(2), due("b"));
        assert_eq!(scheduler.pop(at(2)), Some((at(1), due("a"))));
        assert_eq!(scheduler.pop(at(2)), Some((at(2), due("b"))));
        assert_eq!(scheduler.pop(at(2)), None);
        let json = serde_json::to_string(&scheduler).expect("JSON");
        let mut read: Scheduler = serde_json::from_str(&json).expect("an agenda");
        assert_eq!(read.pop(at(9)), Some((at(3), due("c"))));
    }
}
