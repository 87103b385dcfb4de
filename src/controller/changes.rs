//! Decides which events of the watch need a reconcile.

use std::{sync::Arc, time::Duration};

use kube::{ResourceExt, runtime::watcher::Event};
use tokio::time::Instant;

use super::{
    account::AccountExt,
    backends::Backends,
    cache::{CachedAccount, CachedAccounts, Shown, needs_nothing},
    context::Context,
    kubernetes::Kubernetes,
    queue::{ChangeRates, ChangeSort, Turn},
};
use crate::{
    api::{AccountRef, CompactId, ObservedAccount, StreamerAccount, USER_ID_ANNOTATION},
    lanes::Lane,
    messages,
};

/// Minimum time between two reconciles of an account that only changes of its annotations cause. Each can
/// read AWS, and anybody who may edit the account may request them.
const MIN_ANNOTATION_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum duration of a request to the API server, with a tolerance for a slow watch. An object that is
/// removed later than this after its finalizer was added was removed by other means, such as in etcd itself:
/// then what it held stays.
const MAX_REQUEST_DURATION: Duration = Duration::from_mins(2);

/// The watch of the accounts: keeps the cache up to date.
#[derive(Debug, Default)]
pub struct SeenAccounts {
    cache: Arc<CachedAccounts>,
    /// Number of lists that have begun.
    lists: u64,
    /// The accounts that the current list shows changed. They wait until the cache shows the complete list.
    changed: Vec<AccountRef>,
    rates: ChangeRates,
}

impl SeenAccounts {
    /// Returns a watch that keeps this cache up to date.
    #[must_use]
    pub fn new(cache: Arc<CachedAccounts>) -> Self {
        Self { cache, ..Self::default() }
    }

    /// Handles an event: updates the cache, and requeues the affected accounts.
    pub fn handle<B: Backends>(&mut self, event: Event<ObservedAccount>, context: &Context<B>) {
        match event {
            Event::Init => self.begin_list(),
            Event::InitApply(account) => self.record_listed(&account),
            Event::InitDone => self.end_list(context),
            Event::Apply(account) => {
                context.new_accounts.show(&account);
                let is_known = self.cache.get(&account.reference()).is_some();
                let Some(at) = self.record_applied(&account) else { return };
                context.requeue_for(account.reference(), Turn { at, lane: self.lane(&account, is_known) });
                if account.is_released() {
                    requeue_claimants(&account, context);
                }
            }
            Event::Delete(account) => {
                context.new_accounts.forget(&account.reference());
                let is_cleanup_due = self.record_deleted(&account);
                requeue_claimants(&account, context);
                if is_cleanup_due {
                    let (key, lane) = (account.reference(), self.lane(&account, true));
                    tracing::warn!(account = %key, "{}", messages::deletion::REMOVED_EARLY);
                    context.removed.add(account);
                    context.requeue_for(key, Turn { at: Instant::now(), lane });
                }
            }
        }
    }

    /// Handles an event of the watch of the accounts without a user, which begins after the first list of all
    /// accounts and ends with it. Accounts without a user may then be worked on: all others that want their
    /// usernames are in the cache, or have a user in PostgreSQL.
    pub fn handle_early<B: Backends>(&mut self, event: Event<ObservedAccount>, context: &Context<B>) {
        match event {
            Event::InitDone => self.requeue_changed(context),
            // An account that gets a user also leaves this watch.
            Event::Init | Event::Delete(_) => {}
            event @ (Event::InitApply(_) | Event::Apply(_)) => self.handle(event, context),
        }
    }

    /// Returns true if all accounts were listed.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.cache.is_listed()
    }

    fn begin_list(&mut self) {
        self.lists += 1;
    }

    /// Records the state of an account in a list. A start lists all accounts as changed; those that need
    /// nothing, which are nearly all, are not requeued.
    fn record_listed(&mut self, account: &ObservedAccount) {
        if self.record_applied(account).is_some() && !needs_nothing(account) {
            self.changed.push(account.reference());
        }
    }

    /// Requeues the accounts that the list shows changed, and forgets those that it does not show. One of
    /// these may have held a username that others wait for.
    fn end_list<B: Backends>(&mut self, context: &Context<B>) {
        let is_any_gone = self.cache.remove_unlisted(self.lists);
        self.cache.set_listed();
        self.requeue_changed(context);
        if is_any_gone {
            let accounts = self.cache.accounts();
            let waiting = accounts.iter().filter(|account| account.waits_for_username());
            waiting.for_each(|account| context.requeue(account.reference.clone()));
        }
    }

    fn requeue_changed<B: Backends>(&mut self, context: &Context<B>) {
        for account in std::mem::take(&mut self.changed) {
            context.requeue_for(account, Turn { at: Instant::now(), lane: Lane::Bulk });
        }
    }

    /// Returns the lane of a change of an account, which is known or new.
    fn lane(&mut self, account: &StreamerAccount, is_known: bool) -> Lane {
        let sort = if account.annotations().contains_key(USER_ID_ANNOTATION) {
            ChangeSort::Registered
        } else if is_known {
            ChangeSort::Edited
        } else {
            ChangeSort::Created
        };
        self.rates.lane(&account.reference().namespace, sort, Instant::now())
    }

    /// Records the state of an account. Returns the time from which it is to be reconciled; None if it needs
    /// no reconcile. Our own writes need none: those of status, and the finalizer that a reconcile adds
    /// before it goes on.
    fn record_applied(&mut self, account: &ObservedAccount) -> Option<Instant> {
        let mut now = CachedAccount::new(account);
        let before = self.cache.get(&now.reference);
        let finalizer_added = before.as_deref().and_then(|before| finalizer_added(before, &now));
        now.shown = Shown { annotated_at: None, finalizer_added, list: self.lists };
        let mut at = Some(Instant::now());
        if let Some(before) = before.filter(|before| now.is_same_generation(before)) {
            now.shown.annotated_at = before.shown.annotated_at;
            if !now.has_same_annotations(&before) {
                at = at.max(before.shown.annotated_at.map(next_after));
                now.shown.annotated_at = at;
            } else if !before.has_finalizer || now.has_finalizer {
                at = None;
            }
        }
        self.cache.insert(now);
        at
    }

    /// Records that an object is gone. `account` is its last state. Returns true if the API server has
    /// removed it without waiting for our finalizer, so that its cleanup is still to be done.
    ///
    /// The API server does so if somebody deletes the object while the finalizer is being added
    /// (kubernetes/kubernetes#77988).
    fn record_deleted(&mut self, account: &StreamerAccount) -> bool {
        let cached = self.cache.remove(&account.reference());
        let added = cached.and_then(|cached| cached.shown.finalizer_added);
        let is_recent = added.is_some_and(|added| added.elapsed() < MAX_REQUEST_DURATION);
        account.has_finalizer() && !account.is_being_deleted() && is_recent
    }
}

/// Returns the time at which our finalizer was added to an account, which is now if the watch last showed
/// the account without it.
fn finalizer_added(before: &CachedAccount, now: &CachedAccount) -> Option<Instant> {
    if !now.has_finalizer {
        return None;
    }
    if before.has_finalizer { before.shown.finalizer_added } else { Some(Instant::now()) }
}

/// Returns the time of the next reconcile that changed annotations cause: `latest` if that is still planned,
/// or else a while after it.
fn next_after(latest: Instant) -> Instant {
    if latest > Instant::now() { latest } else { latest + MIN_ANNOTATION_INTERVAL }
}

/// Requeues the other accounts that claim the username of this account.
pub(super) fn requeue_claimants<B: Backends>(account: &StreamerAccount, context: &Context<B>) {
    let uid = account.metadata.uid.as_deref().map(CompactId::from);
    let claimants = context.backends.kubernetes().cache().claimants(&account.spec.username);
    for other in claimants.iter().filter(|other| other.uid != uid) {
        context.requeue(other.reference.clone());
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;
    use crate::api::{FINALIZER, test_account};

    /// Returns an account of this generation, with our finalizer or without.
    fn account(generation: i64, has_finalizer: bool) -> StreamerAccount {
        let mut account = test_account("todd", "todd");
        account.metadata.uid = Some("1".to_owned());
        account.metadata.generation = Some(generation);
        account.metadata.finalizers = has_finalizer.then(|| vec![FINALIZER.to_owned()]);
        account
    }

    impl SeenAccounts {
        fn apply(&mut self, account: &StreamerAccount) -> Option<Instant> {
            self.record_applied(&account.clone().into())
        }
    }

    #[test]
    fn our_finalizer_and_our_status_need_no_second_reconcile() {
        let mut seen = SeenAccounts::default();
        assert!(seen.apply(&account(1, false)).is_some());
        assert_eq!(seen.apply(&account(1, true)), None);
        let mut with_status = account(1, true);
        with_status.status = Some(crate::api::StreamerAccountStatus::default());
        assert_eq!(seen.apply(&with_status), None);
    }

    #[test]
    fn a_change_by_anybody_else_needs_a_reconcile() {
        let mut seen = SeenAccounts::default();
        assert!(seen.apply(&account(1, true)).is_some());
        assert!(seen.apply(&account(1, false)).is_some(), "somebody has removed the finalizer");
        assert!(seen.apply(&account(2, false)).is_some());
        let mut annotated = account(2, false);
        annotated.annotations_mut().insert("a".to_owned(), "b".to_owned());
        assert!(seen.apply(&annotated).is_some());
        let mut other = annotated.clone();
        other.metadata.uid = Some("2".to_owned());
        assert!(seen.apply(&other).is_some(), "another object of the same name");
        assert_eq!(seen.apply(&other), None);
    }

    #[tokio::test]
    async fn an_object_removed_in_spite_of_our_finalizer_needs_a_cleanup() {
        let mut seen = SeenAccounts::default();
        seen.apply(&account(1, false));
        assert!(!seen.record_deleted(&account(1, false)));
        seen.apply(&account(1, false));
        seen.apply(&account(1, true));
        assert!(seen.record_deleted(&account(1, true)));
        seen.apply(&account(1, false));
        seen.apply(&account(1, true));
        // The last state of an object whose last finalizer is removed still has the finalizer.
        let mut finalized = account(2, true);
        finalized.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert!(!seen.record_deleted(&finalized));
    }

    #[tokio::test(start_paused = true)]
    async fn annotations_cause_one_reconcile_in_a_while() {
        let mut seen = SeenAccounts::default();
        let annotated = |value: &str| {
            let mut account = account(1, true);
            account.annotations_mut().insert("a".to_owned(), value.to_owned());
            account
        };
        seen.apply(&account(1, true));
        let began = Instant::now();
        assert_eq!(seen.apply(&annotated("1")), Some(began));
        tokio::time::advance(Duration::from_secs(1)).await;
        // The queue holds an account once, so all of these are one reconcile.
        for value in ["2", "3"] {
            assert!(seen.apply(&annotated(value)) >= Some(began + MIN_ANNOTATION_INTERVAL));
        }
        assert_eq!(seen.apply(&account(2, true)), Some(Instant::now()), "an edit is not delayed");
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_removed_long_after_its_finalizer_was_added_needs_none() {
        let mut seen = SeenAccounts::default();
        assert!(!seen.record_deleted(&account(1, true)), "never seen without the finalizer");
        seen.apply(&account(1, false));
        seen.apply(&account(1, true));
        tokio::time::advance(MAX_REQUEST_DURATION).await;
        seen.apply(&account(2, true));
        assert!(!seen.record_deleted(&account(2, true)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_annotations_does_not_postpone_the_next_reconcile() {
        let mut seen = SeenAccounts::default();
        let began = Instant::now();
        let mut annotate = |value: u32| {
            let mut account = account(1, true);
            account.annotations_mut().insert("a".to_owned(), value.to_string());
            seen.apply(&account)
        };
        annotate(0);
        annotate(1);
        for value in 2..100 {
            assert_eq!(annotate(value), Some(began + MIN_ANNOTATION_INTERVAL), "{value}");
        }
    }

    #[test]
    fn a_list_requeues_the_changed_accounts_that_need_something() {
        let mut seen = SeenAccounts::default();
        let mut released = account(2, false);
        released.metadata.name = Some("ann".to_owned());
        released.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        for account in [&released, &account(1, true), &account(1, true)] {
            seen.record_listed(&account.clone().into());
        }
        assert_eq!(seen.changed, [account(1, true).reference()]);
        assert_eq!(seen.cache.accounts().len(), 2);
    }

    #[test]
    fn an_account_that_a_list_does_not_show_is_forgotten() {
        let mut seen = SeenAccounts::default();
        assert!(seen.apply(&account(1, true)).is_some());
        seen.begin_list();
        assert_eq!(seen.apply(&account(1, true)), None);
        assert!(!seen.cache.remove_unlisted(seen.lists));
        seen.begin_list();
        assert!(seen.cache.remove_unlisted(seen.lists));
        assert!(seen.apply(&account(1, true)).is_some());
    }
}
