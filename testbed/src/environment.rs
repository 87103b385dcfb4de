//! The test environment: a control plane and PostgreSQL, shared by many tests.

mod start;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use kube::Client;
use kube::api::DynamicObject;
use kube::config::Kubeconfig;

use self::start::Description;
use crate::control_plane::ControlPlane;
use crate::helm::Helm;
use crate::network::Network;
use crate::node::Node;
use crate::operator::Component;
use crate::postgres::{Postgres, Server};
use crate::temp_dir::TempDir;
use crate::{Error, apply, http, kubeconfig};

/// Environment variable with the path of the description of a running environment (`testbed run` sets it).
pub const JOIN: &str = "STREAMCAT_TESTBED";
/// Environment variable with the path of the operator's binary.
pub const OPERATOR: &str = "STREAMCAT_OPERATOR";
/// Environment variable with the path of a chart to use instead of the workspace's.
pub const CHART: &str = "STREAMCAT_CHART";
/// Environment variable with a context of the user's own kubeconfig to use instead of starting a control
/// plane.
pub const CONTEXT: &str = "KUBE_CONTEXT";

/// A control plane and PostgreSQL that many tests can use at the same time. Clones share one environment,
/// which ends when the last clone is dropped.
#[derive(Clone)]
pub struct Testbed {
    inner: Arc<Inner>,
    operator: Option<PathBuf>,
    controller_env: BTreeMap<String, String>,
}

struct Inner {
    description: Description,
    kubeconfig: Kubeconfig,
    chart: PathBuf,
    // Dropped in this order; the directory is removed last.
    node: Option<Node>,
    control_plane: Option<ControlPlane>,
    postgres: Option<Postgres>,
    temp_dir: TempDir,
}

impl Testbed {
    /// Returns the same environment with this binary as the operator.
    #[must_use]
    pub fn with_operator(&self, path: impl Into<PathBuf>) -> Self {
        Self { operator: Some(path.into()), ..self.clone() }
    }

    /// Returns the same environment with this environment variable set for the controllers of all tenants.
    #[must_use]
    pub fn with_controller_env(mut self, name: &str, value: &str) -> Self {
        self.controller_env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns a new client with administrator permissions. It is bound to the current runtime.
    ///
    /// # Errors
    /// If the kubeconfig cannot be used.
    pub async fn kube(&self) -> Result<Client, Error> {
        kubeconfig::client(&self.inner.kubeconfig).await
    }

    /// Returns the URL of etcd, through which objects can be stored as the API server stores them.
    ///
    /// # Errors
    /// If the control plane is borrowed.
    pub fn etcd_url(&self) -> Result<String, Error> {
        self.inner.description.etcd.clone().ok_or_else(|| Error::not_ours("etcd"))
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Errors
    /// If PostgreSQL refuses.
    pub async fn database(&self, name: &str) -> Result<String, Error> {
        Server::of(&self.inner.description.postgres).create_database(name).await
    }

    /// Creates a role for a component and a database. Its only permissions are those of the group that the
    /// migrations create for the component.
    pub(crate) async fn database_role(&self, database: &str, component: Component) -> Result<String, Error> {
        let component = component.name();
        let (role, group) = (format!("{component}_{database}"), format!("streamcat_{component}"));
        Server::of(&self.inner.description.postgres).create_login_role(database, &role, &group).await
    }

    /// Crashes PostgreSQL (committed data stays) and starts it again at the same address.
    ///
    /// # Errors
    /// If another process owns it ([`Testbed::join`]), or if it does not start again.
    pub async fn restart_postgres(&self) -> Result<(), Error> {
        let postgres = self.inner.postgres.as_ref().ok_or_else(|| Error::not_ours("PostgreSQL"))?;
        postgres.restart().await
    }

    /// Kills kube-apiserver and starts it again at the same address.
    ///
    /// # Errors
    /// If another process owns it ([`Testbed::join`], or a borrowed cluster), or if it does not start again.
    pub async fn restart_apiserver(&self) -> Result<(), Error> {
        let control_plane = self.inner.control_plane.as_ref();
        control_plane.ok_or_else(|| Error::not_ours("kube-apiserver"))?.restart_apiserver().await
    }

    /// Removes an object from etcd, whatever its finalizers are. A watch shows what it shows when the API server
    /// deletes an object while its first finalizer is added. `resource`: group and plural name.
    ///
    /// # Errors
    /// If etcd refuses, or if the control plane is borrowed.
    pub async fn remove_from_etcd(&self, resource: &str, namespace: &str, name: &str) -> Result<(), Error> {
        let etcd = self.etcd_url()?;
        let key = BASE64.encode(format!("/registry/{resource}/{namespace}/{name}"));
        let url = format!("{etcd}/v3/kv/deleterange");
        let removed = http::post_json(&url, &serde_json::json!({ "key": key })).await?;
        let response = removed.json()?;
        if response["deleted"] == "1" { Ok(()) } else { Err(Error::Unexpected(removed.body)) }
    }

    /// Applies the CustomResourceDefinitions in a YAML text and waits until they are served.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn apply_crds(&self, yaml: &str) -> Result<(), Error> {
        apply::crds(&self.kube().await?, &apply::parse(yaml)?).await
    }

    /// Applies objects with server-side apply. Objects without a namespace go to `namespace`.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn apply(&self, objects: &[DynamicObject], namespace: &str) -> Result<(), Error> {
        apply::all(&self.kube().await?, objects, namespace).await
    }

    /// Address on which the environment's servers listen, and on which those of a test may listen.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.network().address()
    }

    fn network(&self) -> Network {
        if self.inner.node.is_some() { Network::Node } else { Network::Loopback }
    }

    /// Directory for files of a test, which is removed with the environment.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.inner.temp_dir.path()
    }

    /// Runs Helm and returns its output.
    ///
    /// # Errors
    /// If Helm fails; the message quotes its output.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String, Error> {
        self.helm_runner().run(arguments).await
    }

    /// Renders a chart: `helm template` with these arguments.
    ///
    /// # Errors
    /// If Helm fails; the message quotes its output.
    pub async fn helm_template(&self, arguments: &[&str]) -> Result<Vec<DynamicObject>, Error> {
        self.helm_runner().template(arguments).await
    }

    /// Its node.
    ///
    /// # Errors
    /// If it has none.
    pub fn node(&self) -> Result<&Node, Error> {
        let none = || Error::Unexpected("this environment has no node: call Testbed::start_with_node".into());
        self.inner.node.as_ref().ok_or_else(none)
    }

    /// Path of the operator's chart.
    #[must_use]
    pub fn chart(&self) -> &Path {
        &self.inner.chart
    }

    /// Path of the administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.inner.description.kubeconfig
    }

    /// Path of kubectl, in the control plane's version.
    #[must_use]
    pub fn kubectl_path(&self) -> &Path {
        &self.inner.description.kubectl
    }

    /// Path of Helm.
    #[must_use]
    pub fn helm_path(&self) -> &Path {
        &self.inner.description.helm
    }

    /// Registers a file or directory for removal when this process ends, even if it is killed.
    ///
    /// # Errors
    /// If the cleanup process has ended.
    pub fn remove_on_exit(&self, path: &Path) -> Result<(), Error> {
        self.inner.temp_dir.register(path)
    }

    pub(crate) fn helm_runner(&self) -> Helm {
        Helm { program: self.inner.description.helm.clone(), home: self.inner.temp_dir.path().join("helm") }
    }

    pub(crate) fn temp_dir(&self) -> &TempDir {
        &self.inner.temp_dir
    }

    pub(crate) fn admin(&self) -> &Kubeconfig {
        &self.inner.kubeconfig
    }

    pub(crate) fn controller_env(&self) -> &BTreeMap<String, String> {
        &self.controller_env
    }

    pub(crate) fn operator(&self) -> Result<&Path, Error> {
        let path = self.operator.as_deref().ok_or_else(|| {
            Error::missing("the operator's binary", &format!("call with_operator(path), or set {OPERATOR}"))
        })?;
        if path.is_file() {
            return Ok(path);
        }
        Err(Error::missing(&path.display().to_string(), "build it: cargo build --bin streamcat-operator"))
    }
}

/// Root of the workspace that this crate was built in.
#[must_use]
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
