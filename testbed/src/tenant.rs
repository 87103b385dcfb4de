//! One installation of the operator in a set: rights, tokens, a database, an AWS of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use ivs_simulator::Simulator;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{DynamicObject, ObjectMeta, PostParams};
use kube::{Api, Client};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::process::Command;

use crate::helm::{self, Release};
use crate::operator::{Component, OperatorBuilder};
use crate::set::Testbed;
use crate::{Error, apply, kubeconfig, text};

/// The region everything is said to be in.
pub const REGION: &str = "us-west-2";
const TOKEN_SECONDS: i64 = 30 * 24 * 3600;

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
    testbed: Testbed,
    release: Release,
    installation: Option<String>,
    client: Client,
    rights: Vec<DynamicObject>,
    made: Vec<String>,
    database_url: String,
    pool: PgPool,
    simulator: Simulator,
    started: AtomicUsize,
}

impl Tenant {
    /// One that sees a namespace of its own and nothing else.
    pub(crate) async fn isolated(testbed: Testbed, label: &str) -> Result<Self, Error> {
        let name = text::unique(label);
        let release = Release {
            name: name.clone(),
            namespace: name.clone(),
            watched: Some(name.clone()),
            accounts: name.clone(),
        };
        Self::install(testbed, release, Some(name)).await
    }

    /// One that sees all namespaces, as most people install it: accounts of registration go to `default`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn whole_cluster(testbed: Testbed) -> Result<Self, Error> {
        let release = Release {
            name: "streamcat-operator".into(),
            namespace: "streamcat-system".into(),
            watched: None,
            accounts: "default".into(),
        };
        Self::install(testbed, release, None).await
    }

    async fn install(
        testbed: Testbed,
        release: Release,
        installation: Option<String>,
    ) -> Result<Self, Error> {
        let client = testbed.kube().await?;
        let made = namespaces(&client, [&release.namespace, &release.accounts]).await?;
        let rendered = release.render(&testbed.helm_program(), testbed.chart()).await?;
        apply::crds(&client, &rendered).await?;
        let rights = helm::rights(rendered);
        apply::all(&client, &rights, &release.namespace).await?;
        let database_url = testbed.database(&release.name.replace('-', "_")).await?;
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy(&database_url);
        let tenant = Self {
            pool: pool.map_err(Error::sql("make a pool of connections"))?,
            simulator: simulator().await?,
            started: AtomicUsize::new(0),
            testbed,
            release,
            installation,
            client,
            rights,
            made,
            database_url,
        };
        for component in [Component::Controller, Component::Registration] {
            tenant.write_kubeconfig(component).await?;
        }
        kubeconfig::write(
            &kubeconfig::in_namespace(tenant.testbed.admin(), tenant.namespace()),
            &tenant.kubeconfig(),
        )?;
        tenant.migrate().await?;
        Ok(tenant)
    }

    /// The administrator's client.
    #[must_use]
    pub fn kube(&self) -> Client {
        self.client.clone()
    }

    /// Where its accounts live.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.release.accounts
    }

    /// The URL of its database, with the password.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
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
        self.installation.as_deref()
    }

    /// The set it is part of.
    #[must_use]
    pub fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// The administrator's kubeconfig file, with its namespace.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.file("admin")
    }

    /// The kubeconfig file of the controller's service account.
    #[must_use]
    pub fn controller_kubeconfig(&self) -> PathBuf {
        self.file(Component::Controller.name())
    }

    /// The kubeconfig file of the registration's service account.
    #[must_use]
    pub fn registration_kubeconfig(&self) -> PathBuf {
        self.file(Component::Registration.name())
    }

    fn file(&self, whose: &str) -> PathBuf {
        self.testbed.folder().path().join(format!("{}.{whose}.kubeconfig", self.release.name))
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
        let kubectl = self.testbed.kubectl_program();
        let output = Command::new(kubectl)
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", self.testbed.folder().path().join("kubectl"))
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

    /// Takes away what it put into the cluster: for a cluster that stays. The custom resource definitions stay too.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn uninstall(&self) -> Result<(), Error> {
        apply::delete(&self.client, &self.rights, &self.release.namespace).await?;
        let api: Api<Namespace> = Api::all(self.client.clone());
        for name in &self.made {
            let gone = api.delete(name, &kube::api::DeleteParams::default()).await;
            gone.map_err(Error::kube(format!("delete the namespace {name}")))?;
        }
        Ok(())
    }

    pub(crate) fn operator(&self, component: Component) -> Result<OperatorBuilder, Error> {
        let program = self.testbed.operator()?.to_owned();
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = format!("{}.{}.{number}.log", self.release.name, component.name());
        let log = self.testbed.folder().path().join(log);
        Ok(OperatorBuilder::new(component, program, log, self.environment(component)))
    }

    /// All that a process of the operator sees: nothing of the user's own AWS or Kubernetes settings.
    fn environment(&self, component: Component) -> BTreeMap<String, String> {
        let folder = self.testbed.folder().path().display().to_string();
        let mut env: BTreeMap<String, String> = [
            ("DATABASE_URL", self.database_url.clone()),
            ("AWS_REGION", REGION.into()),
            ("AWS_ENDPOINT_URL", self.simulator.url()),
            ("AWS_ACCESS_KEY_ID", "testbed".into()),
            ("AWS_SECRET_ACCESS_KEY", "testbed".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("KUBECONFIG", self.file(component.name()).display().to_string()),
            ("STREAMCAT_ADMIN_LISTEN", "127.0.0.1:0".into()),
            ("STREAMCAT_LOG_FORMAT", "json".into()),
            ("HOME", folder),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let namespace = match component {
            Component::Controller => self.release.watched.clone(),
            Component::Registration => Some(self.release.accounts.clone()),
        };
        env.extend(namespace.map(|namespace| ("STREAMCAT_NAMESPACE".to_owned(), namespace)));
        env.extend(self.installation.clone().map(|id| ("STREAMCAT_INSTALLATION".to_owned(), id)));
        if matches!(component, Component::Registration) {
            env.insert("STREAMCAT_LISTEN".into(), "127.0.0.1:0".into());
        }
        let wanted = ["PATH", "RUST_LOG", "RUST_BACKTRACE"];
        env.extend(wanted.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))));
        env
    }

    async fn write_kubeconfig(&self, component: Component) -> Result<(), Error> {
        let name = helm::service_account(&self.rights, component.name())?;
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.release.namespace);
        let spec =
            TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = api.create_token_request(&name, &PostParams::default(), &request).await;
        let answer = answer.map_err(Error::kube(format!("get a token of the service account {name}")))?;
        let token = answer.status.map(|status| status.token).unwrap_or_default();
        let kubeconfig = kubeconfig::with_token(self.testbed.admin(), &token, &self.release.namespace);
        kubeconfig::write(&kubeconfig, &self.file(component.name()))
    }

    async fn migrate(&self) -> Result<(), Error> {
        let (status, output) = self.operator(Component::Controller)?.run("migrate").await?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            action: "streamcat-operator migrate".into(),
            status,
            output: text::tail(&output, 20),
        })
    }
}

async fn simulator() -> Result<Simulator, Error> {
    Simulator::builder()
        .region(REGION)
        .start()
        .await
        .map_err(|e| Error::Unexpected(format!("the simulator does not start: {e}")))
}

/// Makes the namespaces that are not there yet, and gives those it made.
async fn namespaces<'a>(client: &Client, names: [&'a String; 2]) -> Result<Vec<String>, Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut made = Vec::new();
    for name in names {
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        match api.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await {
            Ok(_) => made.push(name.clone()),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(source) => return Err(Error::kube(format!("make the namespace {name}"))(source)),
        }
    }
    Ok(made)
}
