//! The work queue. Pure.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::time::Instant;

use crate::api::AccountRef;

/// The accounts that wait for a reconcile: each once, at the earliest requested time, in the order in which
/// they became due. An account that is being reconciled waits until that reconcile has ended.
#[derive(Debug, Default)]
pub struct Queue {
    accounts: HashMap<AccountRef, State>,
    /// The scheduled accounts, by time. Ties are ordered by namespace and name.
    scheduled: BTreeSet<(Instant, AccountRef)>,
    due: VecDeque<AccountRef>,
}

/// The state of an account in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It becomes due at this time.
    Scheduled(Instant),
    Due,
    /// It is being reconciled. If a time is set, it is scheduled for then.
    Running(Option<Instant>),
}

impl Queue {
    /// Schedules an account for this time, or for the end of its current reconcile if that is later. An earlier
    /// scheduled time is kept.
    pub fn add(&mut self, account: AccountRef, at: Instant) {
        match self.accounts.get_mut(&account) {
            Some(State::Due) => {}
            Some(State::Running(next)) => *next = Some(next.map_or(at, |next| next.min(at))),
            Some(State::Scheduled(before)) if *before <= at => {}
            Some(State::Scheduled(before)) => {
                self.scheduled.remove(&(*before, account.clone()));
                self.schedule(account, at);
            }
            None => self.schedule(account, at),
        }
    }

    fn schedule(&mut self, account: AccountRef, at: Instant) {
        self.accounts.insert(account.clone(), State::Scheduled(at));
        self.scheduled.insert((at, account));
    }

    /// Returns the account that has been due for the longest time. It counts as being reconciled until
    /// [`Self::finish`].
    pub fn take(&mut self, now: Instant) -> Option<AccountRef> {
        while self.scheduled.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, account)) = self.scheduled.pop_first()
        {
            self.accounts.insert(account.clone(), State::Due);
            self.due.push_back(account);
        }
        let account = self.due.pop_front()?;
        self.accounts.insert(account.clone(), State::Running(None));
        Some(account)
    }

    /// Notes that the reconcile of an account has ended. `next` is the time of the next one, unless an earlier
    /// one was requested meanwhile.
    pub fn finish(&mut self, account: AccountRef, next: Option<Instant>) {
        if let Some(State::Running(requested)) = self.accounts.remove(&account)
            && let Some(at) = requested.into_iter().chain(next).min()
        {
            self.schedule(account, at);
        }
    }

    /// Returns the time at which the next account becomes due.
    pub fn next_due(&self) -> Option<Instant> {
        self.scheduled.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
    }

    fn taken(queue: &mut Queue, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| queue.take(now)).map(|account| account.name).collect()
    }

    #[test]
    fn an_account_is_reconciled_once_at_the_earliest_requested_time() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for seconds in [5, 1, 9] {
            queue.add(account("todd"), now + Duration::from_secs(seconds));
        }
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(taken(&mut queue, now), [""; 0]);
        assert_eq!(taken(&mut queue, now + Duration::from_secs(1)), ["todd"]);
        assert_eq!(taken(&mut queue, now + Duration::from_secs(10)), [""; 0]);
    }

    #[test]
    fn the_account_that_became_due_first_is_first() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(account("later"), now + Duration::from_secs(2));
        queue.add(account("first"), now + Duration::from_secs(1));
        assert_eq!(taken(&mut queue, now + Duration::from_secs(3)), ["first", "later"]);
    }

    #[test]
    fn an_account_that_changes_while_it_is_reconciled_is_reconciled_again() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(account("todd"), now);
        assert_eq!(taken(&mut queue, now), ["todd"]);
        queue.add(account("todd"), now);
        assert_eq!(taken(&mut queue, now), [""; 0], "not twice at once");
        queue.finish(account("todd"), Some(now + Duration::from_mins(1)));
        assert_eq!(taken(&mut queue, now), ["todd"]);
        queue.finish(account("todd"), None);
        assert_eq!((queue.next_due(), queue.accounts.len()), (None, 0));
    }
}
