//! A database and a cluster in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use super::accounts::{self, Accounts, account_of, belongs_to};
use crate::{
    api::StreamerAccount,
    store::{self, NewRegistrant, Registrant, Registrants},
};

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out.
    Away,
    /// It is carried out, but nobody learns of it.
    AnswerLost,
    /// The cluster says no.
    Refused,
    /// Somebody else is faster.
    NameTaken,
    /// It is not carried out, while the same person's second request has got through.
    AwayAfterADoubleClick,
}

#[derive(Default)]
struct Inside {
    rows: Vec<Registrant>,
    accounts: Vec<StreamerAccount>,
    /// Calls until the fault.
    fault: Option<(usize, Fault)>,
    on_create: Option<Fault>,
    revisions: u64,
}

impl Inside {
    fn next_fault(&mut self) -> Option<Fault> {
        let (calls, fault) = self.fault.take()?;
        if calls == 0 {
            return Some(fault);
        }
        self.fault = Some((calls - 1, fault));
        None
    }

    fn revise(&mut self) -> String {
        self.revisions += 1;
        self.revisions.to_string()
    }

    fn hold(&mut self, id: Uuid) -> bool {
        let revision = self.revise();
        self.rows.iter_mut().find(|row| row.id == id).map(|row| row.revision = revision).is_some()
    }
}

/// What is there, and what will fail.
#[derive(Default)]
pub struct World(Mutex<Inside>);

impl World {
    pub fn empty() -> Arc<Self> {
        Arc::default()
    }

    pub fn fail(&self, after_calls: usize, fault: Fault) {
        self.inside().fault = Some((after_calls, fault));
    }

    pub fn on_create(&self, fault: Fault) {
        self.inside().on_create = Some(fault);
    }

    pub fn rows(&self) -> Vec<Registrant> {
        self.inside().rows.clone()
    }

    pub fn accounts(&self) -> Vec<StreamerAccount> {
        self.inside().accounts.clone()
    }

    /// How many users have exactly their own account; panics when anything is left over.
    pub fn pairs(&self) -> usize {
        let (rows, accounts) = (self.rows(), self.accounts());
        assert_eq!(rows.len(), accounts.len());
        let owned = |row: &Registrant| accounts.iter().any(|account| belongs_to(account, row));
        assert!(rows.iter().all(owned));
        rows.len()
    }

    pub fn put_row(&self, username: &str, password_hash: Option<SecretString>) -> Registrant {
        let mut inside = self.inside();
        let row = Registrant {
            id: Uuid::new_v4(),
            username: username.to_owned(),
            password_hash,
            account_namespace: "default".to_owned(),
            account_name: crate::api::object_name(username),
            revision: inside.revise(),
        };
        inside.rows.push(row.clone());
        row
    }

    /// An account, of this user or of somebody who used kubectl.
    pub fn put_account(&self, name: &str, owner: Option<&Registrant>) {
        let account = owner.map_or_else(|| by_kubectl(name), account_of);
        self.inside().accounts.push(account);
    }

    pub fn delete(&self, name: &str) {
        let mut inside = self.inside();
        let named = |account: &&mut StreamerAccount| account.metadata.name.as_deref() == Some(name);
        let account = inside.accounts.iter_mut().find(named).expect("there");
        account.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One statement; other requests may come in between two.
    async fn sql<T>(&self, work: impl FnOnce(&mut Inside) -> T) -> store::Result<T> {
        tokio::task::yield_now().await;
        let mut inside = self.inside();
        let away = || store::Error::Sql(sqlx::Error::PoolTimedOut);
        match inside.next_fault() {
            None => Ok(work(&mut inside)),
            Some(Fault::AnswerLost) => {
                work(&mut inside);
                Err(away())
            }
            Some(_) => Err(away()),
        }
    }
}

fn by_kubectl(name: &str) -> StreamerAccount {
    let spec = serde_json::from_value(serde_json::json!({ "username": name })).expect("a spec");
    let mut account = StreamerAccount::new(name, spec);
    account.metadata.namespace = Some("default".to_owned());
    account
}

impl Registrants for Arc<World> {
    async fn registrant(&self, username: &str) -> store::Result<Option<Registrant>> {
        let same = |row: &&Registrant| row.username.eq_ignore_ascii_case(username);
        self.sql(|inside| inside.rows.iter().find(same).cloned()).await
    }

    async fn add(&self, new: &NewRegistrant<'_>) -> store::Result<Option<Registrant>> {
        self.sql(|inside| {
            if inside.rows.iter().any(|row| row.username.eq_ignore_ascii_case(new.username)) {
                return None;
            }
            let row = Registrant {
                id: Uuid::new_v4(),
                username: new.username.to_owned(),
                password_hash: Some(new.password_hash.clone()),
                account_namespace: new.account_namespace.to_owned(),
                account_name: new.account_name.to_owned(),
                revision: inside.revise(),
            };
            inside.rows.push(row.clone());
            Some(row)
        })
        .await
    }

    async fn hold(&self, registrant: &Registrant) -> store::Result<bool> {
        self.sql(|inside| inside.hold(registrant.id)).await
    }

    async fn take_back(&self, registrant: &Registrant) -> store::Result<()> {
        self.sql(|inside| {
            inside.rows.retain(|row| row.id != registrant.id || row.revision != registrant.revision);
        })
        .await
    }
}

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
            Some(Fault::NameTaken) => inside.accounts.push(by_kubectl("todd")),
            Some(Fault::AwayAfterADoubleClick) => {
                let id = inside.rows[0].id;
                inside.hold(id);
                inside.accounts.push(account.clone());
                return Err(error(Fault::Away));
            }
            Some(Fault::AnswerLost) | None => {}
            Some(fault) => return Err(error(fault)),
        }
        if inside.accounts.iter().any(|other| place_of(other) == place_of(account)) {
            return Err(accounts::Error::AlreadyExists);
        }
        inside.accounts.push(account.clone());
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }
}

fn place_of(account: &StreamerAccount) -> (Option<&str>, Option<&str>) {
    (account.metadata.namespace.as_deref(), account.metadata.name.as_deref())
}

fn error(fault: Fault) -> accounts::Error {
    match fault {
        Fault::Refused => accounts::Error::Refused("forbidden".to_owned()),
        Fault::AnswerLost => accounts::Error::Unclear("connection reset".to_owned()),
        _ => accounts::Error::Away("connection refused".to_owned()),
    }
}
