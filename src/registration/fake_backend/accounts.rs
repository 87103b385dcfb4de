//! The cluster of the world.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Fault, STREAM_KEY, World, by_kubectl, place_of};
use crate::{
    api::StreamerAccount,
    registration::accounts::{self, Accounts},
};

impl Accounts for Arc<World> {
    async fn account(&self, namespace: &str, name: &str) -> Result<Option<StreamerAccount>, accounts::Error> {
        tokio::task::yield_now().await;
        let mut inside = self.inside();
        if let Some(fault) = inside.next_fault() {
            return Err(error(fault));
        }
        let place = (Some(namespace), Some(name));
        let is_it = |account: &&StreamerAccount| place_of(account) == place;
        Ok(inside.accounts.iter().find(is_it).cloned())
    }

    async fn create(&self, account: &StreamerAccount) -> Result<(), accounts::Error> {
        tokio::task::yield_now().await;
        let mut inside = self.inside();
        let fault = inside.on_create.take().or_else(|| inside.next_fault());
        match fault {
            Some(Fault::NameTaken) => inside.put(by_kubectl("todd")),
            Some(Fault::NameTakenBeforeADoubleClick) => {
                inside.put(by_kubectl("todd"));
                let id = inside.rows[0].id;
                inside.take_up(id);
            }
            Some(Fault::AnswerLost) | None => {}
            Some(fault) => return Err(error(fault)),
        }
        if inside.accounts.iter().any(|other| place_of(other) == place_of(account)) {
            return Err(accounts::Error::AlreadyExists);
        }
        inside.put(account.clone());
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    async fn delete(&self, account: &StreamerAccount) -> Result<(), accounts::Error> {
        let fault = self.inside().next_fault();
        if matches!(fault, None | Some(Fault::AnswerLost)) {
            self.abandon(account.metadata.name.as_deref().unwrap_or_default());
        }
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    async fn stream_key(&self, _: &StreamerAccount) -> Result<Option<SecretString>, accounts::Error> {
        Ok(Some(STREAM_KEY.to_owned().into()))
    }
}

fn error(fault: Fault) -> accounts::Error {
    match fault {
        Fault::Refused => accounts::Error::Refused("forbidden".to_owned()),
        Fault::NoRoom => accounts::Error::NoRoom("exceeded quota".to_owned()),
        Fault::AnswerLost => accounts::Error::Unclear("connection reset".to_owned()),
        _ => accounts::Error::Away("connection refused".to_owned()),
    }
}
