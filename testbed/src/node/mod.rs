//! A node on which the pods of an environment run: kubelet, kube-proxy, kube-scheduler, containerd, and runc.
//!
//! A node needs root, and namespaces of its own for its network, its mounts, and its processes: see
//! [`sandbox`].

mod cgroup;
mod containerd;
mod kubernetes;
mod sandbox;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::{Api, Client};

use self::containerd::Containerd;
use crate::control_plane::{ControlPlane, NODE};
use crate::process::Process;
use crate::temp_dir::TempDir;
use crate::tools::NodeTools;
use crate::{Error, kubeconfig};

const READY_TIMEOUT: Duration = Duration::from_mins(2);

/// A running node. Its pods end with its namespaces.
pub struct Node {
    // Dropped in this order: each before what it depends on.
    _proxy: Process,
    _scheduler: Process,
    _kubelet: Process,
    containerd: Containerd,
}

impl Node {
    /// Returns the reason that no node can run on this machine, in one line; None if one can.
    #[must_use]
    pub fn obstacle() -> Option<String> {
        sandbox::obstacle()
    }

    /// Returns true if this process is in the namespaces of a node.
    #[must_use]
    pub fn is_entered() -> bool {
        sandbox::cgroup().is_some()
    }

    /// Runs this program once more, with the same arguments, in the namespaces of a node. Afterwards nothing
    /// is left of them, however the program ended.
    ///
    /// # Errors
    /// If the namespaces cannot be created.
    pub async fn enter() -> Result<ExitCode, Error> {
        sandbox::enter().await
    }

    /// Prepares the namespaces, before anything is started in them.
    pub(crate) fn prepare() -> Result<(), Error> {
        sandbox::prepare()
    }

    /// Starts a node of this control plane and waits until it is ready.
    pub(crate) async fn start(
        temp_dir: &TempDir,
        tools: &NodeTools,
        control_plane: &ControlPlane,
    ) -> Result<Self, Error> {
        let cgroup = sandbox::cgroup().ok_or_else(|| {
            Error::Unexpected("a node runs only in namespaces of its own: call Node::enter first".into())
        })?;
        let containerd = Containerd::start(temp_dir, tools).await?;
        let launcher = kubernetes::Launcher { temp_dir, tools, control_plane, containerd: &containerd };
        let mut kubelet = launcher.kubelet(&cgroup)?;
        let (scheduler, proxy) = (launcher.scheduler()?, launcher.proxy()?);
        let client = kubeconfig::client(control_plane.kubeconfig()).await?;
        kubelet.until("the node is ready", READY_TIMEOUT, || ready(&client)).await?;
        Ok(Self { _proxy: proxy, _scheduler: scheduler, _kubelet: kubelet, containerd })
    }

    /// Imports the images of an archive, as `ctr images import` does.
    ///
    /// # Errors
    /// If containerd refuses the archive.
    pub async fn import(&self, archive: &Path) -> Result<(), Error> {
        self.containerd.import(archive).await
    }
}

async fn ready(client: &Client) -> Result<(), String> {
    let nodes: Api<NodeObject> = Api::all(client.clone());
    let node = nodes.get(NODE).await.map_err(|error| error.to_string())?;
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    let ready = ready.ok_or_else(|| "no condition Ready yet".to_owned())?;
    if ready.status == "True" { Ok(()) } else { Err(ready.message.unwrap_or(ready.status)) }
}
