//! A database and a cluster in memory, for tests, with injected faults.

mod cluster;
mod database;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    api::{StreamerAccount, test_account},
    lock::lock,
    registration::{
        accounts::{Ownership, account_of},
        backend::Backend,
    },
    store::{self, AuditEvent, Registrant, TokenHash},
};

/// The stream key of every account.
pub const STREAM_KEY: &str = "sk_fake";

/// A fault that a call meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is not carried out.
    Unavailable,
    /// The call is carried out, but its response is lost.
    ResponseLost,
    /// The API server rejects the call.
    Rejected,
    /// The ResourceQuota is used up.
    QuotaExceeded,
    /// A kubectl user creates an account of the same name first.
    NameTaken,
    /// As above, and then a second request of the applicant leases the registration.
    NameTakenBeforeRetry,
}

#[derive(Default)]
struct State {
    rows: Vec<Registrant>,
    accounts: Vec<StreamerAccount>,
    /// Number of objects ever created.
    objects: usize,
    /// Number of reads of accounts.
    reads: usize,
    /// The next fault, and the number of calls before it.
    fault: Option<(usize, Fault)>,
    on_create: Option<Fault>,
    on_audit: Option<Fault>,
    /// True if the password changes before the next session begins.
    password_changes_first: bool,
    held_back: Vec<String>,
    sessions: BTreeMap<TokenHash, Uuid>,
    audit: Vec<AuditRow>,
}

/// A row of the audit log: the event, the user if there is one, and the IP address.
pub type AuditRow = (AuditEvent, Option<Uuid>, Option<IpAddr>);

impl State {
    /// Adds an object with a new UID.
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
        self.accounts.iter_mut().find(named).expect("the account")
    }

    fn next_fault(&mut self) -> Option<Fault> {
        let (calls, fault) = self.fault.take()?;
        if calls == 0 {
            return Some(fault);
        }
        self.fault = Some((calls - 1, fault));
        None
    }

    fn lease(&mut self, id: Uuid) -> Option<Registrant> {
        let row = self.rows.iter_mut().find(|row| row.id == id)?;
        row.fencing_token += 1;
        row.open = true;
        Some(row.clone())
    }

    /// Returns the row if nobody has leased it since.
    fn with_current_lease(&mut self, registrant: &Registrant) -> Option<&mut Registrant> {
        self.rows
            .iter_mut()
            .find(|row| row.id == registrant.id && row.fencing_token == registrant.fencing_token)
    }

    /// Returns the row if this is still the hash of its password.
    fn with_hash(&mut self, user: Uuid, hash: &SecretString) -> Option<&mut Registrant> {
        let has_hash = |row: &&mut Registrant| {
            row.password_hash.as_ref().is_some_and(|own| own.expose_secret() == hash.expose_secret())
        };
        self.rows.iter_mut().filter(|row| row.id == user).find(has_hash)
    }

    /// Applies the failure limit as the database does. All events count as of the last hour.
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

/// The fake database and cluster.
#[derive(Default)]
pub struct FakeBackend(Mutex<State>);

impl Backend for FakeBackend {
    type Store = Arc<Self>;
    type Accounts = Arc<Self>;
}

impl FakeBackend {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn fail(&self, after_calls: usize, fault: Fault) {
        self.state().fault = Some((after_calls, fault));
    }

    /// Removes the injected fault.
    pub fn clear_fault(&self) {
        self.state().fault = None;
    }

    pub fn on_create(&self, fault: Fault) {
        self.state().on_create = Some(fault);
    }

    /// Makes the next write to the audit log fail.
    pub fn on_audit(&self, fault: Fault) {
        self.state().on_audit = Some(fault);
    }

    /// Makes the password change just before the next session begins.
    pub fn change_password_before_session(&self) {
        self.state().password_changes_first = true;
    }

    pub fn rows(&self) -> Vec<Registrant> {
        self.state().rows.clone()
    }

    /// Returns the number of times that an account was read.
    pub fn account_reads(&self) -> usize {
        self.state().reads
    }

    pub fn accounts(&self) -> Vec<StreamerAccount> {
        self.state().accounts.clone()
    }

    pub fn audit(&self) -> Vec<AuditRow> {
        self.state().audit.clone()
    }

    /// Returns the events of the audit log in order.
    pub fn audit_events(&self) -> Vec<AuditEvent> {
        self.audit().into_iter().map(|(event, ..)| event).collect()
    }

    /// Reserves a username as that of a deleted account.
    pub fn reserve(&self, username: &str) {
        self.state().held_back.push(username.to_owned());
    }

    /// Returns the number of users, each of which must have exactly its own account. Panics if anything is
    /// left over or pending.
    pub fn consistent_accounts(&self) -> usize {
        let (rows, accounts) = (self.rows(), self.accounts());
        assert_eq!(rows.len(), accounts.len());
        assert!(rows.iter().all(|row| !row.open));
        let owned =
            |row: &Registrant| accounts.iter().any(|account| Ownership::of(account, row) == Ownership::Owned);
        assert!(rows.iter().all(owned));
        rows.len()
    }

    pub fn put_user(&self, username: &str, password_hash: Option<SecretString>) -> Registrant {
        let mut state = self.state();
        let row = Registrant {
            id: Uuid::new_v4(),
            username: username.to_owned(),
            password_hash,
            account_namespace: "default".to_owned(),
            account_name: crate::api::object_name(username),
            account_uid: None,
            key: None,
            open: false,
            delete_requested: false,
            fencing_token: 0,
        };
        state.rows.push(row.clone());
        row
    }

    /// Adds an account of this user, or one created with kubectl.
    pub fn put_account(&self, name: &str, owner: Option<&Registrant>) {
        let account = owner.map_or_else(|| test_account(name, name), account_of);
        self.state().put(account);
    }

    pub fn start_deletion(&self, name: &str) {
        let mut state = self.state();
        let account = state.account(name);
        account.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    }

    /// Makes an account ready, as the controller does, and records its UID.
    pub fn make_ready(&self, name: &str) {
        self.record_uid(name);
        let mut state = self.state();
        let account = state.account(name);
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

    /// Records the UID of the account in the row, as the controller does.
    pub fn record_uid(&self, name: &str) {
        let mut state = self.state();
        let uid = state.account(name).metadata.uid.clone();
        for row in state.rows.iter_mut().filter(|row| row.account_name == name) {
            row.account_uid.clone_from(&uid);
        }
    }

    /// Drops all annotations of an account, as `kubectl replace` does.
    pub fn drop_annotations(&self, name: &str) {
        self.state().account(name).metadata.annotations = None;
    }

    /// Replaces an account with another object that has the same annotations and status.
    pub fn replace_with_copy(&self, name: &str) {
        let mut state = self.state();
        let uid = state.next_uid();
        state.account(name).metadata.uid = Some(uid);
    }

    /// Replaces an account with an object of somebody else.
    pub fn replace_with_foreign(&self, name: &str) {
        self.replace_with_copy(name);
        self.drop_annotations(name);
    }

    /// Removes an account and its user.
    pub fn remove(&self, name: &str) {
        self.remove_account(name);
        self.state().rows.retain(|row| row.account_name != name);
    }

    /// Removes an account that no controller has seen.
    pub fn remove_account(&self, name: &str) {
        self.state().accounts.retain(|account| account.metadata.name.as_deref() != Some(name));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Runs one statement. Other requests may run between two statements.
    async fn sql<T>(&self, work: impl FnOnce(&mut State) -> T) -> store::Result<T> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        let unavailable = || store::Error::Sql(sqlx::Error::PoolTimedOut);
        match state.next_fault() {
            None => Ok(work(&mut state)),
            Some(Fault::ResponseLost) => {
                work(&mut state);
                Err(unavailable())
            }
            Some(_) => Err(unavailable()),
        }
    }
}

fn key_of(account: &StreamerAccount) -> (Option<&str>, Option<&str>) {
    (account.metadata.namespace.as_deref(), account.metadata.name.as_deref())
}
