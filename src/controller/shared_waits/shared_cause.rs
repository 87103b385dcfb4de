//! The accounts that wait for one cause. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    api::{AccountRef, Reason},
    controller::jitter::less_jitter,
    ivs,
    lanes::{FairQueue, Lane, Origin},
};

/// Number of distinct accounts that must have failed, with no success since, before others wait.
const MIN_FAILED: usize = 3;

/// Time until the first probe. It doubles with each probe that fails.
const FIRST_DELAY: Duration = Duration::from_secs(10);

/// Maximum time between two probes, before the jitter.
const MAX_DELAY: Duration = Duration::from_mins(2);

/// Maximum number of accounts that are let through at the same time after successes. It is enough to use up
/// the budget of an operation.
const MAX_PROBES: usize = 4;

/// An account to requeue at a time.
pub(super) type Wake = (AccountRef, Instant);

/// A cause, and the accounts that wait for it.
#[derive(Debug)]
pub(super) struct SharedCause {
    /// The error that all accounts show, so that a further try writes nothing.
    pub error: ivs::Error,
    /// The reason that all accounts show.
    pub reason: Reason,
    /// Accounts that have failed since the latest success. They count up to [`MIN_FAILED`].
    failed: BTreeSet<AccountRef>,
    /// True if one of them has failed openly.
    failed_openly: bool,
    /// The accounts that wait, each with the number of its place.
    waiting: BTreeMap<AccountRef, u64>,
    /// The places in the order of the probes. Those that are no longer in `waiting` are skipped.
    places: FairQueue<(AccountRef, u64)>,
    next_place: u64,
    /// The accounts that are let through, and from when on.
    probes: BTreeMap<AccountRef, Instant>,
    /// Number of accounts that may be let through at the same time.
    max_probes: usize,
    /// Time between the next probe that fails and the one after it.
    delay: Duration,
    /// The time of the next probe.
    next_probe: Instant,
}

impl SharedCause {
    /// Returns a cause that no account has failed with.
    pub fn new(error: ivs::Error, reason: Reason, now: Instant) -> Self {
        Self {
            error,
            reason,
            failed: BTreeSet::new(),
            failed_openly: false,
            waiting: BTreeMap::new(),
            places: FairQueue::default(),
            next_place: 0,
            probes: BTreeMap::new(),
            max_probes: 1,
            delay: FIRST_DELAY,
            next_probe: now,
        }
    }

    /// Returns the number of accounts that wait.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.probes.len()
    }

    /// Returns true if nothing is worth remembering: nobody waits, and the failures so far do not wait to be
    /// joined by others. Accounts that failed openly do not wait, so the next probe is waited for.
    pub fn is_over(&self, now: Instant) -> bool {
        let is_awaited = !self.is_shared() || self.failed_openly && now < self.next_probe;
        self.len() == 0 && (self.failed.is_empty() || !is_awaited)
    }

    /// Returns true if so many accounts have failed that others wait.
    fn is_shared(&self) -> bool {
        self.failed.len() >= MIN_FAILED
    }

    /// Returns true if an account must wait now. It then does.
    pub fn holds(&mut self, account: &AccountRef, origin: &Origin, now: Instant) -> bool {
        if let Some(from) = self.probes.get(account) {
            return *from > now;
        }
        let must_wait = self.is_shared() || self.waiting.contains_key(account);
        if must_wait {
            self.join(account, origin);
        }
        must_wait
    }

    /// Records that an account failed. Returns true if it waits from now on.
    pub fn fail(&mut self, account: &AccountRef, origin: &Origin, now: Instant) -> bool {
        let was_shared = self.is_shared();
        if !was_shared {
            self.failed.insert(account.clone());
        }
        let was_probe = self.probes.remove(account).is_some();
        if !was_probe && self.len() == 0 && !self.is_shared() {
            return false;
        }
        if was_probe || !was_shared && self.is_shared() {
            self.back_off(account, now);
        }
        // Those that have not been tried go first.
        let lane = if was_probe { Lane::Background } else { origin.lane };
        self.join(account, &Origin { lane, namespace: origin.namespace.clone() });
        true
    }

    /// Records that the outcome of an account's call is not known. It counts as a failure, but the account
    /// itself does not wait.
    pub fn fail_openly(&mut self, account: &AccountRef, now: Instant) {
        if !self.is_shared() {
            self.failed.insert(account.clone());
            self.failed_openly = true;
            if self.is_shared() {
                self.back_off(account, now);
            }
        }
    }

    /// Records that a call of an account succeeded: others need not wait, and those that do are let through
    /// one after another. Returns the next one if it waited for a later time.
    pub fn succeed(&mut self, account: &AccountRef, now: Instant) -> Option<Wake> {
        self.failed_openly = false;
        self.failed.clear();
        self.remove(account);
        (self.delay, self.next_probe) = (FIRST_DELAY, now);
        self.max_probes = (self.max_probes + 1).min(MAX_PROBES);
        self.hasten_probe(now)
    }

    /// Records that the outcome of a probe is not known. The next probe waits as after a failure.
    pub fn leave_open(&mut self, account: &AccountRef, now: Instant) {
        if self.probes.remove(account).is_some() {
            self.back_off(account, now);
        }
    }

    /// Lets one more account through at once, because something that counts towards a quota was deleted.
    pub fn let_one_through(&mut self, now: Instant) -> Option<Wake> {
        self.hasten_probe(now).or_else(|| self.next_probe_at(now))
    }

    /// Removes an account that no longer needs the call. A cause that is shared stays so.
    pub fn remove(&mut self, account: &AccountRef) {
        if !self.is_shared() {
            self.failed.remove(account);
        }
        self.waiting.remove(account);
        self.probes.remove(account);
    }

    /// Ends the turn of an account. If it was a probe that did not call, another one takes its place. If its
    /// time has not come, it is woken again.
    pub fn end_turn(&mut self, account: &AccountRef, now: Instant) -> Option<Wake> {
        match self.probes.get(account) {
            Some(from) if *from > now => Some((account.clone(), *from)),
            Some(_) => {
                self.remove(account);
                None
            }
            None => None,
        }
    }

    /// Chooses as many probes as may be let through.
    pub fn next_probes(&mut self, now: Instant) -> Vec<Wake> {
        let mut chosen = Vec::new();
        while self.probes.len() < self.max_probes
            && let Some(probe) = self.next_probe_at(self.next_probe.max(now))
        {
            chosen.push(probe);
        }
        chosen
    }

    fn join(&mut self, account: &AccountRef, origin: &Origin) {
        if !self.waiting.contains_key(account) {
            self.next_place += 1;
            self.waiting.insert(account.clone(), self.next_place);
            self.places.push(origin, (account.clone(), self.next_place));
        }
    }

    /// Lets the next account in line through from a time on.
    fn next_probe_at(&mut self, from: Instant) -> Option<Wake> {
        let (_, (account, _)) = std::iter::from_fn(|| self.places.pop())
            .find(|(_, (account, place))| self.waiting.get(account) == Some(place))?;
        self.waiting.remove(&account);
        self.probes.insert(account.clone(), from);
        Some((account, from))
    }

    /// Lets the probe through whose time has not come.
    fn hasten_probe(&mut self, now: Instant) -> Option<Wake> {
        let (account, from) = self.probes.iter_mut().find(|(_, from)| **from > now)?;
        *from = now;
        Some((account.clone(), now))
    }

    /// Postpones the next probe, unless it is postponed already.
    fn back_off(&mut self, account: &AccountRef, now: Instant) {
        self.max_probes = 1;
        if self.next_probe <= now {
            self.next_probe = now + less_jitter(self.delay, &(account, self.next_place));
            self.delay = (self.delay * 2).min(MAX_DELAY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{controller::shared_waits::cause::tests::error, ivs::Class};

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
    }

    fn origin(lane: Lane) -> Origin {
        Origin { lane, namespace: "team".to_owned() }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A cause in a test, with its time.
    struct Scene {
        cause: SharedCause,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let (now, quota) =
                (Instant::now(), error(Class::Blocked, Some("ServiceQuotaExceededException"), ""));
            Self { cause: SharedCause::new(quota, Reason::QuotaExceeded, now), now }
        }

        /// Returns a cause that the accounts a, b, and c have failed with, and that others wait for.
        fn shared(waiting: &[&str]) -> Self {
            let mut scene = Self::new();
            for name in ["a", "b", "c"] {
                scene.fail(name);
            }
            assert!(waiting.iter().all(|name| scene.holds(name)));
            scene
        }

        fn fail(&mut self, name: &str) -> bool {
            self.cause.fail(&account(name), &origin(Lane::Bulk), self.now)
        }

        fn holds(&mut self, name: &str) -> bool {
            self.cause.holds(&account(name), &origin(Lane::Bulk), self.now)
        }

        fn succeed(&mut self, name: &str) -> Vec<String> {
            let hastened = self.cause.succeed(&account(name), self.now);
            names(hastened.into_iter().chain(self.cause.next_probes(self.now)))
        }

        /// Moves the time to the next probe, and returns it.
        fn probe(&mut self) -> (String, Duration) {
            let chosen = self.cause.next_probes(self.now);
            assert_eq!(chosen.len(), 1, "one probe at a time");
            let (account, at) = chosen[0].clone();
            let waited = at - self.now;
            self.now = at;
            (account.name, waited)
        }
    }

    fn names(wakes: impl IntoIterator<Item = Wake>) -> Vec<String> {
        wakes.into_iter().map(|(account, _)| account.name).collect()
    }

    #[test]
    fn a_cause_is_shared_after_three_accounts_have_failed() {
        let mut scene = Scene::new();
        assert!(!scene.fail("a") && !scene.fail("b") && !scene.fail("b"));
        assert!(!scene.holds("new"));
        assert!(scene.fail("c"));
        assert!(scene.holds("new") && scene.holds("a"));
    }

    #[test]
    fn a_success_in_between_begins_the_count_again() {
        let mut scene = Scene::new();
        assert!(!scene.fail("a") && !scene.fail("b"));
        assert!(scene.succeed("d").is_empty());
        assert!(!scene.fail("c") && !scene.holds("new"));
    }

    #[test]
    fn one_probe_at_a_time_backs_off_up_to_two_minutes() {
        let mut scene = Scene::shared(&["d"]);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let (probe, waited) = scene.probe();
            assert!(!scene.holds(&probe), "it is let through");
            assert!(scene.fail(&probe));
            waits.push(waited);
        }
        for (waited, most) in waits.into_iter().zip([10, 20, 40, 80, 120, 120]) {
            assert!(waited <= seconds(most) && waited >= seconds(most) * 3 / 4, "{waited:?} of {most} s");
        }
    }

    #[test]
    fn the_probe_rotates_among_those_that_wait() {
        let mut scene = Scene::shared(&["d"]);
        let mut tried = BTreeSet::new();
        for _ in 0..3 {
            let (probe, _) = scene.probe();
            scene.fail(&probe);
            tried.insert(probe);
        }
        assert!(tried.contains("d"), "{tried:?}");
        assert_eq!(scene.cause.len(), 2, "a and b come by themselves");
        let mut order = Vec::new();
        for _ in 0..4 {
            let (probe, _) = scene.probe();
            scene.fail(&probe);
            order.push(probe);
        }
        assert_eq!(order[..2], order[2..], "everyone in turn");
        assert_ne!(order[0], order[1]);
    }

    #[test]
    fn each_success_lets_one_more_through_and_never_all_at_once() {
        let others: Vec<_> = (0..900).map(|number| format!("waits{number}")).collect();
        let mut scene = Scene::shared(&others.iter().map(String::as_str).collect::<Vec<_>>());
        let (probe, _) = scene.probe();
        let mut open = scene.succeed(&probe);
        assert_eq!(open.len(), 2);
        let mut done = 1;
        while let Some(next) = open.pop() {
            assert!(!scene.holds(&next));
            let chosen = scene.succeed(&next);
            assert!(!chosen.is_empty() && chosen.len() <= 2 || scene.cause.waiting.is_empty());
            open.extend(chosen);
            assert!(open.len() <= MAX_PROBES, "{}", open.len());
            done += 1;
        }
        assert_eq!(done, 901);
        assert!(scene.cause.is_over(scene.now));
    }

    #[test]
    fn those_that_wait_stay_in_line_while_newcomers_go_on_after_a_success() {
        let mut scene = Scene::shared(&["d", "e", "f", "g", "h", "i"]);
        let (probe, _) = scene.probe();
        scene.succeed(&probe);
        assert!(scene.holds("i"));
        assert!(!scene.holds("new"));
    }

    #[test]
    fn a_deletion_lets_one_more_through_at_once() {
        let mut scene = Scene::shared(&["d", "e"]);
        let (probe, at) = scene.cause.next_probes(scene.now).remove(0);
        assert!(at > scene.now && scene.holds(&probe.name));
        assert_eq!(scene.cause.let_one_through(scene.now), Some((probe.clone(), scene.now)));
        assert!(!scene.holds(&probe.name));
        let other = scene.cause.let_one_through(scene.now).expect("another").0;
        assert_ne!(other, probe);
    }

    #[test]
    fn an_account_that_is_gone_does_not_hold_up_the_others() {
        let mut scene = Scene::shared(&["d"]);
        let (probe, at) = scene.cause.next_probes(scene.now).remove(0);
        assert_eq!(scene.cause.end_turn(&probe, scene.now), Some((probe.clone(), at)), "it is woken again");
        scene.now = at;
        assert_eq!(scene.cause.end_turn(&probe, scene.now), None);
        let (next, waited) = scene.probe();
        assert_ne!(next, probe.name);
        assert_eq!(waited, Duration::ZERO);
        scene.cause.remove(&account(&next));
        assert!(scene.cause.is_over(scene.now));
    }

    #[test]
    fn a_person_goes_before_those_that_were_tried() {
        let mut scene = Scene::shared(&["d"]);
        for _ in 0..2 {
            let (probe, _) = scene.probe();
            scene.fail(&probe);
        }
        assert!(scene.cause.holds(&account("person"), &origin(Lane::Interactive), scene.now));
        assert_eq!(scene.probe().0, "person");
    }
}
