//! The re-checks of accounts that are ready: a recent change is re-verified once no earlier update can still
//! take effect.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use tokio::time::Instant;

use super::lock;
use crate::api::AccountRef;

/// The scheduled re-checks. The database knows of them too, so that they survive a restart.
#[derive(Debug, Default)]
pub struct Rechecks(Mutex<BTreeMap<AccountRef, Instant>>);

impl Rechecks {
    /// Schedules the next re-check of an account in place of any other; None removes it.
    pub fn schedule(&self, account: &AccountRef, after: Option<Duration>) {
        match after {
            Some(after) => drop(lock(&self.0).insert(account.clone(), Instant::now() + after)),
            None => drop(lock(&self.0).remove(account)),
        }
    }

    /// Returns the time until the next re-check: zero if it is due, None if none is scheduled.
    pub fn due_in(&self, account: &AccountRef) -> Option<Duration> {
        lock(&self.0).get(account).map(|at| at.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_recheck_stays_due_until_it_is_rescheduled() {
        let (rechecks, account) =
            (Rechecks::default(), AccountRef { namespace: "n".to_owned(), name: "a".to_owned() });
        assert_eq!(rechecks.due_in(&account), None);
        rechecks.schedule(&account, Some(Duration::from_secs(3)));
        assert_eq!(rechecks.due_in(&account), Some(Duration::from_secs(3)));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(rechecks.due_in(&account), Some(Duration::ZERO));
        rechecks.schedule(&account, None);
        assert_eq!(rechecks.due_in(&account), None);
    }
}
