//! Starting an environment, or joining one that another process started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::try_join;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::{CHART, CONTEXT, Inner, JOIN, OPERATOR, Testbed, workspace};
use crate::cluster::{self, Cluster};
use crate::control_plane::ControlPlane;
use crate::network::Network;
use crate::node::Node;
use crate::postgres::Postgres;
use crate::temp_dir::TempDir;
use crate::tools::NodeTools;
use crate::{Error, kubeconfig};

/// Description of a running environment, which another process needs to join it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) kubeconfig: PathBuf,
    pub(super) kubectl: PathBuf,
    pub(super) helm: PathBuf,
    pub(super) postgres: String,
    /// URL of etcd; None if the control plane is borrowed.
    pub(super) etcd: Option<String>,
}

impl Testbed {
    /// Starts a new environment.
    ///
    /// # Errors
    /// If a program is missing or does not start; the message says what to do and quotes the log.
    pub async fn start() -> Result<Self, Error> {
        let (temp_dir, chart) = (TempDir::create()?, chart());
        let postgres = Postgres::start(&temp_dir, Network::Loopback);
        let (cluster, postgres) = match std::env::var(CONTEXT).ok().filter(|name| !name.is_empty()) {
            Some(name) => try_join!(cluster::borrow(&name, &temp_dir, &chart), postgres)?,
            None => try_join!(cluster::build(&temp_dir, &chart), postgres)?,
        };
        Self::started(temp_dir, cluster, None, postgres)
    }

    /// Starts a new environment with a node on which pods run. This process must be in the namespaces of a
    /// node ([`Node::enter`]).
    ///
    /// # Errors
    /// If a program is missing or does not start; the message says what to do and quotes the log.
    pub async fn start_with_node() -> Result<Self, Error> {
        Node::prepare()?;
        let temp_dir = TempDir::create()?;
        let tools = NodeTools::find_or_build().await?;
        let (cluster, postgres) =
            try_join!(cluster::build_for_node(&temp_dir), Postgres::start(&temp_dir, Network::Node))?;
        let control_plane = cluster.control_plane.as_ref();
        let control_plane = control_plane.ok_or_else(|| Error::not_ours("the control plane"))?;
        let node = Node::start(&temp_dir, &tools, control_plane).await?;
        Self::started(temp_dir, cluster, Some(node), postgres)
    }

    fn started(
        temp_dir: TempDir,
        cluster: Cluster,
        node: Option<Node>,
        postgres: Postgres,
    ) -> Result<Self, Error> {
        let path = temp_dir.path().join("admin.kubeconfig");
        kubeconfig::write(&cluster.kubeconfig, &path)?;
        let description = Description {
            kubeconfig: path,
            kubectl: cluster.kubectl,
            helm: cluster.helm,
            postgres: postgres.server().base().to_owned(),
            etcd: cluster.control_plane.as_ref().map(ControlPlane::etcd_url),
        };
        Ok(Self::of(Inner {
            description,
            kubeconfig: cluster.kubeconfig,
            chart: chart(),
            node,
            control_plane: cluster.control_plane,
            postgres: Some(postgres),
            temp_dir,
        }))
    }

    /// Joins the environment described in a file that [`Testbed::describe`] wrote.
    ///
    /// # Errors
    /// If the description cannot be read.
    pub fn join(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(Error::io(format!("read {} ({JOIN})", path.display())))?;
        let description: Description = serde_json::from_slice(&text).map_err(|e| {
            Error::Unexpected(format!("{} is not a description of a testbed: {e}", path.display()))
        })?;
        let kubeconfig = kubeconfig::read(&description.kubeconfig)?;
        let temp_dir = TempDir::create()?;
        Ok(Self::of(Inner {
            description,
            kubeconfig,
            chart: chart(),
            node: None,
            control_plane: None,
            postgres: None,
            temp_dir,
        }))
    }

    fn of(inner: Inner) -> Self {
        let operator = std::env::var_os(OPERATOR).map(PathBuf::from);
        Self { inner: Arc::new(inner), operator, controller_env: BTreeMap::new() }
    }

    /// Returns the environment that all tests of this process share: that of `testbed run`, or else a new one
    /// that ends with this process.
    ///
    /// # Panics
    /// If it cannot be started or joined; the message says what to do.
    pub async fn shared() -> &'static Self {
        Self::try_shared().await.unwrap_or_else(|error| panic!("no testbed: {error:?}"))
    }

    /// Returns the shared environment, as [`Testbed::shared`] does.
    ///
    /// # Errors
    /// See [`Testbed::start`] and [`Testbed::join`].
    pub async fn try_shared() -> Result<&'static Self, Error> {
        // Nothing in it is bound to a runtime: each test has its own, which can end before the next one
        // starts.
        static SHARED: OnceCell<Testbed> = OnceCell::const_new();
        SHARED
            .get_or_try_init(|| async {
                match std::env::var_os(JOIN) {
                    Some(path) => Self::join(Path::new(&path)),
                    None => Self::start().await,
                }
            })
            .await
    }

    /// Writes the description that another process needs to join this environment, and returns its path.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn describe(&self) -> Result<PathBuf, Error> {
        let text = serde_json::to_vec_pretty(&self.inner.description)
            .map_err(|e| Error::Unexpected(e.to_string()))?;
        self.inner.temp_dir.write("testbed.json", text)
    }
}

fn chart() -> PathBuf {
    std::env::var_os(CHART).map_or_else(|| workspace().join("charts/streamcat-operator"), PathBuf::from)
}
