//! The accounts that the watch has shown and nobody has worked on yet. The first reconcile of each saves the
//! read of its live object.

use std::{collections::HashMap, sync::Mutex};

use super::lock;
use crate::{
    api::{AccountRef, ObservedAccount},
    controller::account::AccountExt,
};

/// Maximum number of accounts, because each is held in full. The others of an import are read when it is
/// their turn.
const MAX_ACCOUNTS: usize = 128;

/// The new accounts: without our finalizer, not being deleted, and with a spec that is understood.
#[derive(Debug, Default)]
pub struct NewAccounts {
    accounts: Mutex<HashMap<AccountRef, ObservedAccount>>,
}

impl NewAccounts {
    /// Keeps an account as the watch shows it now, if it is new. Forgets an earlier state of it.
    pub fn show(&self, account: &ObservedAccount) {
        let is_new = !account.has_finalizer() && !account.is_being_deleted() && account.problem().is_none();
        let (key, mut accounts) = (account.reference(), lock(&self.accounts));
        accounts.remove(&key);
        if is_new && accounts.len() < MAX_ACCOUNTS {
            accounts.insert(key, account.clone());
        }
    }

    /// Forgets an account that is gone.
    pub fn forget(&self, account: &AccountRef) {
        lock(&self.accounts).remove(account);
    }

    /// Removes and returns an account, if it is the object with this UID.
    pub fn take(&self, account: &AccountRef, uid: &str) -> Option<ObservedAccount> {
        lock(&self.accounts).remove(account).filter(|account| account.object_uid() == uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{FINALIZER, test_account};

    fn account(name: &str, finalizer: Option<&str>) -> ObservedAccount {
        let mut account = test_account(name, name);
        account.metadata.uid = Some("1".to_owned());
        account.metadata.finalizers = finalizer.map(|finalizer| vec![finalizer.to_owned()]);
        account.into()
    }

    #[test]
    fn an_account_is_new_until_it_is_taken_or_has_our_finalizer() {
        let (new, todd) = (NewAccounts::default(), account("todd", Some("another")));
        new.show(&todd);
        assert!(new.take(&todd.reference(), "2").is_none(), "another object");
        new.show(&todd);
        assert!(new.take(&todd.reference(), "1").is_some() && new.take(&todd.reference(), "1").is_none());
        new.show(&todd);
        new.show(&account("todd", Some(FINALIZER)));
        assert!(new.take(&todd.reference(), "1").is_none());
    }

    #[test]
    fn few_new_accounts_are_held() {
        let new = NewAccounts::default();
        for number in 0..=MAX_ACCOUNTS {
            new.show(&account(&number.to_string(), None));
        }
        let last = account(&MAX_ACCOUNTS.to_string(), None);
        assert!(new.take(&last.reference(), "1").is_none());
        assert_eq!(lock(&new.accounts).len(), MAX_ACCOUNTS);
    }
}
