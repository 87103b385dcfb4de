//! The accounts that are marked unverified: their next reconcile reads each of their resources from AWS,
//! because the resyncs fail.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::api::AccountRef;

/// The accounts that are marked unverified.
#[derive(Debug, Default)]
pub struct UnverifiedAccounts(Mutex<BTreeSet<AccountRef>>);

impl UnverifiedAccounts {
    /// Marks an account.
    pub fn mark(&self, account: AccountRef) {
        self.lock().insert(account);
    }

    /// Returns true if an account is marked.
    pub fn contains(&self, account: &AccountRef) -> bool {
        self.lock().contains(account)
    }

    /// Removes the mark of an account.
    pub fn clear(&self, account: &AccountRef) {
        self.lock().remove(account);
    }

    /// Removes all marks.
    pub fn clear_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<AccountRef>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
