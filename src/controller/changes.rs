//! Decides which events of the watch need a reconcile.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use kube::{ResourceExt, runtime::watcher::Event};
use tokio::time::Instant;

use super::{account::AccountExt, backends::Backends, context::Context, kubernetes::Kubernetes};
use crate::{
    api::{AccountRef, ObservedAccount, Reason, StreamerAccount, are_alike},
    messages,
};

/// Maximum duration of a request to the API server, with a tolerance for a slow watch. An object that is removed
/// later than this after its finalizer was added was removed by other means, such as in etcd itself: then what
/// it held stays.
const MAX_REQUEST_DURATION: Duration = Duration::from_mins(2);

/// The state of each account as the watch last showed it.
#[derive(Debug, Default)]
pub struct SeenAccounts {
    seen: HashMap<AccountRef, Seen>,
    /// Number of lists that have begun.
    lists: u64,
    /// The accounts that the current list shows changed. The cache shows the list once it is complete.
    changed: Vec<AccountRef>,
}

/// The fields of an account that decide whether it needs a reconcile.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Hash of the UID, the generation (a deletion makes a new one), and the annotations.
    fields: u64,
    has_finalizer: bool,
    /// Time at which the watch showed that our finalizer was added; None if it never showed the account without
    /// it.
    finalizer_added: Option<Instant>,
    /// Number of the list that was the latest when the account was shown.
    list: u64,
}

impl SeenAccounts {
    /// Handles an event that the cache already reflects, and requeues the affected accounts.
    pub fn handle<B: Backends>(&mut self, event: Event<ObservedAccount>, context: &Context<B>) {
        match event {
            Event::Init => self.begin_list(),
            Event::InitApply(account) => {
                if self.record_applied(&account) {
                    self.changed.push(account.reference());
                }
            }
            Event::InitDone => self.end_list(context),
            Event::Apply(account) => {
                if !self.record_applied(&account) {
                    return;
                }
                context.requeue(account.reference());
                if account.is_released() {
                    requeue_claimants(&account, context);
                }
            }
            Event::Delete(account) => {
                requeue_claimants(&account, context);
                if self.record_deleted(&account) {
                    let key = account.reference();
                    tracing::warn!(account = %key, "{}", messages::deletion::REMOVED_EARLY);
                    context.removed.add(account);
                    context.requeue(key);
                }
            }
        }
    }

    fn begin_list(&mut self) {
        self.lists += 1;
    }

    /// Requeues the accounts that the list shows changed, and forgets those that it does not show. One of these
    /// may have held a username that others wait for.
    fn end_list<B: Backends>(&mut self, context: &Context<B>) {
        self.changed.drain(..).for_each(|account| context.requeue(account));
        let known = self.seen.len();
        self.seen.retain(|_, seen| seen.list == self.lists);
        if self.seen.len() < known {
            let accounts = context.backends.kubernetes().accounts();
            let waiting = accounts.iter().filter(|it| it.stalled() == Some(Reason::UsernameTaken.as_str()));
            waiting.for_each(|account| context.requeue(account.reference()));
        }
    }

    /// Records the state of an account. Returns true if it needs a reconcile. Our own writes need none: those
    /// of status, and the finalizer that a reconcile adds before it goes on.
    fn record_applied(&mut self, account: &StreamerAccount) -> bool {
        let now = Seen {
            fields: hash(account.object_uid(), account.metadata.generation, account.annotations()),
            has_finalizer: account.has_finalizer(),
            finalizer_added: self.finalizer_added(account),
            list: self.lists,
        };
        let before = self.seen.insert(account.reference(), now);
        before
            .is_none_or(|before| before.fields != now.fields || (before.has_finalizer && !now.has_finalizer))
    }

    /// Records that an object is gone. `account` is its last state. Returns true if the API server has removed
    /// it without waiting for our finalizer, so that its cleanup is still to be done.
    ///
    /// The API server does so if somebody deletes the object while the finalizer is being added
    /// (kubernetes/kubernetes#77988).
    fn record_deleted(&mut self, account: &StreamerAccount) -> bool {
        let seen = self.seen.remove(&account.reference());
        let added = seen.and_then(|seen| seen.finalizer_added);
        let is_recent = added.is_some_and(|added| added.elapsed() < MAX_REQUEST_DURATION);
        account.has_finalizer() && !account.is_being_deleted() && is_recent
    }

    /// Returns the time at which our finalizer was added to an account, which is now if the watch last showed
    /// the account without it.
    fn finalizer_added(&self, account: &StreamerAccount) -> Option<Instant> {
        let before = self.seen.get(&account.reference()).filter(|_| account.has_finalizer())?;
        if before.has_finalizer { before.finalizer_added } else { Some(Instant::now()) }
    }
}

fn hash(uid: &str, generation: Option<i64>, annotations: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (uid, generation, annotations).hash(&mut hasher);
    hasher.finish()
}

/// Requeues the other accounts that claim the username of this account.
pub(super) fn requeue_claimants<B: Backends>(account: &StreamerAccount, context: &Context<B>) {
    for other in context.backends.kubernetes().accounts() {
        let is_other = other.metadata.uid != account.metadata.uid;
        if is_other && are_alike(&other.spec.username, &account.spec.username) {
            context.requeue(other.reference());
        }
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

    #[test]
    fn our_finalizer_and_our_status_need_no_second_reconcile() {
        let mut seen = SeenAccounts::default();
        assert!(seen.record_applied(&account(1, false)));
        assert!(!seen.record_applied(&account(1, true)));
        let mut with_status = account(1, true);
        with_status.status = Some(crate::api::StreamerAccountStatus::default());
        assert!(!seen.record_applied(&with_status));
    }

    #[test]
    fn a_change_by_anybody_else_needs_a_reconcile() {
        let mut seen = SeenAccounts::default();
        assert!(seen.record_applied(&account(1, true)));
        assert!(seen.record_applied(&account(1, false)), "somebody has removed the finalizer");
        assert!(seen.record_applied(&account(2, false)));
        let mut annotated = account(2, false);
        annotated.annotations_mut().insert("a".to_owned(), "b".to_owned());
        assert!(seen.record_applied(&annotated));
        let mut other = annotated.clone();
        other.metadata.uid = Some("2".to_owned());
        assert!(seen.record_applied(&other), "another object of the same name");
        assert!(!seen.record_applied(&other));
    }

    #[tokio::test]
    async fn an_object_removed_in_spite_of_our_finalizer_needs_a_cleanup() {
        let mut seen = SeenAccounts::default();
        seen.record_applied(&account(1, false));
        assert!(!seen.record_deleted(&account(1, false)));
        seen.record_applied(&account(1, false));
        seen.record_applied(&account(1, true));
        assert!(seen.record_deleted(&account(1, true)));
        seen.record_applied(&account(1, false));
        seen.record_applied(&account(1, true));
        // The last state of an object whose last finalizer is removed still has the finalizer.
        let mut finalized = account(2, true);
        finalized.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert!(!seen.record_deleted(&finalized));
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_removed_long_after_its_finalizer_was_added_needs_none() {
        let mut seen = SeenAccounts::default();
        assert!(!seen.record_deleted(&account(1, true)), "never seen without the finalizer");
        seen.record_applied(&account(1, false));
        seen.record_applied(&account(1, true));
        tokio::time::advance(MAX_REQUEST_DURATION).await;
        seen.record_applied(&account(2, true));
        assert!(!seen.record_deleted(&account(2, true)));
    }
}
