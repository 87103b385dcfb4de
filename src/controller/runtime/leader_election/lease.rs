//! The Lease object, and the calls that read and write it.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Result, api::PostParams};

use crate::controller::kubernetes::FIELD_MANAGER;

/// The calls that read and write the Lease.
pub(in crate::controller) trait LeaseApi {
    /// Returns the Lease; None if there is none yet.
    async fn get(&self) -> Result<Option<Lease>>;

    /// Creates the Lease, or replaces the version that was read. Returns None on a conflict.
    async fn write(&self, lease: &Lease) -> Result<Option<Lease>>;
}

/// A Lease in a cluster.
#[derive(Debug)]
pub(in crate::controller) struct KubernetesLease {
    api: Api<Lease>,
    name: String,
}

impl KubernetesLease {
    /// Returns the Lease of this name and namespace.
    pub fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned() }
    }
}

impl LeaseApi for KubernetesLease {
    async fn get(&self) -> Result<Option<Lease>> {
        self.api.get_opt(&self.name).await
    }

    async fn write(&self, lease: &Lease) -> Result<Option<Lease>> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let mut lease = lease.clone();
        lease.metadata.name = Some(self.name.clone());
        let written = if lease.metadata.resource_version.is_some() {
            self.api.replace(&self.name, &params, &lease).await
        } else {
            self.api.create(&params, &lease).await
        };
        match written {
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(None),
            written => written.map(Some),
        }
    }
}
