//! The shared set, a control plane and PostgreSQL: what it gives to those who use it.

mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::Client;
use kube::api::DynamicObject;
use kube::config::Kubeconfig;

use self::start::Description;
use crate::control_plane::ControlPlane;
use crate::helm::Helm;
use crate::operator::Component;
use crate::postgres::{Postgres, Server};
use crate::temp_dir::TempDir;
use crate::tenant::Tenant;
use crate::{Error, apply, kubeconfig};

/// Names the description of a set that somebody else started and holds (`testbed run`).
pub const JOIN: &str = "STREAMCAT_TESTBED";
/// Names the operator's binary.
pub const OPERATOR: &str = "STREAMCAT_OPERATOR";
/// Names a chart to use instead of the one of the workspace.
pub const CHART: &str = "STREAMCAT_CHART";
/// Names a context of the user's own kubeconfig to use instead of a control plane of ours.
pub const CONTEXT: &str = "KUBE_CONTEXT";

/// A control plane and PostgreSQL that many tests may use at the same time. Clones are the same set; it ends with
/// the last of them.
#[derive(Clone)]
pub struct Testbed {
    inner: Arc<Inner>,
    operator: Option<PathBuf>,
}

struct Inner {
    description: Description,
    kubeconfig: Kubeconfig,
    chart: PathBuf,
    // In the order in which they end; the folder goes last.
    control_plane: Option<ControlPlane>,
    postgres: Option<Postgres>,
    temp_dir: TempDir,
}

impl Testbed {
    /// The same set with this binary as the operator.
    #[must_use]
    pub fn with_operator(&self, path: impl Into<PathBuf>) -> Self {
        Self { inner: Arc::clone(&self.inner), operator: Some(path.into()) }
    }

    /// A namespace, a database, a simulator and an installation of its own.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn tenant(&self, label: &str) -> Tenant {
        self.try_tenant(label).await.unwrap_or_else(|error| panic!("no tenant {label:?}: {error:?}"))
    }

    /// As [`Testbed::tenant`], but with the rights of the whole cluster, kept in another namespace than the accounts':
    /// for a test that deletes that namespace. Its controller should be told which namespace to watch.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn tenant_in_own_namespace(&self, label: &str) -> Tenant {
        Tenant::in_own_namespace(self.clone(), label).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// As [`Testbed::tenant`].
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn try_tenant(&self, label: &str) -> Result<Tenant, Error> {
        Tenant::isolated(self.clone(), label).await
    }

    /// A new client of the administrator's. It belongs to the runtime that runs now.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub async fn kube(&self) -> Result<Client, Error> {
        kubeconfig::client(&self.inner.kubeconfig).await
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn database(&self, name: &str) -> Result<String, Error> {
        Server::of(&self.inner.description.postgres).create_database(name).await
    }

    /// Makes a role of a component for a database: one that is a member of the group that the migrations make for it, and
    /// nothing else.
    pub(crate) async fn database_role(&self, database: &str, component: Component) -> Result<String, Error> {
        let component = component.name();
        let (role, group) = (format!("{component}_{database}"), format!("streamcat_{component}"));
        Server::of(&self.inner.description.postgres).create_login_role(database, &role, &group).await
    }

    /// Ends PostgreSQL as a crash does (what was committed stays), and starts it again at the same address.
    ///
    /// # Errors
    /// When it is not ours to end ([`Testbed::join`]), or does not come up again.
    pub async fn restart_postgres(&self) -> Result<(), Error> {
        let postgres = self.inner.postgres.as_ref().ok_or_else(|| Error::not_ours("PostgreSQL"))?;
        postgres.restart().await
    }

    /// Kills kube-apiserver, and starts it again at the same address.
    ///
    /// # Errors
    /// When it is not ours to end ([`Testbed::join`], or a borrowed cluster), or does not come up again.
    pub async fn restart_apiserver(&self) -> Result<(), Error> {
        let control_plane = self.inner.control_plane.as_ref();
        control_plane.ok_or_else(|| Error::not_ours("kube-apiserver"))?.restart_apiserver().await
    }

    /// Applies the custom resource definitions of a YAML text and waits until they are served.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply_crds(&self, yaml: &str) -> Result<(), Error> {
        apply::crds(&self.kube().await?, &apply::parse(yaml)?).await
    }

    /// Applies objects with server-side apply; those that name no namespace go to `namespace`.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply(&self, objects: &[DynamicObject], namespace: &str) -> Result<(), Error> {
        apply::all(&self.kube().await?, objects, namespace).await
    }

    /// Runs Helm and gives what it printed.
    ///
    /// # Errors
    /// When it fails; the message quotes it.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String, Error> {
        self.helm_runner().run(arguments).await
    }

    /// Renders a chart: `helm template` with these arguments.
    ///
    /// # Errors
    /// When it fails; the message quotes it.
    pub async fn helm_template(&self, arguments: &[&str]) -> Result<Vec<DynamicObject>, Error> {
        self.helm_runner().template(arguments).await
    }

    /// The folder of the operator's chart.
    #[must_use]
    pub fn chart(&self) -> &Path {
        &self.inner.chart
    }

    /// The administrator's kubeconfig file.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.inner.description.kubeconfig
    }

    /// kubectl of the control plane's version.
    #[must_use]
    pub fn kubectl_path(&self) -> &Path {
        &self.inner.description.kubectl
    }

    /// Helm.
    #[must_use]
    pub fn helm_path(&self) -> &Path {
        &self.inner.description.helm
    }

    /// Has a file or folder removed when this process ends, even if it is killed.
    ///
    /// # Errors
    /// When the process that cleans up is gone.
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

/// The root of the workspace this was built in.
#[must_use]
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
