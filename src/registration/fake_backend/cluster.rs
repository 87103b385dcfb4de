//! The cluster of the fake backend.

use std::sync::Arc;

use secrecy::SecretString;

use super::{FakeBackend, Fault, STREAM_KEY, key_of};
use crate::{
    api::{StreamerAccount, test_account},
    registration::accounts::{self, Accounts},
};

impl Accounts for Arc<FakeBackend> {
    async fn account(&self, namespace: &str, name: &str) -> Result<Option<StreamerAccount>, accounts::Error> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.reads += 1;
        if let Some(fault) = state.next_fault() {
            return Err(error(fault));
        }
        let key = (Some(namespace), Some(name));
        let matches_key = |account: &&StreamerAccount| key_of(account) == key;
        Ok(state.accounts.iter().find(matches_key).cloned())
    }

    async fn create(&self, account: &StreamerAccount) -> Result<(), accounts::Error> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        let fault = state.on_create.take().or_else(|| state.next_fault());
        match fault {
            Some(Fault::NameTaken) => state.put(test_account("todd", "todd")),
            Some(Fault::NameTakenBeforeRetry) => {
                state.put(test_account("todd", "todd"));
                let id = state.rows[0].id;
                state.lease(id);
            }
            Some(Fault::ResponseLost) | None => {}
            Some(fault) => return Err(error(fault)),
        }
        if state.accounts.iter().any(|other| key_of(other) == key_of(account)) {
            return Err(accounts::Error::AlreadyExists);
        }
        state.put(account.clone());
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    async fn delete(&self, account: &StreamerAccount) -> Result<(), accounts::Error> {
        let fault = self.state().next_fault();
        if matches!(fault, None | Some(Fault::ResponseLost)) {
            self.start_deletion(account.metadata.name.as_deref().unwrap_or_default());
        }
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    async fn stream_key(&self, _: &StreamerAccount) -> Result<Option<SecretString>, accounts::Error> {
        Ok(Some(STREAM_KEY.to_owned().into()))
    }
}

fn error(fault: Fault) -> accounts::Error {
    match fault {
        Fault::Rejected => accounts::Error::Rejected("forbidden".to_owned()),
        Fault::QuotaExceeded => accounts::Error::QuotaExceeded("exceeded quota".to_owned()),
        Fault::ResponseLost => accounts::Error::OutcomeUnknown("connection reset".to_owned()),
        _ => accounts::Error::Unavailable("connection refused".to_owned()),
    }
}
