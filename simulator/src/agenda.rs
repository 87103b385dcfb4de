//! What happens by itself at a later time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::timestamp;

/// Something that is to happen.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Due {
    /// An encoder that was cut off comes back to this channel.
    Reconnect(String),
    /// This recording configuration becomes active.
    Activate(String),
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Entry {
    #[serde(with = "timestamp")]
    at: Timestamp,
    due: Due,
}

/// All that is to happen, in the order of time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Agenda(BTreeSet<Entry>);

impl Agenda {
    pub fn add(&mut self, at: Timestamp, due: Due) {
        self.0.insert(Entry { at, due });
    }

    /// Takes out the first thing that is due by now, and tells when it was.
    pub fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
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
        let due = |name: &str| Due::Activate(name.to_owned());
        let mut agenda = Agenda::default();
        agenda.add(at(3), due("c"));
        agenda.add(at(1), due("a"));
        agenda.add(at(2), due("b"));
        assert_eq!(agenda.pop(at(2)), Some((at(1), due("a"))));
        assert_eq!(agenda.pop(at(2)), Some((at(2), due("b"))));
        assert_eq!(agenda.pop(at(2)), None);
        let json = serde_json::to_string(&agenda).expect("JSON");
        let mut read: Agenda = serde_json::from_str(&json).expect("an agenda");
        assert_eq!(read.pop(at(9)), Some((at(3), due("c"))));
    }
}
