//! One installation of the operator in a set: permissions, tokens, a database, an AWS of its own.

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

/// The region everything is said to be in.
pub const REGION: &str = "us-west-2";

/// What a command printed.
#[derive(Debug)]
pub struct Output {
    /// Whether it ended well.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// An installation of the operator with everything it talks to, apart from all others in the same set.
pub struct Tenant {
    pub(crate) testbed: Testbed,
    pub(crate) release: Release,
    pub(crate) client: Client,
    pub(crate) permissions: Vec<DynamicObject>,
    pub(crate) created_namespaces: Vec<String>,
    pub(crate) database_url: String,
    /// By the component's name; empty before the database has its schema.
    pub(crate) component_urls: BTreeMap<&'static str, String>,
    pub(crate) pool: PgPool,
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) started: AtomicUsize,
}

impl Tenant {
    /// One that sees a namespace of its own and nothing else.
    pub(crate) async fn isolated(testbed: Testbed, label: &str) -> Result<Self, Error> {
        Self::install(testbed, isolated(label)).await
    }

    /// Another installation in the same set and in the same AWS account, isolated from this one in all else.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn try_peer(&self, label: &str) -> Result<Self, Error> {
        Self::install_in(self.testbed.clone(), isolated(label), Arc::clone(&self.simulator)).await
    }

    /// One whose rights are the cluster's and whose own objects live apart from its accounts, so that the accounts'
    /// namespace can be deleted under it.
    pub(crate) async fn in_own_namespace(testbed: Testbed, label: &str) -> Result<Self, Error> {
        let name = text::unique(label);
        let release = Release {
            namespace: format!("{name}-system"),
            watch_namespace: None,
            accounts_namespace: name.clone(),
            installation_id: Some(name.clone()),
            name,
        };
        Self::install(testbed, release).await
    }

    /// One that sees all namespaces, as most people install it: accounts of registration go to `default`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn whole_cluster(testbed: Testbed) -> Result<Self, Error> {
        Self::install(testbed, Release::cluster_wide()).await
    }

    /// The administrator's client.
    #[must_use]
    pub fn kube(&self) -> Client {
        self.client.clone()
    }

    /// Where its accounts live.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.release.accounts_namespace
    }

    /// The URL of its database as the owner of the tables, with the password.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The URL with which the controller signs in to the database.
    #[must_use]
    pub fn controller_database_url(&self) -> &str {
        self.component_url(Component::Controller)
    }

    /// The URL with which the registration signs in to the database.
    #[must_use]
    pub fn registration_database_url(&self) -> &str {
        self.component_url(Component::Registration)
    }

    fn component_url(&self, component: Component) -> &str {
        self.component_urls.get(component.name()).unwrap_or(&self.database_url)
    }

    /// Connections to its database.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.pool.clone()
    }

    /// Its AWS.
    #[must_use]
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// The id of the installation, unless the operator is left to take the cluster's.
    #[must_use]
    pub fn installation(&self) -> Option<&str> {
        self.release.installation_id.as_deref()
    }

    /// The set it is part of.
    #[must_use]
    pub fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// The administrator's kubeconfig file, with its namespace.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_path("admin")
    }

    /// The kubeconfig file of the controller's service account.
    #[must_use]
    pub fn controller_kubeconfig(&self) -> PathBuf {
        self.kubeconfig_path(Component::Controller.name())
    }

    /// The kubeconfig file of the registration's service account.
    #[must_use]
    pub fn registration_kubeconfig(&self) -> PathBuf {
        self.kubeconfig_path(Component::Registration.name())
    }

    pub(crate) fn kubeconfig_path(&self, whose: &str) -> PathBuf {
        self.testbed.temp_dir().path().join(format!("{}.{whose}.kubeconfig", self.release.name))
    }

    /// A controller of this installation, as the chart's service account.
    ///
    /// # Panics
    /// When there is no operator binary.
    #[must_use]
    pub fn controller(&self) -> OperatorBuilder {
        self.operator(Component::Controller).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// A registration server of this installation, as the chart's service account.
    ///
    /// # Panics
    /// When there is no operator binary.
    #[must_use]
    pub fn registration(&self) -> OperatorBuilder {
        self.operator(Component::Registration).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Runs kubectl as administrator in its namespace.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn kubectl(&self, arguments: &[&str]) -> Output {
        self.try_kubectl(arguments).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// As [`Tenant::kubectl`].
    ///
    /// # Errors
    /// When kubectl cannot be started.
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

    /// All that a process of the operator sees: nothing of the user's own AWS or Kubernetes settings.
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
            ("STREAMCAT_ADMIN_LISTEN", "127.0.0.1:0".into()),
            ("STREAMCAT_LOG_FORMAT", "json".into()),
            ("HOME", home),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let namespace = match component {
            Component::Controller => self.release.watch_namespace.clone(),
            Component::Registration => Some(self.release.accounts_namespace.clone()),
        };
        env.extend(namespace.map(|namespace| ("STREAMCAT_NAMESPACE".to_owned(), namespace)));
        env.extend(
            self.release.installation_id.clone().map(|id| ("STREAMCAT_INSTALLATION_ID".to_owned(), id)),
        );
        match component {
            Component::Controller => env.extend(self.lease()),
            Component::Registration => drop(env.insert("STREAMCAT_LISTEN".into(), "127.0.0.1:0".into())),
        }
        let wanted = ["PATH", "RUST_LOG", "RUST_BACKTRACE"];
        env.extend(wanted.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))));
        env
    }

    /// The Lease that the controller's rights are for: the chart gives it the name of the service account.
    fn lease(&self) -> Option<(String, String)> {
        let name = helm::service_account(&self.permissions, Component::Controller.name()).ok()?;
        Some(("STREAMCAT_LEADER_ELECTION_NAME".into(), name))
    }
}

fn isolated(label: &str) -> Release {
    let name = text::unique(label);
    Release {
        name: name.clone(),
        namespace: name.clone(),
        watch_namespace: Some(name.clone()),
        accounts_namespace: name.clone(),
        installation_id: Some(name),
    }
}
