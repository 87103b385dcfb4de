//! One installation of the operator in an environment, with its own permissions, tokens, database, and AWS
//! account.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ivs_simulator::Simulator;
use kube::Client;
use kube::api::DynamicObject;
use sqlx::PgPool;
use tokio::process::Command;

use crate::environment::Testbed;
use crate::helm::{self, Release};
use crate::operator::{Component, OperatorBuilder};
use crate::{Error, text};

/// The AWS region.
pub const REGION: &str = "us-west-2";

/// Output of a command.
#[derive(Debug)]
pub struct Output {
    /// True if the command succeeded.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// An installation of the operator with everything it talks to, isolated from the others in the environment.
pub struct Tenant {
    pub(crate) testbed: Testbed,
    pub(crate) release: Release,
    pub(crate) client: Client,
    pub(crate) permissions: Vec<DynamicObject>,
    pub(crate) created_namespaces: Vec<String>,
    pub(crate) database_url: String,
    /// Database URLs by component name; empty before the migrations have run.
    pub(crate) component_urls: BTreeMap<&'static str, String>,
    pub(crate) pool: PgPool,
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) started: AtomicUsize,
}

impl Testbed {
    /// Creates a tenant: a namespace, a database, a simulator, and an installation of its own.
    ///
    /// # Panics
    /// If the tenant cannot be created.
    pub async fn tenant(&self, label: &str) -> Tenant {
        self.try_tenant(label).await.unwrap_or_else(|error| panic!("no tenant {label:?}: {error:?}"))
    }

    /// Creates a tenant with cluster-wide permissions whose own objects are not in the namespace of its
    /// accounts, so that a test can delete that namespace. Set the namespace that its controller watches.
    ///
    /// # Panics
    /// If the tenant cannot be created.
    pub async fn tenant_in_own_namespace(&self, label: &str) -> Tenant {
        Tenant::in_own_namespace(self.clone(), label).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Creates a tenant, as [`Testbed::tenant`] does.
    ///
    /// # Errors
    /// If the tenant cannot be created.
    pub async fn try_tenant(&self, label: &str) -> Result<Tenant, Error> {
        Tenant::isolated(self.clone(), label).await
    }
}

impl Tenant {
    /// Creates a tenant that has access to its own namespace only.
    async fn isolated(testbed: Testbed, label: &str) -> Result<Self, Error> {
        Self::install(testbed, isolated(label)).await
    }

    /// Creates another installation in the same environment and AWS account, isolated from this one
    /// otherwise.
    ///
    /// # Errors
    /// If it cannot be created.
    pub async fn try_peer(&self, label: &str) -> Result<Self, Error> {
        Self::install_in(self.testbed.clone(), isolated(label), Arc::clone(&self.simulator)).await
    }

    /// Creates a tenant with cluster-wide permissions whose own objects are not in the namespace of its
    /// accounts, so that the accounts' namespace can be deleted.
    async fn in_own_namespace(testbed: Testbed, label: &str) -> Result<Self, Error> {
        let name = text::unique(label);
        let release = Release {
            operator_namespace: format!("{name}-system"),
            watch_namespace: None,
            accounts_namespace: name.clone(),
            installation_id: Some(name.clone()),
            name,
        };
        Self::install(testbed, release).await
    }

    /// Creates a tenant that watches all namespaces, the chart's default. Its registration page creates
    /// accounts in `default`.
    ///
    /// # Errors
    /// If it cannot be created.
    pub async fn whole_cluster(testbed: Testbed) -> Result<Self, Error> {
        Self::install(testbed, Release::cluster_wide()).await
    }

    /// Client with administrator permissions.
    #[must_use]
    pub fn kube(&self) -> Client {
        self.client.clone()
    }

    /// Namespace of its accounts.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.release.accounts_namespace
    }

    /// URL of its database as the owner of the tables, with the password.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// URL of its database for the controller's role.
    #[must_use]
    pub fn controller_database_url(&self) -> &str {
        self.component_url(Component::Controller)
    }

    /// URL of its database for the registration page's role.
    #[must_use]
    pub fn registration_database_url(&self) -> &str {
        self.component_url(Component::Registration)
    }

    fn component_url(&self, component: Component) -> &str {
        self.component_urls.get(component.name()).unwrap_or(&self.database_url)
    }

    /// Connection pool of its database.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.pool.clone()
    }

    /// Its simulated AWS account.
    #[must_use]
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// Installation ID; None if the operator uses the cluster's.
    #[must_use]
    pub fn installation(&self) -> Option<&str> {
        self.release.installation_id.as_deref()
    }

    /// The environment that it is part of.
    #[must_use]
    pub fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// Path of the administrator's kubeconfig with this tenant's namespace.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_path("admin")
    }

    /// Path of the kubeconfig of the controller's service account.
    #[must_use]
    pub fn controller_kubeconfig(&self) -> PathBuf {
        self.kubeconfig_path(Component::Controller.name())
    }

    /// Path of the kubeconfig of the registration page's service account.
    #[must_use]
    pub fn registration_kubeconfig(&self) -> PathBuf {
        self.kubeconfig_path(Component::Registration.name())
    }

    pub(crate) fn kubeconfig_path(&self, whose: &str) -> PathBuf {
        self.testbed.temp_dir().path().join(format!("{}.{whose}.kubeconfig", self.release.name))
    }

    /// Prepares a controller of this installation, with the token of the chart's service account.
    ///
    /// # Panics
    /// If there is no operator binary.
    #[must_use]
    pub fn controller(&self) -> OperatorBuilder {
        self.operator(Component::Controller).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Prepares a registration server of this installation, with the token of the chart's service account.
    ///
    /// # Panics
    /// If there is no operator binary.
    #[must_use]
    pub fn registration(&self) -> OperatorBuilder {
        self.operator(Component::Registration).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Runs kubectl as administrator in its namespace.
    ///
    /// # Panics
    /// If kubectl cannot be started.
    pub async fn kubectl(&self, arguments: &[&str]) -> Output {
        self.try_kubectl(arguments).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Runs kubectl, as [`Tenant::kubectl`] does.
    ///
    /// # Errors
    /// If kubectl cannot be started.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Result<Output, Error> {
        let kubectl = self.testbed.kubectl_path();
        let output = Command::new(kubectl)
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", self.testbed.temp_dir().path().join("kubectl"))
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io(format!("run {}", kubectl.display())))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Output {
            success: output.status.success(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        })
    }

    pub(crate) fn operator(&self, component: Component) -> Result<OperatorBuilder, Error> {
        let program = self.testbed.operator()?.to_owned();
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = format!("{}.{}.{number}.log", self.release.name, component.name());
        let log = self.testbed.temp_dir().path().join(log);
        Ok(OperatorBuilder::new(component, program, log, self.env(component)))
    }

    /// Environment variables of an operator process, with none of the user's own AWS or Kubernetes settings.
    fn env(&self, component: Component) -> BTreeMap<String, String> {
        let home = self.testbed.temp_dir().path().display().to_string();
        let mut env: BTreeMap<String, String> = [
            ("DATABASE_URL", self.component_url(component).to_owned()),
            ("AWS_REGION", REGION.into()),
            ("AWS_ENDPOINT_URL", self.simulator.url()),
            ("AWS_ACCESS_KEY_ID", "testbed".into()),
            ("AWS_SECRET_ACCESS_KEY", "testbed".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("KUBECONFIG", self.kubeconfig_path(component.name()).display().to_string()),
            ("STREAMCAT_ADMIN_BIND_ADDRESS", "127.0.0.1:0".into()),
            ("STREAMCAT_LOG_FORMAT", "json".into()),
            // A year, so that no account is read while a test or a benchmark counts calls.
            ("STREAMCAT_VERIFICATION_INTERVAL", "8760h".into()),
            ("HOME", home),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let namespace = match component {
            Component::Controller => self
                .release
                .watch_namespace
                .clone()
                .map(|watched| ("STREAMCAT_WATCH_NAMESPACE".to_owned(), watched)),
            Component::Registration => {
                Some(("STREAMCAT_NAMESPACE".to_owned(), self.release.accounts_namespace.clone()))
            }
        };
        env.extend(namespace);
        env.extend(
            self.release.installation_id.clone().map(|id| ("STREAMCAT_INSTALLATION_ID".to_owned(), id)),
        );
        match component {
            Component::Controller => {
                env.extend(self.lease());
                env.extend(self.testbed.controller_env().clone());
            }
            Component::Registration => {
                env.insert("STREAMCAT_BIND_ADDRESS".into(), "127.0.0.1:0".into());
                // No load balancer is in front.
                env.insert("STREAMCAT_SHUTDOWN_DELAY".into(), "0s".into());
            }
        }
        let wanted = ["PATH", "RUST_LOG", "RUST_BACKTRACE"];
        env.extend(wanted.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))));
        env
    }

    /// Name of the Lease that the controller may use: the chart names it after the service account.
    fn lease(&self) -> Option<(String, String)> {
        let name = helm::service_account(&self.permissions, Component::Controller.name()).ok()?;
        Some(("STREAMCAT_LEADER_ELECTION_NAME".into(), name))
    }
}

fn isolated(label: &str) -> Release {
    let name = text::unique(label);
    Release {
        name: name.clone(),
        operator_namespace: name.clone(),
        watch_namespace: Some(name.clone()),
        accounts_namespace: name.clone(),
        installation_id: Some(name),
    }
}
