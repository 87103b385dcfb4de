//! A database and a cluster in memory.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use super::accounts::{self, Accounts, account_of, belongs_to};
use crate::{
    api::{StreamerAccount, are_alike},
    store::{
        self, Addition, Audit, AuditEntry, AuditEvent, KeyHash, NewRegistrant, Registrant, Registrants,
        Sessions, TokenHash,
    },
};

/// The stream key of every account.
pub const STREAM_KEY: &str = "sk_of_the_world";

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out.
    Away,
    /// It is carried out, but nobody learns of it.
    AnswerLost,
    /// The cluster says no.
    Refused,
    /// The cluster has no room.
    NoRoom,
    /// Somebody else is faster.
    NameTaken,
    /// Somebody else is faster, and then the same person comes by a second request.
    NameTakenBeforeADoubleClick,
}

#[derive(Default)]
struct Inside {
    rows: Vec<Registrant>,
    accounts: Vec<StreamerAccount>,
    /// Calls until the fault.
    fault: Option<(usize, Fault)>,
    on_create: Option<Fault>,
    on_note: Option<Fault>,
    held_back: Vec<String>,
    sessions: BTreeMap<TokenHash, Uuid>,
    audit: Vec<AuditRow>,
}

/// A row of the audit log: what, who if anybody has the name, from where.
pub type AuditRow = (AuditEvent, Option<Uuid>, Option<IpAddr>);

impl Inside {
    fn next_fault(&mut self) -> Option<Fault> {
        let (calls, fault) = self.fault.take()?;
        if calls == 0 {
            return Some(fault);
        }
        self.fault = Some((calls - 1, fault));
        None
    }

    fn take_up(&mut self, id: Uuid) -> Option<Registrant> {
        let row = self.rows.iter_mut().find(|row| row.id == id)?;
        row.turn += 1;
        row.open = true;
        Some(row.clone())
    }

    /// The row, if nobody has taken it up since.
    fn in_turn(&mut self, registrant: &Registrant) -> Option<&mut Registrant> {
        self.rows.iter_mut().find(|row| row.id == registrant.id && row.turn == registrant.turn)
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

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.inside().fault = None;
    }

    pub fn on_create(&self, fault: Fault) {
        self.inside().on_create = Some(fault);
    }

    /// How the next row of the audit log that is written by itself fails.
    pub fn on_note(&self, fault: Fault) {
        self.inside().on_note = Some(fault);
    }

    pub fn rows(&self) -> Vec<Registrant> {
        self.inside().rows.clone()
    }

    pub fn accounts(&self) -> Vec<StreamerAccount> {
        self.inside().accounts.clone()
    }

    pub fn audit(&self) -> Vec<AuditRow> {
        self.inside().audit.clone()
    }

    /// What was done until now, in its order.
    pub fn deeds(&self) -> Vec<AuditEvent> {
        self.audit().into_iter().map(|(event, ..)| event).collect()
    }

    /// Keeps a username as that of a deleted account.
    pub fn hold_back(&self, username: &str) {
        self.inside().held_back.push(username.to_owned());
    }

    /// How many users have exactly their own account; panics when anything is left over or to be done.
    pub fn pairs(&self) -> usize {
        let (rows, accounts) = (self.rows(), self.accounts());
        assert_eq!(rows.len(), accounts.len());
        assert!(rows.iter().all(|row| !row.open));
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
            key: None,
            open: false,
            unwanted: false,
            turn: 0,
        };
        inside.rows.push(row.clone());
        row
    }

    /// An account, of this user or of somebody who used kubectl.
    pub fn put_account(&self, name: &str, owner: Option<&Registrant>) {
        let account = owner.map_or_else(|| by_kubectl(name), account_of);
        self.inside().accounts.push(account);
    }

    pub fn let_go(&self, name: &str) {
        let mut inside = self.inside();
        let named = |account: &&mut StreamerAccount| account.metadata.name.as_deref() == Some(name);
        let account = inside.accounts.iter_mut().find(named).expect("there");
        account.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    }

    /// What the controller writes when all is there.
    pub fn make_ready(&self, name: &str) {
        let mut inside = self.inside();
        let named = |account: &&mut StreamerAccount| account.metadata.name.as_deref() == Some(name);
        let account = inside.accounts.iter_mut().find(named).expect("there");
        account.status = serde_json::from_value(serde_json::json!({
            "observedGeneration": 1,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
            "channel": { "arn": "arn:c", "ingestEndpoint": "in.example.com", "playbackUrl": "https://play.example.com" },
            "chatRoom": { "arn": "arn:r", "endpoint": "wss://chat.example.com" },
        }))
        .expect("a status");
    }

    /// Somebody puts an account of their own in the place of one.
    pub fn replace(&self, name: &str) {
        let mut inside = self.inside();
        let named = |account: &&mut StreamerAccount| account.metadata.name.as_deref() == Some(name);
        inside.accounts.iter_mut().find(named).expect("there").metadata.annotations = None;
    }

    /// A deleted account and its user go.
    pub fn forget(&self, name: &str) {
        self.forget_account(name);
        self.inside().rows.retain(|row| row.account_name != name);
    }

    /// A deleted account goes that no controller has seen.
    pub fn forget_account(&self, name: &str) {
        self.inside().accounts.retain(|account| account.metadata.name.as_deref() != Some(name));
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
        let same = |row: &&Registrant| are_alike(&row.username, username);
        self.sql(|inside| inside.rows.iter().find(same).cloned()).await
    }

    async fn username_by_key(&self, key: &KeyHash) -> store::Result<Option<String>> {
        let same = |row: &&Registrant| row.key.as_deref() == Some(key);
        self.sql(|inside| inside.rows.iter().find(same).map(|row| row.username.clone())).await
    }

    async fn add(&self, new: &NewRegistrant<'_>) -> store::Result<Addition> {
        self.sql(|inside| {
            if inside.rows.iter().any(|row| are_alike(&row.username, new.username)) {
                return Addition::Exists;
            }
            if new.held_back.is_some() && inside.held_back.iter().any(|name| are_alike(name, new.username)) {
                return Addition::HeldBack;
            }
            let key = new.key.map(|key| key.to_vec());
            if key.is_some() && inside.rows.iter().any(|row| row.key == key) {
                return Addition::KeyUsed;
            }
            let row = Registrant {
                id: Uuid::new_v4(),
                username: new.username.to_owned(),
                password_hash: Some(new.password_hash.clone()),
                account_namespace: new.account_namespace.to_owned(),
                account_name: new.account_name.to_owned(),
                key,
                open: true,
                unwanted: false,
                turn: 1,
            };
            inside.rows.push(row.clone());
            inside.audit.push((AuditEvent::Registered, Some(row.id), Some(new.address)));
            Addition::Added(row)
        })
        .await
    }

    async fn take_up(&self, registrant: &Registrant) -> store::Result<Option<Registrant>> {
        self.sql(|inside| {
            let is_unwanted = inside.rows.iter().any(|row| row.id == registrant.id && row.unwanted);
            if is_unwanted { None } else { inside.take_up(registrant.id) }
        })
        .await
    }

    async fn take_up_due(&self, _: i64) -> store::Result<Vec<Registrant>> {
        self.sql(|inside| {
            let due: Vec<_> = inside.rows.iter().filter(|row| row.open).map(|row| row.id).collect();
            due.into_iter().filter_map(|id| inside.take_up(id)).collect()
        })
        .await
    }

    async fn settle(&self, registrant: &Registrant) -> store::Result<()> {
        self.sql(|inside| {
            if let Some(row) = inside.in_turn(registrant) {
                (row.open, row.unwanted) = (false, false);
            }
        })
        .await
    }

    async fn put_off(&self, _: &Registrant) -> store::Result<()> {
        self.sql(|_| ()).await
    }

    async fn renounce(&self, registrant: &Registrant) -> store::Result<()> {
        self.sql(|inside| {
            if let Some(row) = inside.rows.iter_mut().find(|row| row.id == registrant.id) {
                (row.turn, row.open, row.unwanted) = (row.turn + 1, true, true);
            }
        })
        .await
    }

    async fn take_back(&self, registrant: &Registrant) -> store::Result<bool> {
        self.sql(|inside| {
            let ours = inside.in_turn(registrant).is_some();
            if ours {
                inside.audit.push((AuditEvent::RegistrationTakenBack, Some(registrant.id), None));
            }
            inside.rows.retain(|row| !ours || row.id != registrant.id);
            ours
        })
        .await
    }

    async fn pending(&self) -> store::Result<i64> {
        self.sql(|inside| inside.rows.iter().map(|row| i64::from(row.open)).sum()).await
    }
}

impl Audit for Arc<World> {
    async fn note(&self, entry: &AuditEntry<'_>) -> store::Result<()> {
        let fault = self.inside().on_note.take();
        if let Some(fault) = fault {
            self.fail(0, fault);
        }
        self.sql(|inside| {
            let same = |row: &&Registrant| are_alike(&row.username, entry.username);
            let user = inside.rows.iter().find(same).map(|row| row.id);
            inside.audit.push((entry.event, user, Some(entry.address)));
        })
        .await
    }

    async fn forget_addresses(&self, _: Duration) -> store::Result<i64> {
        self.sql(|_| 0).await
    }
}

impl Sessions for Arc<World> {
    async fn begin_session(
        &self,
        user: Uuid,
        token: &TokenHash,
        _: Duration,
        address: IpAddr,
    ) -> store::Result<()> {
        self.sql(|inside| {
            inside.sessions.insert(*token, user);
            inside.audit.push((AuditEvent::SignedIn, Some(user), Some(address)));
        })
        .await
    }

    async fn sign_out(&self, token: &TokenHash, address: IpAddr) -> store::Result<()> {
        self.sql(|inside| {
            if let Some(user) = inside.sessions.remove(token) {
                inside.audit.push((AuditEvent::SignedOut, Some(user), Some(address)));
            }
        })
        .await
    }

    async fn session_user(&self, token: &TokenHash) -> store::Result<Option<Uuid>> {
        self.sql(|inside| inside.sessions.get(token).copied()).await
    }

    async fn end_session(&self, token: &TokenHash) -> store::Result<()> {
        self.sql(|inside| inside.sessions.retain(|other, _| other != token)).await
    }

    async fn change_password(&self, user: Uuid, _: &SecretString, new: &SecretString) -> store::Result<bool> {
        self.sql(|inside| {
            let row = inside.rows.iter_mut().find(|row| row.id == user);
            row.expect("there").password_hash = Some(new.clone());
            inside.sessions.retain(|_, other| *other != user);
            true
        })
        .await
    }

    async fn rehash(&self, user: Uuid, _: &SecretString, new: &SecretString) -> store::Result<()> {
        self.sql(|inside| {
            let row = inside.rows.iter_mut().find(|row| row.id == user);
            row.expect("there").password_hash = Some(new.clone());
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
            Some(Fault::NameTakenBeforeADoubleClick) => {
                inside.accounts.push(by_kubectl("todd"));
                let id = inside.rows[0].id;
                inside.take_up(id);
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

    async fn delete(&self, account: &StreamerAccount) -> Result<(), accounts::Error> {
        let fault = self.inside().next_fault();
        if matches!(fault, None | Some(Fault::AnswerLost)) {
            self.let_go(account.metadata.name.as_deref().unwrap_or_default());
        }
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    async fn stream_key(&self, _: &StreamerAccount) -> Result<Option<SecretString>, accounts::Error> {
        Ok(Some(STREAM_KEY.to_owned().into()))
    }
}

fn place_of(account: &StreamerAccount) -> (Option<&str>, Option<&str>) {
    (account.metadata.namespace.as_deref(), account.metadata.name.as_deref())
}

fn error(fault: Fault) -> accounts::Error {
    match fault {
        Fault::Refused => accounts::Error::Refused("forbidden".to_owned()),
        Fault::NoRoom => accounts::Error::NoRoom("exceeded quota".to_owned()),
        Fault::AnswerLost => accounts::Error::Unclear("connection reset".to_owned()),
        _ => accounts::Error::Away("connection refused".to_owned()),
    }
}
