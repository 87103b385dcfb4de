//! Installing the operator in an environment: permissions, tokens, a database, and a simulated AWS account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ivs_simulator::Simulator;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use sqlx::postgres::PgPoolOptions;

use crate::environment::Testbed;
use crate::helm::{self, Release};
use crate::operator::Component;
use crate::tenant::{REGION, Tenant};
use crate::{Error, apply, kubeconfig, text};

const TOKEN_LIFETIME_SECONDS: i64 = 30 * 24 * 3600;

impl Tenant {
    pub(crate) async fn install(testbed: Testbed, release: Release) -> Result<Self, Error> {
        Self::install_in(testbed, release, Arc::new(start_simulator().await?)).await
    }

    /// Installs the operator with this simulator as its AWS account.
    pub(crate) async fn install_in(
        testbed: Testbed,
        release: Release,
        simulator: Arc<Simulator>,
    ) -> Result<Self, Error> {
        let client = testbed.kube().await?;
        let created_namespaces =
            create_namespaces(&client, [&release.operator_namespace, &release.accounts_namespace]).await?;
        let rendered = release.render(&testbed.helm_runner(), testbed.chart()).await?;
        let permissions = helm::permissions(rendered);
        apply::all(&client, &permissions, &release.operator_namespace).await?;
        let database = release.name.replace('-', "_");
        let database_url = testbed.database(&database).await?;
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy(&database_url);
        let mut tenant = Self {
            pool: pool.map_err(Error::sql("create a connection pool"))?,
            simulator,
            started: AtomicUsize::new(0),
            testbed,
            release,
            client,
            permissions,
            created_namespaces,
            database_url,
            component_urls: BTreeMap::new(),
        };
        for component in [Component::Controller, Component::Registration] {
            tenant.write_kubeconfig(component).await?;
        }
        kubeconfig::write(
            &kubeconfig::in_namespace(tenant.testbed.admin(), tenant.namespace()),
            &tenant.kubeconfig(),
        )?;
        tenant.migrate().await?;
        for component in [Component::Controller, Component::Registration] {
            let url = tenant.testbed.database_role(&database, component).await?;
            tenant.component_urls.insert(component.name(), url);
        }
        Ok(tenant)
    }

    async fn write_kubeconfig(&self, component: Component) -> Result<(), Error> {
        let name = helm::service_account(&self.permissions, component.name())?;
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.release.operator_namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: Some(TOKEN_LIFETIME_SECONDS),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let response = api.create_token_request(&name, &PostParams::default(), &request).await;
        let response = response.map_err(Error::kube(format!("get a token of the service account {name}")))?;
        let token = response.status.map(|status| status.token).unwrap_or_default();
        let kubeconfig =
            kubeconfig::with_token(self.testbed.admin(), &token, &self.release.operator_namespace);
        kubeconfig::write(&kubeconfig, &self.kubeconfig_path(component.name()))
    }

    async fn migrate(&self) -> Result<(), Error> {
        let (status, output) = self.operator(Component::Controller)?.run(&["migrate"]).await?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            action: "streamcat-operator migrate".into(),
            status,
            output: text::tail(&output, 20),
        })
    }

    /// Deletes what was installed in the cluster, for a borrowed cluster. The CustomResourceDefinitions stay.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn uninstall(&self) -> Result<(), Error> {
        apply::delete(&self.client, &self.permissions, &self.release.operator_namespace).await?;
        let api: Api<Namespace> = Api::all(self.client.clone());
        for name in &self.created_namespaces {
            let deleted = api.delete(name, &DeleteParams::default()).await;
            deleted.map_err(Error::kube(format!("delete the namespace {name}")))?;
        }
        Ok(())
    }
}

async fn start_simulator() -> Result<Simulator, Error> {
    Simulator::builder()
        .region(REGION)
        // A soak test evaluates all calls of its ten minutes.
        .journal_capacity(1 << 30)
        .start()
        .await
        .map_err(|e| Error::Unexpected(format!("the simulator does not start: {e}")))
}

/// Creates the namespaces that do not exist, and returns their names.
async fn create_namespaces(client: &Client, names: [&String; 2]) -> Result<Vec<String>, Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut created = Vec::new();
    for name in names {
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        match api.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await {
            Ok(_) => created.push(name.clone()),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(source) => return Err(Error::kube(format!("create the namespace {name}"))(source)),
        }
    }
    Ok(created)
}
