//! Accounts that were read from the API server a moment ago, so that a flood of reads costs it nothing.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;

use crate::{
    api::StreamerAccount,
    registration::accounts::{Accounts, Error},
    store::Registrant,
};

/// Time for which a read is reused.
const LIFETIME: Duration = Duration::from_secs(1);

/// Maximum number of accounts in the cache. An account is a few kilobytes.
const MAX_ACCOUNTS: u64 = 1000;

/// The result of a read.
pub type AccountRead = Result<Option<Arc<StreamerAccount>>, Arc<Error>>;

/// The accounts that were read within the last second. Of reads at the same time, only one is carried out.
#[derive(Debug)]
pub struct AccountCache(Cache<Key, AccountRead>);

/// The account of a user, as the row knows it. A change of the row, such as a registration that is complete,
/// leads to another read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    namespace: String,
    name: String,
    uid: Option<String>,
    is_open: bool,
    fencing_token: i64,
}

impl Default for AccountCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_ACCOUNTS).time_to_live(LIFETIME).build())
    }
}

impl AccountCache {
    /// Returns the account of a user as it was at most a second ago.
    pub async fn account(&self, accounts: &impl Accounts, registrant: &Registrant) -> AccountRead {
        let key = Key {
            namespace: registrant.account_namespace.clone(),
            name: registrant.account_name.clone(),
            uid: registrant.account_uid.clone(),
            is_open: registrant.open,
            fencing_token: registrant.fencing_token,
        };
        self.0.get_with(key, read(accounts, registrant)).await
    }
}

/// Reads the account of a user.
pub async fn read(accounts: &impl Accounts, registrant: &Registrant) -> AccountRead {
    let read = accounts.account(&registrant.account_namespace, &registrant.account_name).await;
    read.map(|account| account.map(Arc::new)).map_err(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::fake_backend::FakeBackend;

    #[tokio::test]
    async fn a_change_of_any_field_of_the_row_leads_to_another_read() {
        let (backend, cache) = (FakeBackend::new(), AccountCache::default());
        let row = backend.put_user("todd", None);
        let changes: [fn(&mut Registrant); 6] = [
            |_| {},
            |row| row.account_namespace.push('2'),
            |row| row.account_name.push('2'),
            |row| row.account_uid = Some("2".to_owned()),
            |row| row.open = !row.open,
            |row| row.fencing_token += 1,
        ];
        for (reads, change) in changes.into_iter().enumerate() {
            let mut row = row.clone();
            change(&mut row);
            assert_eq!(backend.account_reads(), reads);
            assert!(cache.account(&backend, &row).await.is_ok());
        }
        assert_eq!(backend.account_reads(), changes.len());
    }
}
