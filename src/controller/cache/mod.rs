//! The cache of the accounts, as the watch has shown them.

mod account;

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex},
};

use hashbrown::HashTable;
use tokio::sync::SetOnce;

pub use self::account::CachedAccount;
pub(super) use self::account::{Shown, needs_nothing};
use crate::{
    api::{AccountRef, are_alike, username_key},
    lock::lock,
};

/// The accounts by namespace and name, and by username.
#[derive(Debug, Default)]
pub struct CachedAccounts {
    accounts: Mutex<AccountIndexes>,
    listed: SetOnce<()>,
}

#[derive(Debug, Default)]
struct AccountIndexes {
    by_reference: BTreeSet<ByReference>,
    /// The accounts by the hash of their username's key.
    by_username: HashTable<Arc<CachedAccount>>,
    hasher: RandomState,
}

/// An account, ordered by namespace and name.
#[derive(Debug)]
struct ByReference(Arc<CachedAccount>);

impl Borrow<AccountRef> for ByReference {
    fn borrow(&self) -> &AccountRef {
        &self.0.reference
    }
}

impl Ord for ByReference {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.reference.cmp(&other.0.reference)
    }
}

impl PartialOrd for ByReference {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByReference {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByReference {}

impl CachedAccounts {
    /// Returns all accounts, by namespace and name.
    #[must_use]
    pub fn accounts(&self) -> Vec<Arc<CachedAccount>> {
        lock(&self.accounts).by_reference.iter().map(|ByReference(account)| Arc::clone(account)).collect()
    }

    /// Returns an account.
    #[must_use]
    pub fn get(&self, account: &AccountRef) -> Option<Arc<CachedAccount>> {
        lock(&self.accounts).by_reference.get(account).map(|ByReference(account)| Arc::clone(account))
    }

    /// Returns the accounts that want this username, or one that looks like it, by namespace and name.
    #[must_use]
    pub fn claimants(&self, username: &str) -> Vec<Arc<CachedAccount>> {
        let mut claimants = lock(&self.accounts).claimants(username);
        claimants.sort_unstable_by(|a, b| a.reference.cmp(&b.reference));
        claimants
    }

    /// Adds an account, or replaces its earlier state.
    pub fn insert(&self, account: CachedAccount) {
        lock(&self.accounts).insert(Arc::new(account));
    }

    /// Removes an account, and returns its latest state.
    pub(super) fn remove(&self, account: &AccountRef) -> Option<Arc<CachedAccount>> {
        lock(&self.accounts).remove(account)
    }

    /// Removes the accounts that the list of this number did not show. Returns true if there are any.
    pub(super) fn remove_unlisted(&self, list: u64) -> bool {
        let mut accounts = lock(&self.accounts);
        let is_unlisted = |account: &&ByReference| account.0.shown.list != list;
        let unlisted = accounts.by_reference.iter().filter(is_unlisted);
        let unlisted: Vec<_> = unlisted.map(|account| account.0.reference.clone()).collect();
        for account in &unlisted {
            accounts.remove(account);
        }
        !unlisted.is_empty()
    }

    /// Notes that a list is complete.
    pub(super) fn set_listed(&self) {
        // Only the first list counts.
        let _ = self.listed.set(());
    }

    /// Returns true if the first list is complete.
    pub(super) fn is_listed(&self) -> bool {
        self.listed.get().is_some()
    }

    /// Waits until the first list is complete.
    pub(super) async fn wait_until_listed(&self) {
        self.listed.wait().await;
    }
}

impl AccountIndexes {
    fn insert(&mut self, account: Arc<CachedAccount>) {
        self.remove(&account.reference);
        let hash = hash(&self.hasher, &account.username);
        let rehash = |account: &Arc<CachedAccount>| self::hash(&self.hasher, &account.username);
        self.by_username.insert_unique(hash, Arc::clone(&account), rehash);
        self.by_reference.insert(ByReference(account));
    }

    fn remove(&mut self, account: &AccountRef) -> Option<Arc<CachedAccount>> {
        let ByReference(removed) = self.by_reference.take(account)?;
        let hash = hash(&self.hasher, &removed.username);
        if let Ok(entry) = self.by_username.find_entry(hash, |other| Arc::ptr_eq(other, &removed)) {
            entry.remove();
        }
        Some(removed)
    }

    fn claimants(&self, username: &str) -> Vec<Arc<CachedAccount>> {
        let same_hash = self.by_username.iter_hash(hash(&self.hasher, username));
        same_hash.filter(|account| are_alike(&account.username, username)).cloned().collect()
    }
}

/// Returns the hash of the key of a username.
fn hash(hasher: &RandomState, username: &str) -> u64 {
    hasher.hash_one(username_key(username))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::test_account;

    fn account(name: &str, username: &str, list: u64) -> CachedAccount {
        let mut account = CachedAccount::new(&test_account(name, username).into());
        account.shown.list = list;
        account
    }

    fn names(accounts: &[Arc<CachedAccount>]) -> Vec<&str> {
        accounts.iter().map(|account| account.reference.name.as_str()).collect()
    }

    #[test]
    fn the_claimants_of_a_username_are_found_in_every_spelling() {
        let cache = CachedAccounts::default();
        for number in 0..100 {
            cache.insert(account(&format!("other-{number}"), &format!("other-{number}"), 0));
        }
        cache.insert(account("b", "Todd_1", 0));
        cache.insert(account("a", "todd-1", 0));
        assert_eq!(names(&cache.claimants("TODD-1")), ["a", "b"]);
        assert_eq!(names(&cache.claimants("todd")), [""; 0]);
        assert_eq!(cache.accounts().len(), 102);
    }

    #[test]
    fn a_later_state_replaces_an_earlier_one() {
        let cache = CachedAccounts::default();
        cache.insert(account("a", "todd", 0));
        cache.insert(account("a", "ann", 0));
        assert_eq!(names(&cache.claimants("todd")), [""; 0]);
        assert_eq!(names(&cache.claimants("ann")), ["a"]);
        let reference = account("a", "ann", 0).reference;
        assert!(cache.remove(&reference).is_some());
        assert!(cache.get(&reference).is_none() && cache.claimants("ann").is_empty());
        assert!(cache.remove(&reference).is_none());
    }

    #[test]
    fn an_account_that_the_latest_list_does_not_show_is_removed() {
        let cache = CachedAccounts::default();
        cache.insert(account("a", "todd", 1));
        cache.insert(account("b", "ann", 2));
        assert!(cache.remove_unlisted(2));
        assert_eq!(names(&cache.accounts()), ["b"]);
        assert!(!cache.remove_unlisted(2));
        assert!(cache.claimants("todd").is_empty());
    }
}
