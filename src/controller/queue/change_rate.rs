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

/// Decides by the rate of the changes in each namespace which of them are a person's, and which are part of
/// many. A tenant who annotates accounts as registrations gains a second rate of the same size, and no more.
#[derive(Debug, Default)]
pub struct ChangeRates {
    /// Time at which the burst of each namespace is available again in full. Registrations are counted
    /// separately: an import into their namespace does not delay them.
    full_at: HashMap<(String, bool), Instant>,
}

impl ChangeRates {
    /// Counts a change in a namespace, and returns its lane.
    pub fn lane(&mut self, namespace: &str, is_registration: bool, now: Instant) -> Lane {
        if self.full_at.len() >= MAX_NAMESPACES {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let full_at = self.full_at.entry((namespace.to_owned(), is_registration)).or_insert(now);
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
        (0..count).filter(|_| rates.lane(namespace, false, now) == Lane::Interactive).count()
    }

    #[test]
    fn many_changes_of_one_namespace_are_bulk() {
        let (mut rates, now) = (ChangeRates::default(), Instant::now());
        assert_eq!(interactive(&mut rates, "import", 300, now), 10);
        assert_eq!(interactive(&mut rates, "other", 3, now), 3);
        assert_eq!(rates.lane("import", true, now), Lane::Interactive, "a person registers");
        assert_eq!(interactive(&mut rates, "import", 3, now + Duration::from_secs(2)), 2);
        assert_eq!(interactive(&mut rates, "import", 300, now + Duration::from_mins(5)), 10);
    }

    #[test]
    fn quiet_namespaces_are_forgotten() {
        let (mut rates, now) = (ChangeRates::default(), Instant::now());
        for number in 0..MAX_NAMESPACES {
            rates.lane(&number.to_string(), false, now);
        }
        rates.lane("later", false, now + Duration::from_mins(1));
        assert_eq!(rates.full_at.len(), 1);
    }
}
