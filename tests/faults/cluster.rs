//! The API server: accounts and Secrets with UIDs, versions, generations, finalizers, and preconditions;
//! terminating namespaces; garbage collection; and a log for watches.

mod client;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{Error, ResourceExt, core::Status};
use streamcat_operator::api::{
    AccountRef, FINALIZER, ObservedAccount, StreamerAccount, StreamerAccountSpec, StreamerAccountStatus,
};
use uuid::Uuid;

/// Result of a request.
pub type Result<T> = std::result::Result<T, Error>;

/// Accounts by namespace and name.
pub type Accounts = BTreeMap<AccountRef, Arc<ObservedAccount>>;

/// Delay of the garbage collector.
const GARBAGE_COLLECTION_DELAY: Duration = Duration::from_secs(1);

/// A watch event.
#[derive(Clone, Debug)]
pub enum Change {
    Applied(Arc<ObservedAccount>),
    /// The object is gone. This was its last state.
    Gone(Arc<ObservedAccount>),
}

/// The API server.
#[derive(Default)]
pub struct Cluster {
    /// UID of kube-system.
    pub id: String,
    pub accounts: Accounts,
    pub secrets: BTreeMap<(String, String), Secret>,
    /// Namespaces that are being deleted.
    terminating: BTreeSet<String>,
    /// All changes of accounts.
    pub log: Vec<Change>,
    /// Number of those changes that the oracle's ledger has read.
    pub ledger_position: usize,
    /// Time until which the watch delivers nothing.
    pub watch_frozen_until: Duration,
    /// Spec of each generation of each object.
    pub specs: BTreeMap<(String, i64), StreamerAccountSpec>,
    /// Time at which the cluster was created.
    pub since: Duration,
    /// Time at which the last object of each account was removed.
    pub removed_at: BTreeMap<AccountRef, Duration>,
    /// Accounts whose object was removed without waiting for our finalizer.
    pub removed_early: BTreeSet<AccountRef>,
    /// Accounts whose spec has a value that this version does not know.
    pub not_understood: BTreeSet<AccountRef>,
    /// Token in the Lease of the leader.
    pub token_in_lease: Option<Uuid>,
    /// True while every event is refused.
    pub refuses_events: bool,
    garbage: Vec<(Duration, String)>,
    version: u64,
}

/// A backup of a cluster.
#[derive(Clone, Default)]
pub struct ClusterBackup {
    accounts: Accounts,
    secrets: BTreeMap<(String, String), Secret>,
    token_in_lease: Option<Uuid>,
}

/// Returns the account's namespace and name.
pub fn reference(account: &StreamerAccount) -> AccountRef {
    AccountRef { namespace: account.namespace().unwrap_or_default(), name: account.name_any() }
}

fn api_error(code: u16, reason: &str, message: &str) -> Error {
    Error::Api(Status::failure(message, reason).with_code(code).boxed())
}

fn conflict() -> Error {
    api_error(409, "Conflict", "the object has been modified")
}

fn not_found() -> Error {
    api_error(404, "NotFound", "not found")
}

/// Returns the account with a channel type that this version does not know.
fn not_understood(account: &StreamerAccount) -> ObservedAccount {
    let mut object = serde_json::to_value(account).expect("an account is JSON");
    object["spec"]["channel"]["type"] = "ULTRA".into();
    serde_json::from_value(object).expect("an account is read whatever its spec is")
}

/// Checks the UID and the version that a patch names.
fn check(found: &ObjectMeta, named: &ObjectMeta) -> Result<()> {
    let is_same = found.uid == named.uid && found.resource_version == named.resource_version;
    if is_same { Ok(()) } else { Err(conflict()) }
}

/// Applies a merge patch to a Secret: `patch` becomes the result.
fn merge(patch: &mut Secret, found: &Secret) -> Result<()> {
    let mut data = found.data.clone().unwrap_or_default();
    data.extend(patch.data.take().unwrap_or_default());
    if found.immutable == Some(true) && found.data.as_ref() != Some(&data) {
        return Err(api_error(422, "Invalid", "field is immutable when `immutable` is set"));
    }
    (patch.data, patch.immutable) = (Some(data), found.immutable);
    let mut annotations = found.annotations().clone();
    annotations.append(patch.annotations_mut());
    let mut labels = found.labels().clone();
    labels.append(patch.labels_mut());
    (patch.metadata.annotations, patch.metadata.labels) = (Some(annotations), Some(labels));
    Ok(())
}

impl Cluster {
    /// Returns an empty cluster.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn put(&mut self, mut account: StreamerAccount) -> StreamerAccount {
        account.metadata.resource_version = Some(self.next_version());
        let key = reference(&account);
        let is_known = !self.not_understood.contains(&key);
        let shared = Arc::new(if is_known { account.clone().into() } else { not_understood(&account) });
        self.accounts.insert(key, Arc::clone(&shared));
        let generation = account.metadata.generation.unwrap_or_default();
        self.specs.insert((account.uid().unwrap_or_default(), generation), account.spec.clone());
        self.log.push(Change::Applied(shared));
        account
    }

    /// Removes the object, if it exists. What it owns is garbage-collected.
    fn remove(&mut self, key: &AccountRef, now: Duration) {
        let Some(account) = self.accounts.remove(key) else { return };
        self.removed_at.insert(key.clone(), now);
        self.garbage.push((now + GARBAGE_COLLECTION_DELAY, account.uid().unwrap_or_default()));
        self.log.push(Change::Gone(account));
    }

    /// Deletes the Secrets of removed objects.
    pub fn collect_garbage(&mut self, now: Duration) {
        let due: Vec<_> = self.garbage.extract_if(.., |(due, _)| *due <= now).map(|(_, uid)| uid).collect();
        if !due.is_empty() {
            self.secrets
                .retain(|_, secret| !secret.owner_references().iter().any(|owner| due.contains(&owner.uid)));
        }
    }

    /// Creates a foreign Secret.
    pub fn put_secret(&mut self, namespace: &str, name: &str) {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let metadata = ObjectMeta {
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            resource_version: Some(self.next_version()),
            ..ObjectMeta::default()
        };
        self.secrets.insert((namespace, name), Secret { metadata, ..Secret::default() });
    }

    /// Changes a Secret, if it exists.
    pub fn change_secret(&mut self, namespace: &str, name: &str, change: impl FnOnce(&mut Secret)) {
        let version = self.next_version();
        if let Some(secret) = self.secrets.get_mut(&(namespace.to_owned(), name.to_owned())) {
            change(secret);
            secret.metadata.resource_version = Some(version);
        }
    }

    /// Applies a manifest. Returns None if the object is being deleted.
    pub fn apply(&mut self, key: &AccountRef, spec: StreamerAccountSpec, time: Time) -> Option<()> {
        let was_unknown = self.not_understood.remove(key);
        if let Some(found) = self.accounts.get(key) {
            let mut account = StreamerAccount::clone(found);
            if account.metadata.deletion_timestamp.is_some() {
                return None;
            }
            if account.spec != spec || was_unknown {
                account.spec = spec;
                account.metadata.generation = account.metadata.generation.map(|generation| generation + 1);
                self.put(account);
            }
            return Some(());
        }
        let mut account = StreamerAccount::new(&key.name, spec);
        account.metadata.namespace = Some(key.namespace.clone());
        account.metadata.uid = Some(format!("uid-{}", self.version));
        account.metadata.generation = Some(1);
        account.metadata.creation_timestamp = Some(time);
        self.put(account);
        Some(())
    }

    /// Sets a value in the spec that this version does not know.
    pub fn apply_unknown_value(&mut self, key: &AccountRef) {
        let Some(found) = self.accounts.get(key) else { return };
        let mut account = StreamerAccount::clone(found);
        account.metadata.generation = account.metadata.generation.map(|generation| generation + 1);
        self.not_understood.insert(key.clone());
        self.put(account);
    }

    /// Removes the object without its cleanup: its finalizers were removed by force.
    pub fn lose(&mut self, key: &AccountRef, now: Duration) {
        let Some(found) = self.accounts.get(key) else { return };
        let mut account = StreamerAccount::clone(found);
        account.metadata.finalizers = None;
        self.put(account);
        self.remove(key, now);
    }

    /// Removes the object without waiting for our finalizer, which was added while the object was deleted.
    pub fn remove_early(&mut self, key: &AccountRef, now: Duration) {
        self.removed_early.insert(key.clone());
        self.remove(key, now);
    }

    /// Adds our finalizer to the object.
    pub fn add_finalizer(&mut self, key: &AccountRef) {
        let Some(found) = self.accounts.get(key) else { return };
        let mut account = StreamerAccount::clone(found);
        account.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        self.put(account);
    }

    /// Returns another cluster with the same accounts from Git.
    pub fn copy_from_git(&self, id: &str, now: Duration, time: &Time) -> Self {
        // UIDs and versions must differ from those of the first cluster.
        let version = self.version + 1000;
        let mut other = Self { id: id.to_owned(), since: now, version, ..Self::default() };
        for (key, account) in &self.accounts {
            other.apply(key, account.spec.clone(), time.clone());
        }
        other
    }

    /// Replaces the account with a manifest that has no annotations.
    pub fn drop_annotations(&mut self, key: &AccountRef) {
        let Some(found) = self.accounts.get(key) else { return };
        let mut account = StreamerAccount::clone(found);
        account.metadata.annotations = None;
        self.put(account);
    }

    /// Annotates the account.
    pub fn annotate(&mut self, key: &AccountRef, annotation: &str, value: &str) {
        let Some(found) = self.accounts.get(key) else { return };
        let mut account = StreamerAccount::clone(found);
        account.annotations_mut().insert(annotation.to_owned(), value.to_owned());
        self.put(account);
    }

    /// Deletes the account.
    pub fn delete(&mut self, key: &AccountRef, now: Duration, time: Time) {
        let Some(found) = self.accounts.get(key) else { return };
        let mut account = StreamerAccount::clone(found);
        if account.finalizers().is_empty() {
            self.remove(key, now);
        } else if account.metadata.deletion_timestamp.is_none() {
            account.metadata.deletion_timestamp = Some(time);
            account.metadata.generation = account.metadata.generation.map(|generation| generation + 1);
            self.put(account);
        }
    }

    /// Deletes a namespace with everything in it. Nothing new can be created there.
    pub fn delete_namespace(&mut self, namespace: &str, now: Duration, time: &Time) {
        self.terminating.insert(namespace.to_owned());
        self.secrets.retain(|(of, _), _| of != namespace);
        let all: Vec<_> = self.accounts.keys().filter(|key| key.namespace == namespace).cloned().collect();
        for key in all {
            self.delete(&key, now, time.clone());
        }
    }

    /// Replaces the cluster with another one that has the same accounts from Git: new objects without status
    /// and finalizers.
    pub fn rebuild(&mut self, now: Duration, time: &Time) {
        self.since = now;
        self.id = format!("cluster-{}", self.version);
        let before = std::mem::take(&mut self.accounts);
        self.secrets.clear();
        self.garbage.clear();
        self.token_in_lease = None;
        for (key, account) in before {
            self.log.push(Change::Gone(Arc::clone(&account)));
            self.apply(&key, account.spec.clone(), time.clone());
        }
    }

    /// Returns a backup.
    pub fn back_up(&self) -> ClusterBackup {
        let (accounts, secrets) = (self.accounts.clone(), self.secrets.clone());
        ClusterBackup { accounts, secrets, token_in_lease: self.token_in_lease }
    }

    /// Restores a backup. Objects have the UIDs that they had, and new versions.
    pub fn restore(&mut self, backup: &ClusterBackup) {
        self.token_in_lease = backup.token_in_lease;
        self.secrets.clone_from(&backup.secrets);
        for (key, account) in std::mem::take(&mut self.accounts) {
            if !backup.accounts.contains_key(&key) {
                self.log.push(Change::Gone(account));
            }
        }
        for account in backup.accounts.values() {
            self.put(StreamerAccount::clone(account));
        }
    }

    /// Restores the accounts without their status.
    pub fn clear_status(&mut self) {
        for account in std::mem::take(&mut self.accounts).into_values() {
            let mut account = StreamerAccount::clone(&account);
            account.status = None;
            self.put(account);
        }
    }

    fn current(&self, key: &AccountRef, uid: &str) -> Option<&Arc<ObservedAccount>> {
        self.accounts.get(key).filter(|found| found.metadata.uid.as_deref() == Some(uid))
    }

    fn patch_finalizers(
        &mut self,
        now: Duration,
        named: &StreamerAccount,
        finalizers: Vec<String>,
    ) -> Result<StreamerAccount> {
        let found = self.accounts.get(&reference(named)).ok_or_else(not_found)?;
        check(&found.metadata, &named.metadata)?;
        let mut account = StreamerAccount::clone(found);
        let is_terminating = account.metadata.deletion_timestamp.is_some();
        if is_terminating && finalizers.iter().any(|new| !account.finalizers().contains(new)) {
            return Err(api_error(
                422,
                "Invalid",
                "no new finalizers can be added if the object is being deleted",
            ));
        }
        account.metadata.finalizers = (!finalizers.is_empty()).then_some(finalizers);
        if is_terminating && account.finalizers().is_empty() {
            // The last state that a watch shows still has the finalizer, as in Kubernetes.
            self.remove(&reference(named), now);
            return Ok(account);
        }
        Ok(self.put(account))
    }

    fn write_status(
        &mut self,
        named: &StreamerAccount,
        status: &StreamerAccountStatus,
    ) -> Result<StreamerAccount> {
        let found = self.accounts.get(&reference(named)).ok_or_else(not_found)?;
        check(&found.metadata, &named.metadata)?;
        let mut account = StreamerAccount::clone(found);
        if account.status.as_ref() == Some(status) {
            return Ok(account);
        }
        account.status = Some(status.clone());
        Ok(self.put(account))
    }

    fn write_secret(&mut self, now: Duration, found: Option<&Secret>, mut secret: Secret) -> Result<()> {
        let key = (secret.namespace().unwrap_or_default(), secret.name_any());
        match (found, self.secrets.get(&key)) {
            (Some(named), Some(found)) => {
                check(&found.metadata, &named.metadata)?;
                merge(&mut secret, found)?;
            }
            (Some(_), None) => return Err(not_found()),
            (None, Some(_)) => return Err(api_error(409, "AlreadyExists", "it exists already")),
            (None, None) if self.terminating.contains(&key.0) => {
                return Err(api_error(403, "Forbidden", "the namespace is being terminated"));
            }
            (None, None) => {}
        }
        secret.metadata.uid = secret.metadata.uid.or_else(|| Some(format!("secret-{}", self.version)));
        secret.metadata.resource_version = Some(self.next_version());
        for owner in secret.owner_references() {
            if !self.accounts.values().any(|account| account.metadata.uid.as_ref() == Some(&owner.uid)) {
                self.garbage.push((now + GARBAGE_COLLECTION_DELAY, owner.uid.clone()));
            }
        }
        self.secrets.insert(key, secret);
        Ok(())
    }
}
