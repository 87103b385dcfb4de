//! The work queue. Pure.

mod change_rate;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    api::AccountRef,
    lanes::{FairQueue, Lane, Origin},
};

pub(super) use self::change_rate::{ChangeRates, ChangeSort};

/// Maximum time until a retry that stays in the lane of the account. Nobody watches a slower one.
const MAX_PROMPT_RETRY: Duration = Duration::from_mins(1);

/// The accounts that wait for a reconcile: each once, at the earliest requested time and in the most urgent
/// requested lane. An account that is being reconciled waits until that reconcile has ended.
#[derive(Debug, Default)]
pub struct Queue {
    accounts: HashMap<AccountRef, State>,
    /// The scheduled accounts, by time. Ties are ordered by namespace and name.
    scheduled: BTreeSet<(Instant, AccountRef)>,
    /// The accounts that are due. An account whose lane has changed since is also in its former lane.
    due: FairQueue<AccountRef>,
}

/// An account that is to be added to the queue.
#[derive(Clone, Debug)]
pub struct Requeue {
    /// The account.
    pub(in crate::controller) account: AccountRef,
    /// The time and the lane.
    pub(in crate::controller) turn: Turn,
}

/// A time and a lane for the reconcile of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The earliest time.
    pub at: Instant,
    /// The lane.
    pub lane: Lane,
}

impl Turn {
    /// Returns the earlier time and the more urgent lane.
    fn merge(self, other: Self) -> Self {
        Self { at: self.at.min(other.at), lane: self.lane.min(other.lane) }
    }
}

/// The state of an account in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Scheduled(Turn),
    /// It is due since this time, in this lane.
    Due(Turn),
    /// It is being reconciled, and came from this lane. If a turn is set, it is scheduled for then.
    Running(Lane, Option<Turn>),
}

/// An account that is to be reconciled now.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// The account.
    pub account: AccountRef,
    /// The lane it waited in.
    pub lane: Lane,
    /// Time that it waited since it was due.
    pub waited: Duration,
}

impl Queue {
    /// Schedules an account for this turn, or for the end of its current reconcile if that is later. An
    /// earlier time and a more urgent lane that it already has are kept.
    pub fn add(&mut self, account: AccountRef, turn: Turn) {
        match self.accounts.get_mut(&account) {
            Some(State::Running(_, next)) => *next = Some(next.map_or(turn, |next| next.merge(turn))),
            Some(State::Due(due)) if due.lane <= turn.lane => {}
            Some(State::Due(due)) => {
                due.lane = turn.lane;
                self.due.push(&origin(&account, turn.lane), account);
            }
            Some(State::Scheduled(before)) => {
                let before = *before;
                self.scheduled.remove(&(before.at, account.clone()));
                self.schedule(account, before.merge(turn));
            }
            None => self.schedule(account, turn),
        }
    }

    fn schedule(&mut self, account: AccountRef, turn: Turn) {
        self.accounts.insert(account.clone(), State::Scheduled(turn));
        self.scheduled.insert((turn.at, account));
    }

    /// Returns the next account that is due in one of the open lanes and namespaces. It counts as being
    /// reconciled until [`Self::finish`].
    pub fn take(
        &mut self,
        now: Instant,
        is_lane_open: impl Fn(Lane) -> bool,
        is_namespace_open: impl Fn(Lane, &str) -> bool,
    ) -> Option<Taken> {
        while self.scheduled.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, account)) = self.scheduled.pop_first()
            && let Some(state) = self.accounts.get_mut(&account)
            && let State::Scheduled(turn) = *state
        {
            *state = State::Due(turn);
            self.due.push(&origin(&account, turn.lane), account);
        }
        loop {
            let (lane, account) = self.due.pop_from(&is_lane_open, &is_namespace_open)?;
            if let Some(state) = self.accounts.get_mut(&account)
                && let State::Due(due) = *state
                && due.lane == lane
            {
                *state = State::Running(lane, None);
                return Some(Taken { account, lane, waited: now.saturating_duration_since(due.at) });
            }
        }
    }

    /// Notes that the reconcile of an account has ended, and that the next one is due after this time.
    pub fn finish(&mut self, account: AccountRef, next_in: Option<Duration>, now: Instant) {
        let Some(State::Running(lane, requested)) = self.accounts.remove(&account) else { return };
        let next = next_in.map(|delay| {
            let lane = if delay <= MAX_PROMPT_RETRY { lane } else { Lane::Background };
            Turn { at: now + delay, lane }
        });
        if let Some(turn) = requested.into_iter().chain(next).reduce(Turn::merge) {
            self.schedule(account, turn);
        }
    }

    /// Returns the time at which the next account becomes due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.scheduled.first().map(|(at, _)| *at)
    }

    /// Returns the number of accounts that are due in a lane.
    #[must_use]
    pub fn depth(&self, lane: Lane) -> usize {
        self.due.len(lane)
    }

    /// Returns the backlog of a lane: that of the namespace with the most accounts, and that of the others.
    #[must_use]
    pub fn backlog(&self, lane: Lane, now: Instant) -> [Backlog; 2] {
        let (mut busiest, mut others) = (Backlog::default(), Backlog::default());
        for (depth, first) in self.due.namespaces(lane) {
            let since = match self.accounts.get(first) {
                Some(State::Due(due)) => due.at,
                _ => now,
            };
            let mut backlog = Backlog { depth, age: now.saturating_duration_since(since) };
            if backlog.depth > busiest.depth {
                std::mem::swap(&mut backlog, &mut busiest);
            }
            others = Backlog { depth: others.depth + backlog.depth, age: others.age.max(backlog.age) };
        }
        [busiest, others]
    }
}

/// Accounts that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Their number.
    pub depth: usize,
    /// Time since which the one that has waited longest is due.
    pub age: Duration,
}

fn origin(account: &AccountRef, lane: Lane) -> Origin {
    Origin { lane, namespace: account.namespace.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
    }

    fn turn(at: Instant, lane: Lane) -> Turn {
        Turn { at, lane }
    }

    fn take(queue: &mut Queue, now: Instant) -> Option<Taken> {
        queue.take(now, |_| true, |_, _| true)
    }

    fn taken(queue: &mut Queue, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| take(queue, now)).map(|taken| taken.account.name).collect()
    }

    #[test]
    fn an_account_is_reconciled_once_at_the_earliest_requested_time() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for seconds in [5, 1, 9] {
            queue.add(account("todd"), turn(now + Duration::from_secs(seconds), Lane::Bulk));
        }
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(taken(&mut queue, now), [""; 0]);
        assert_eq!(taken(&mut queue, now + Duration::from_secs(1)), ["todd"]);
        assert_eq!(taken(&mut queue, now + Duration::from_secs(10)), [""; 0]);
    }

    #[test]
    fn the_account_of_a_lane_that_became_due_first_is_first() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(account("later"), turn(now + Duration::from_secs(2), Lane::Bulk));
        queue.add(account("first"), turn(now + Duration::from_secs(1), Lane::Bulk));
        assert_eq!(taken(&mut queue, now + Duration::from_secs(3)), ["first", "later"]);
    }

    #[test]
    fn the_backlog_of_one_namespace_is_told_from_that_of_the_others() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for (namespace, count, age) in [("a", 1, 9), ("import", 3, 5), ("b", 2, 7)] {
            for number in 0..count {
                let account = AccountRef { namespace: namespace.to_owned(), name: number.to_string() };
                queue.add(account, turn(now - Duration::from_secs(age), Lane::Bulk));
            }
        }
        assert!(take(&mut queue, now - Duration::from_secs(99)).is_none());
        queue.take(now, |_| false, |_, _| true);
        let of = |depth, age| Backlog { depth, age: Duration::from_secs(age) };
        assert_eq!(queue.backlog(Lane::Bulk, now), [of(3, 5), of(3, 9)]);
        assert_eq!(queue.backlog(Lane::Interactive, now), [Backlog::default(); 2]);
    }

    #[test]
    fn an_account_that_changes_while_it_is_reconciled_is_reconciled_again() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(account("todd"), turn(now, Lane::Bulk));
        assert_eq!(taken(&mut queue, now), ["todd"]);
        queue.add(account("todd"), turn(now, Lane::Interactive));
        assert_eq!(taken(&mut queue, now), [""; 0], "not twice at once");
        queue.finish(account("todd"), Some(Duration::from_mins(5)), now);
        assert_eq!(take(&mut queue, now).map(|taken| taken.lane), Some(Lane::Interactive));
        queue.finish(account("todd"), None, now);
        assert_eq!((queue.next_due(), queue.accounts.len()), (None, 0));
    }

    #[test]
    fn an_edit_lifts_an_account_out_of_a_slower_lane() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for name in ["a", "b", "c"] {
            queue.add(account(name), turn(now, Lane::Background));
        }
        assert_eq!(take(&mut queue, now).map(|taken| taken.account.name).as_deref(), Some("a"));
        queue.add(account("c"), turn(now, Lane::Interactive));
        assert_eq!(taken(&mut queue, now), ["c", "b"]);
    }

    #[test]
    fn a_prompt_retry_stays_in_its_lane_and_a_slow_one_does_not() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(account("todd"), turn(now, Lane::Interactive));
        for (delay, lane) in
            [(MAX_PROMPT_RETRY, Lane::Interactive), (Duration::from_mins(2), Lane::Background)]
        {
            assert_eq!(taken(&mut queue, now), ["todd"]);
            queue.finish(account("todd"), Some(delay), now);
            let next = take(&mut queue, now + delay).expect("it is due");
            assert_eq!((next.lane, next.waited), (lane, Duration::ZERO));
            queue.finish(account("todd"), Some(Duration::ZERO), now);
        }
    }
}
