//! The accounts that are marked unverified: their next reconcile reads each of their resources from AWS,
//! because the resyncs fail.

use std::{collections::BTreeSet, sync::Mutex};

use super::lock;
use crate::api::AccountRef;

/// The accounts that are marked unverified.
#[derive(Debug, Default)]
pub struct UnverifiedAccounts(Mutex<BTreeSet<AccountRef>>);

impl UnverifiedAccounts {
    /// Marks an account.
    pub fn mark(&self, account: AccountRef) {
        lock(&self.0).insert(account);
    }

    /// Returns true if an account is marked.
    pub fn contains(&self, account: &AccountRef) -> bool {
        lock(&self.0).contains(account)
    }

    /// Removes the mark of an account.
    pub fn clear(&self, account: &AccountRef) {
        lock(&self.0).remove(account);
    }

    /// Removes all marks.
    pub fn clear_all(&self) {
        lock(&self.0).clear();
    }
}
