//! Access to Kubernetes: the calls that the controller makes, and the client that makes them.

use std::{fmt, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams, TypeMeta},
};
use moka::future::Cache;
use serde::Serialize;
use serde_json::json;

pub use super::event_recorder::EventDraft;
use super::{account::AccountExt, cache::CachedAccounts, event_recorder::EventRecorder};
use crate::{
    api::{AccountRef, FINALIZER, ObservedAccount, StreamerAccount, StreamerAccountStatus, are_alike},
    failpoint::effect,
};

/// The field manager of our server-side applies, and the reporter of our events.
pub const FIELD_MANAGER: &str = "streamcat-operator";

/// Time for which an answer that a namespace is not terminating is believed. What is created in it in that
/// time is deleted with the account.
const NAMESPACE_TTL: Duration = Duration::from_secs(2);

/// Maximum number of such answers.
const MAX_NAMESPACES: u64 = 1_000;

/// Result of a call to Kubernetes.
pub type Result<T, E = kube::Error> = std::result::Result<T, E>;

/// The calls to Kubernetes that the controller makes.
pub trait Kubernetes: Send + Sync + 'static {
    /// Returns the cache of the accounts.
    fn cache(&self) -> &CachedAccounts;

    /// Returns the live object with this UID. Returns None if it is gone, or if another object has its name.
    /// The cache can lag behind.
    fn current(
        &self,
        account: &AccountRef,
        uid: &str,
    ) -> impl Future<Output = Result<Option<ObservedAccount>>> + Send;

    /// Returns true if a live account of this name wants this username, or one that looks like it.
    fn claims_username(
        &self,
        account: &AccountRef,
        username: &str,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Returns true if the account's namespace is terminating or gone. The answer can be some seconds old.
    fn is_namespace_terminating(&self, account: &AccountRef) -> impl Future<Output = Result<bool>> + Send;

    /// Adds our finalizer. Fails with a conflict if the account has changed since it was read.
    fn add_finalizer(
        &self,
        account: &StreamerAccount,
    ) -> impl Future<Output = Result<StreamerAccount>> + Send;

    /// Removes our finalizer from the object with this UID. Succeeds if the object is gone.
    fn remove_finalizer(&self, account: &StreamerAccount) -> impl Future<Output = Result<()>> + Send;

    /// Writes the status. Fails with a conflict if the account has changed since it was read.
    fn write_status(
        &self,
        account: &StreamerAccount,
        status: &StreamerAccountStatus,
    ) -> impl Future<Output = Result<StreamerAccount>> + Send;

    /// Returns a Secret in the account's namespace.
    fn secret(
        &self,
        account: &StreamerAccount,
        name: &str,
    ) -> impl Future<Output = Result<Option<Secret>>> + Send;

    /// Creates a Secret, or replaces `found`. Fails with a conflict if the Secret has changed since `found`
    /// was read.
    fn write_secret(
        &self,
        account: &StreamerAccount,
        found: Option<&Secret>,
        secret: Secret,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Publishes an event about the account.
    fn publish_event(
        &self,
        account: &StreamerAccount,
        event: &EventDraft,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Returns the message of the API server without the Status object around it.
pub fn api_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// A client of a real Kubernetes cluster.
#[derive(Clone)]
pub struct KubernetesClient {
    client: Client,
    cache: Arc<CachedAccounts>,
    recorder: EventRecorder,
    /// The namespaces that were not terminating a moment ago.
    living_namespaces: Cache<String, ()>,
}

impl fmt::Debug for KubernetesClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesClient").finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize)]
struct StatusPatch<'a> {
    #[serde(flatten)]
    types: TypeMeta,
    metadata: serde_json::Value,
    status: &'a StreamerAccountStatus,
}

impl KubernetesClient {
    /// Returns a client that reads accounts from `cache`. `pod` is the instance that reports events.
    #[must_use]
    pub fn new(client: Client, cache: Arc<CachedAccounts>, pod: Option<String>) -> Self {
        let recorder = EventRecorder::new(client.clone(), FIELD_MANAGER, pod);
        let living_namespaces = Cache::builder().max_capacity(MAX_NAMESPACES).time_to_live(NAMESPACE_TTL);
        Self { client, cache, recorder, living_namespaces: living_namespaces.build() }
    }

    fn api(&self, namespace: &str) -> Api<ObservedAccount> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn secrets(&self, account: &StreamerAccount) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &account.namespace().unwrap_or_default())
    }

    /// Replaces the finalizers. Fails with a conflict if the account has changed since it was read.
    async fn patch_finalizers(
        &self,
        account: &StreamerAccount,
        finalizers: &[String],
    ) -> Result<StreamerAccount> {
        let patch = json!({ "metadata": {
            "uid": account.metadata.uid,
            "resourceVersion": account.metadata.resource_version,
            "finalizers": finalizers,
        }});
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self
            .api(&account.reference().namespace)
            .patch(&account.name_any(), &params, &Patch::Merge(patch))
            .await;
        patched.map(ObservedAccount::into_account)
    }
}

impl Kubernetes for KubernetesClient {
    fn cache(&self) -> &CachedAccounts {
        &self.cache
    }

    async fn current(&self, account: &AccountRef, uid: &str) -> Result<Option<ObservedAccount>> {
        let found = self.api(&account.namespace).get_opt(&account.name).await?;
        Ok(found.filter(|found| found.object_uid() == uid))
    }

    async fn claims_username(&self, account: &AccountRef, username: &str) -> Result<bool> {
        let found = self.api(&account.namespace).get_opt(&account.name).await?;
        Ok(found.is_some_and(|found| are_alike(&found.spec.username, username)))
    }

    async fn is_namespace_terminating(&self, account: &AccountRef) -> Result<bool> {
        let name = &account.namespace;
        if self.living_namespaces.contains_key(name) {
            return Ok(false);
        }
        let namespace = Api::<Namespace>::all(self.client.clone()).get_opt(name).await?;
        let is_terminating =
            namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some());
        if !is_terminating {
            self.living_namespaces.insert(name.clone(), ()).await;
        }
        Ok(is_terminating)
    }

    async fn add_finalizer(&self, account: &StreamerAccount) -> Result<StreamerAccount> {
        let mut finalizers = account.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        effect("add_finalizer", self.patch_finalizers(account, &finalizers)).await
    }

    async fn remove_finalizer(&self, account: &StreamerAccount) -> Result<()> {
        // Our own status writes may be newer than the cached version.
        let Some(current) = self.current(&account.reference(), account.object_uid()).await? else {
            return Ok(());
        };
        let others: Vec<_> = current.finalizers().iter().filter(|name| *name != FINALIZER).cloned().collect();
        match effect("remove_finalizer", self.patch_finalizers(&current, &others)).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn write_status(
        &self,
        account: &StreamerAccount,
        status: &StreamerAccountStatus,
    ) -> Result<StreamerAccount> {
        let name = account.name_any();
        let patch = StatusPatch {
            types: TypeMeta::resource::<StreamerAccount>(),
            // Preconditions: the write must not hit another object of this name, or a later version of this
            // one.
            metadata: json!({
                "name": name,
                "uid": account.metadata.uid,
                "resourceVersion": account.metadata.resource_version,
            }),
            status,
        };
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let (api, patch) = (self.api(&account.reference().namespace), Patch::Apply(&patch));
        let written = effect("write_status", api.patch_status(&name, &params, &patch)).await;
        written.map(ObservedAccount::into_account)
    }

    async fn secret(&self, account: &StreamerAccount, name: &str) -> Result<Option<Secret>> {
        self.secrets(account).get_opt(name).await
    }

    async fn write_secret(
        &self,
        account: &StreamerAccount,
        found: Option<&Secret>,
        mut secret: Secret,
    ) -> Result<()> {
        let secrets = self.secrets(account);
        let Some(found) = found else {
            let params =
                PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
            return effect("write_secret", secrets.create(&params, &secret)).await.map(|_| ());
        };
        // The type is immutable, and readers of the Secret do not need it.
        secret.type_ = None;
        secret.metadata.uid.clone_from(&found.metadata.uid);
        secret.metadata.resource_version.clone_from(&found.metadata.resource_version);
        // A merge patch replaces the whole list of owners. It may name an earlier object of this name.
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let (name, patch) = (secret.name_any(), Patch::Merge(&secret));
        effect("write_secret", secrets.patch(&name, &params, &patch)).await.map(|_| ())
    }

    async fn publish_event(&self, account: &StreamerAccount, event: &EventDraft) -> Result<()> {
        effect("publish", self.recorder.publish(account, event)).await
    }
}
