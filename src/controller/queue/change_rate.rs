//! The rate at which the accounts of a namespace change.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::lanes::Lane;

/// Number of changes that may come at once and still count as a person's.
const BURST: u32 = 10;

/// Time after which one more change counts as a person's.
const INTERVAL: Duration = Duration::from_secs(1);

/// Number of namespaces from which those that are quiet are forgotten.
const MAX_NAMESPACES: usize = 1000;

/// The sort of a change. Each has a rate of its own in each namespace, so that an import delays neither the
/// registrations nor the edits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeSort {
    /// A change of an account that is annotated as registered by a person.
    Registered,
    /// Another new account.
    Created,
    /// An edit or a deletion of another account.
    Edited,
}

/// Decides by the rate of the changes in each namespace which of them are a person's, and which are part of
/// many. A tenant who annotates accounts as registrations gains another rate of the same size, and no more.
#[derive(Debug, Default)]
pub struct ChangeRates {
    /// Time at which the burst of each namespace is available again in full.
    full_at: HashMap<(String, ChangeSort), Instant>,
}

impl ChangeRates {
    /// Counts a change in a namespace, and returns its lane.
    pub fn lane(&mut self, namespace: &str, sort: ChangeSort, now: Instant) -> Lane {
        if self.full_at.len() >= MAX_NAMESPACES {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let full_at = self.full_at.entry((namespace.to_owned(), sort)).or_insert(now);
        let next = (*full_at).max(now) + INTERVAL;
        if next > now + INTERVAL * BURST {
            return Lane::Bulk;
        }
        *full_at = next;
        Lane::Interactive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interactive(rates: &mut ChangeRates, namespace: &str, count: usize, now: Instant) -> usize {
        let lanes = (0..count).map(|_| rates.lane(namespace, ChangeSort::Created, now));
        lanes.filter(|lane| *lane == Lane::Interactive).count()
    }

    #[test]
    fn many_changes_of_one_namespace_are_bulk() {
        let (mut rates, now) = (ChangeRates::default(), Instant::now());
        assert_eq!(interactive(&mut rates, "import", 300, now), 10);
        assert_eq!(interactive(&mut rates, "other", 3, now), 3);
        for sort in [ChangeSort::Registered, ChangeSort::Edited] {
            assert_eq!(rates.lane("import", sort, now), Lane::Interactive, "{sort:?}");
        }
        assert_eq!(interactive(&mut rates, "import", 3, now + Duration::from_secs(2)), 2);
        assert_eq!(interactive(&mut rates, "import", 300, now + Duration::from_mins(5)), 10);
    }

    #[test]
    fn quiet_namespaces_are_forgotten() {
        let (mut rates, now) = (ChangeRates::default(), Instant::now());
        for number in 0..MAX_NAMESPACES {
            rates.lane(&number.to_string(), ChangeSort::Created, now);
        }
        rates.lane("later", ChangeSort::Created, now + Duration::from_mins(1));
        assert_eq!(rates.full_at.len(), 1);
    }
}
