//! A database and a cluster in memory.

mod cluster;
mod database;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::accounts::{Ownership, account_of};
use crate::{
    api::StreamerAccount,
    store::{self, AuditEvent, Registrant, TokenHash},
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
    /// How many objects there ever were.
    objects: usize,
    /// Calls until the fault.
    fault: Option<(usize, Fault)>,
    on_create: Option<Fault>,
    on_note: Option<Fault>,
    /// Whether the password is changed before the next session begins.
    overtaken: bool,
    held_back: Vec<String>,
    sessions: BTreeMap<TokenHash, Uuid>,
    audit: Vec<AuditRow>,
}

/// A row of the audit log: what, who if anybody has the name, from where.
pub type AuditRow = (AuditEvent, Option<Uuid>, Option<IpAddr>);

impl Inside {
    /// Makes an object, with a UID of its own.
    fn put(&mut self, mut account: StreamerAccount) {
        account.metadata.uid = Some(self.next_uid());
        self.accounts.push(account);
    }

    fn next_uid(&mut self) -> String {
        self.objects += 1;
        format!("uid-{}", self.objects)
    }

    fn account(&mut self, name: &str) -> &mut StreamerAccount {
        let named = |account: &&mut StreamerAccount| account.metadata.name.as_deref() == Some(name);
        self.accounts.iter_mut().find(named).expect("there")
    }

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

    /// The row, if this is still the hash of its password.
    fn with_hash(&mut self, user: Uuid, hash: &SecretString) -> Option<&mut Registrant> {
        let is_theirs = |row: &&mut Registrant| {
            row.password_hash.as_ref().is_some_and(|own| own.expose_secret() == hash.expose_secret())
        };
        self.rows.iter_mut().filter(|row| row.id == user).find(is_theirs)
    }

    /// As the database does, where all happens within an hour.
    fn next_try(&self, user: Uuid, stranger: Option<IpAddr>, most: usize) -> Option<u64> {
        let of_user = |row: &&AuditRow| row.1 == Some(user);
        let count = |events: &[AuditEvent], from: Option<IpAddr>| {
            let rows = self.audit.iter().filter(of_user).filter(|row| events.contains(&row.0));
            rows.filter(|row| from.is_none() || row.2 == from).count()
        };
        let proofs = [AuditEvent::Registered, AuditEvent::Returned, AuditEvent::SignedIn];
        let is_known = stranger.is_none() || count(&proofs, stranger) > 0;
        let failures =
            [AuditEvent::SignInFailed, AuditEvent::RegistrationRefused, AuditEvent::PasswordRefused];
        let most = if is_known { most } else { (most / 2).max(1) };
        (count(&failures, None) >= most).then_some(3600)
    }

    fn replace_hash(&mut self, user: Uuid, old: &SecretString, new: &SecretString) -> bool {
        let row = self.with_hash(user, old);
        row.map(|row| row.password_hash = Some(new.clone())).is_some()
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

    /// Somebody changes the password just before the next session begins.
    pub fn overtake_session(&self) {
        self.inside().overtaken = true;
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
        let owned = |row: &Registrant| {
            accounts.iter().any(|account| Ownership::of(account, row) == Ownership::Theirs)
        };
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
            account_uid: None,
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
        self.inside().put(account);
    }

    pub fn abandon(&self, name: &str) {
        let mut inside = self.inside();
        let account = inside.account(name);
        account.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    }

    /// What the controller writes when all is there, into the row too.
    pub fn make_ready(&self, name: &str) {
        self.hand_on(name);
        let mut inside = self.inside();
        let account = inside.account(name);
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

    /// The controller records in the row which object the account is.
    pub fn hand_on(&self, name: &str) {
        let mut inside = self.inside();
        let uid = inside.account(name).metadata.uid.clone();
        for row in inside.rows.iter_mut().filter(|row| row.account_name == name) {
            row.account_uid.clone_from(&uid);
        }
    }

    /// Somebody drops all annotations of an account, as `kubectl replace` does.
    pub fn drop_annotations(&self, name: &str) {
        self.inside().account(name).metadata.annotations = None;
    }

    /// Another object takes the place of one, and has its annotations and its status.
    pub fn copy(&self, name: &str) {
        let mut inside = self.inside();
        let uid = inside.next_uid();
        inside.account(name).metadata.uid = Some(uid);
    }

    /// Somebody puts an account of their own in the place of one.
    pub fn replace(&self, name: &str) {
        self.copy(name);
        self.drop_annotations(name);
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

fn place_of(account: &StreamerAccount) -> (Option<&str>, Option<&str>) {
    (account.metadata.namespace.as_deref(), account.metadata.name.as_deref())
}
