//! Changes of accounts, as the watch reports them: which of them make work.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use kube::{ResourceExt, runtime::watcher::Event};

use super::{account::AccountExt, backends::Backends, context::Context, kubernetes::Kubernetes};
use crate::api::{AccountRef, ObservedAccount, StreamerAccount, are_alike};

/// The state of each account as the watch last showed it.
#[derive(Debug, Default)]
pub struct Changes {
    seen: HashMap<AccountRef, Seen>,
    /// Number of lists that have begun.
    lists: u64,
}

/// What matters of an account that the watch has shown.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Hash of the UID, the generation (a deletion makes a new one), and the annotations.
    fields: u64,
    has_finalizer: bool,
    /// Number of the list that was the latest when the account was shown.
    list: u64,
}

impl Changes {
    /// Handles an event of the watch that the cache shows already: requeues the accounts that it makes work for.
    pub fn handle<B: Backends>(&mut self, event: Event<ObservedAccount>, context: &Context<B>) {
        match event {
            Event::Init => self.begin_list(),
            Event::InitDone => self.end_list(),
            Event::InitApply(account) | Event::Apply(account) => {
                if !self.applied(&account) {
                    return;
                }
                context.requeue(account.reference());
                if account.is_released() {
                    requeue_claimants(&account, context);
                }
            }
            Event::Delete(account) => {
                requeue_claimants(&account, context);
                if self.deleted(&account) {
                    let key = account.reference();
                    context.removed.add(account);
                    context.requeue(key);
                }
            }
        }
    }

    fn begin_list(&mut self) {
        self.lists += 1;
    }

    /// Forgets the accounts that the list did not show.
    fn end_list(&mut self) {
        self.seen.retain(|_, seen| seen.list == self.lists);
    }

    /// Notes the state of an account. Returns true if it needs a reconcile. Our own writes need none: those of
    /// status, and the finalizer that a reconcile adds before it goes on.
    fn applied(&mut self, account: &StreamerAccount) -> bool {
        let now = Seen {
            fields: hash(account.object_uid(), account.metadata.generation, account.annotations()),
            has_finalizer: account.has_finalizer(),
            list: self.lists,
        };
        let before = self.seen.insert(account.reference(), now);
        before
            .is_none_or(|before| before.fields != now.fields || (before.has_finalizer && !now.has_finalizer))
    }

    /// Notes that an object is gone. `account` is its last state. Returns true if the API server has removed it
    /// without waiting for our finalizer, so that its cleanup is still to be done.
    ///
    /// The API server does so if somebody deletes the object at the moment at which the finalizer is added
    /// (kubernetes/kubernetes#77988).
    fn deleted(&mut self, account: &StreamerAccount) -> bool {
        self.seen.remove(&account.reference());
        account.has_finalizer() && !account.is_being_deleted()
    }
}

fn hash(uid: &str, generation: Option<i64>, annotations: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (uid, generation, annotations).hash(&mut hasher);
    hasher.finish()
}

/// Requeues the other accounts that claim the username of this account.
fn requeue_claimants<B: Backends>(account: &StreamerAccount, context: &Context<B>) {
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
        let mut changes = Changes::default();
        assert!(changes.applied(&account(1, false)));
        assert!(!changes.applied(&account(1, true)));
        let mut with_status = account(1, true);
        with_status.status = Some(crate::api::StreamerAccountStatus::default());
        assert!(!changes.applied(&with_status));
    }

    #[test]
    fn a_change_by_anybody_else_needs_a_reconcile() {
        let mut changes = Changes::default();
        assert!(changes.applied(&account(1, true)));
        assert!(changes.applied(&account(1, false)), "somebody has removed the finalizer");
        assert!(changes.applied(&account(2, false)));
        let mut annotated = account(2, false);
        annotated.annotations_mut().insert("a".to_owned(), "b".to_owned());
        assert!(changes.applied(&annotated));
        let mut other = annotated.clone();
        other.metadata.uid = Some("2".to_owned());
        assert!(changes.applied(&other), "another object of the same name");
        assert!(!changes.applied(&other));
    }

    #[test]
    fn an_object_removed_in_spite_of_our_finalizer_needs_a_cleanup() {
        let mut changes = Changes::default();
        assert!(!changes.deleted(&account(1, false)));
        assert!(changes.deleted(&account(1, true)));
        // The last state of an object whose last finalizer is removed still has the finalizer.
        let mut finalized = account(2, true);
        finalized.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert!(!changes.deleted(&finalized));
    }

    #[test]
    fn an_account_that_a_list_does_not_show_is_forgotten() {
        let mut changes = Changes::default();
        assert!(changes.applied(&account(1, true)));
        changes.begin_list();
        assert!(!changes.applied(&account(1, true)));
        changes.end_list();
        changes.begin_list();
        changes.end_list();
        assert!(changes.applied(&account(1, true)));
    }
}
