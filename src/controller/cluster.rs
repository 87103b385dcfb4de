//! Kubernetes, as the controller needs it.

use std::{fmt, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams, TypeMeta},
    runtime::{
        events::{Event, EventType, Recorder, Reporter},
        reflector::Store,
    },
};
use serde::Serialize;
use serde_json::json;

use crate::{
    api::{AccountRef, FINALIZER, StreamerAccount, StreamerAccountStatus, are_alike},
    failpoint::effect,
};

/// The one name under which we write (server-side apply), and report events.
pub const FIELD_MANAGER: &str = "streamcat-operator";

/// Result of a call to Kubernetes.
pub type Result<T, E = kube::Error> = std::result::Result<T, E>;

/// Something that people should hear of, as an event on the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether something is wrong.
    pub warning: bool,
    /// One word, as in the condition.
    pub reason: String,
    /// What was being done.
    pub action: &'static str,
    /// In a person's words; holds no secret (I9).
    pub note: String,
}

/// Kubernetes, as the controller needs it.
pub trait Cluster: Send + Sync + 'static {
    /// All accounts known, from the cache.
    fn accounts(&self) -> Vec<Arc<StreamerAccount>>;

    /// This very object as it is now; None when it is gone, or another has its name. The cache may be behind.
    fn current(
        &self,
        account: &StreamerAccount,
    ) -> impl Future<Output = Result<Option<StreamerAccount>>> + Send;

    /// Whether an account of this name is there now and wants this username, or one that looks like it.
    fn claims(&self, account: &AccountRef, username: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Whether the account's namespace is being deleted, or gone: asked of the API server, no cache.
    fn is_namespace_ending(&self, account: &StreamerAccount) -> impl Future<Output = Result<bool>> + Send;

    /// Adds our finalizer; fails with a conflict when the account has changed since it was read.
    fn add_finalizer(
        &self,
        account: &StreamerAccount,
    ) -> impl Future<Output = Result<StreamerAccount>> + Send;

    /// Removes our finalizer from this very object; one that is gone has none.
    fn remove_finalizer(&self, account: &StreamerAccount) -> impl Future<Output = Result<()>> + Send;

    /// Writes the status of this very version of this very object; fails with a conflict when it has changed since it
    /// was read.
    fn write_status(
        &self,
        account: &StreamerAccount,
        status: &StreamerAccountStatus,
    ) -> impl Future<Output = Result<StreamerAccount>> + Send;

    /// A Secret in the account's namespace.
    fn secret(
        &self,
        account: &StreamerAccount,
        name: &str,
    ) -> impl Future<Output = Result<Option<Secret>>> + Send;

    /// Writes a Secret in the place of the one that was found, if one was; fails with a conflict when there is another
    /// by now.
    fn write_secret(
        &self,
        account: &StreamerAccount,
        found: Option<&Secret>,
        secret: Secret,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Publishes an event about the account.
    fn publish(&self, account: &StreamerAccount, notice: &Notice) -> impl Future<Output = Result<()>> + Send;
}

/// A real cluster.
#[derive(Clone)]
pub struct Kube {
    client: Client,
    cache: Store<StreamerAccount>,
    recorder: Recorder,
}

impl fmt::Debug for Kube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kube").finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize)]
struct StatusPatch<'a> {
    #[serde(flatten)]
    types: TypeMeta,
    metadata: serde_json::Value,
    status: &'a StreamerAccountStatus,
}

impl Kube {
    /// A cluster behind this client, whose accounts are in this cache. `pod`: who reports events.
    #[must_use]
    pub fn new(client: Client, cache: Store<StreamerAccount>, pod: Option<String>) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.into(), instance: pod };
        let recorder = Recorder::new(client.clone(), reporter);
        Self { client, cache, recorder }
    }

    fn api(&self, account: &StreamerAccount) -> Api<StreamerAccount> {
        Api::namespaced(self.client.clone(), &account.namespace().unwrap_or_default())
    }

    fn secrets(&self, account: &StreamerAccount) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &account.namespace().unwrap_or_default())
    }

    /// Replaces the finalizers of this very version of this very object.
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
        self.api(account).patch(&account.name_any(), &params, &Patch::Merge(patch)).await
    }
}

impl Cluster for Kube {
    fn accounts(&self) -> Vec<Arc<StreamerAccount>> {
        self.cache.state()
    }

    async fn current(&self, account: &StreamerAccount) -> Result<Option<StreamerAccount>> {
        let found = self.api(account).get_opt(&account.name_any()).await?;
        Ok(found.filter(|found| found.metadata.uid == account.metadata.uid))
    }

    async fn claims(&self, account: &AccountRef, username: &str) -> Result<bool> {
        let api = Api::<StreamerAccount>::namespaced(self.client.clone(), &account.namespace);
        let found = api.get_opt(&account.name).await?;
        Ok(found.is_some_and(|found| are_alike(&found.spec.username, username)))
    }

    async fn is_namespace_ending(&self, account: &StreamerAccount) -> Result<bool> {
        let name = account.namespace().unwrap_or_default();
        let namespace = Api::<Namespace>::all(self.client.clone()).get_opt(&name).await?;
        Ok(namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
    }

    async fn add_finalizer(&self, account: &StreamerAccount) -> Result<StreamerAccount> {
        let mut finalizers = account.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        effect("add_finalizer", self.patch_finalizers(account, &finalizers)).await
    }

    async fn remove_finalizer(&self, account: &StreamerAccount) -> Result<()> {
        // Our own status writes may have moved the version since the cache saw it.
        let Some(current) = self.current(account).await? else { return Ok(()) };
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
            // Preconditions: neither another object of the same name is hit, nor a later version of this one.
            metadata: json!({
                "name": name,
                "uid": account.metadata.uid,
                "resourceVersion": account.metadata.resource_version,
            }),
            status,
        };
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let (api, patch) = (self.api(account), Patch::Apply(&patch));
        effect("write_status", api.patch_status(&name, &params, &patch)).await
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
        // It cannot be changed, and whoever reads the Secret does not need it.
        secret.type_ = None;
        secret.metadata.uid.clone_from(&found.metadata.uid);
        secret.metadata.resource_version.clone_from(&found.metadata.resource_version);
        // A merge replaces the owner as a whole: the one before may have been an earlier object of this name.
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let (name, patch) = (secret.name_any(), Patch::Merge(&secret));
        effect("write_secret", secrets.patch(&name, &params, &patch)).await.map(|_| ())
    }

    async fn publish(&self, account: &StreamerAccount, notice: &Notice) -> Result<()> {
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: notice.reason.clone(),
            note: Some(notice.note.chars().take(1000).collect()),
            action: notice.action.to_owned(),
            secondary: None,
        };
        effect("publish", self.recorder.publish(&event, &account.object_ref(&()))).await
    }
}
