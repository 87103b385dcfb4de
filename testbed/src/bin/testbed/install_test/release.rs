//! The release of the chart, with everything that it needs, as the installation guide describes it.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqlSafeStr};
use testbed::image::Image;
use testbed::{Error, REGION, Simulator, Testbed, wait};

use super::cluster::{ACCOUNTS_NAMESPACE, Cluster, Component, NAMESPACE, names};

/// Tags of two images of the same binary, with different digests.
pub(super) const FIRST_TAG: &str = "first";
pub(super) const SECOND_TAG: &str = "second";
const REPOSITORY: &str = "streamcat-operator";
const RELEASE: &str = "streamcat-operator";
const DATABASE: &str = "streamcat";
/// Time until all pods of an uninstalled release are gone.
const UNINSTALL_TIMEOUT: Duration = Duration::from_mins(10);

/// A release, with its database and its AWS account.
pub(super) struct Release {
    testbed: Testbed,
    cluster: Cluster,
    simulator: Simulator,
    database_url: String,
}

impl Release {
    /// Imports two images, and creates the namespaces, the database, and the Secrets.
    pub(super) async fn prepare(testbed: &Testbed, operator: &Path) -> Result<Self, Error> {
        for tag in [FIRST_TAG, SECOND_TAG] {
            import(testbed, operator, tag).await?;
        }
        let simulator = Simulator::builder().region(REGION).listen(format!("{}:0", testbed.address()));
        let simulator = simulator.start().await;
        let simulator =
            simulator.map_err(|e| Error::Unexpected(format!("the simulator does not start: {e}")))?;
        let database_url = testbed.database(DATABASE).await?;
        let cluster = Cluster::connect(testbed).await?;
        let release = Self { testbed: testbed.clone(), cluster, simulator, database_url };
        release.create_namespaces().await?;
        release.create_secrets().await?;
        Ok(release)
    }

    pub(super) fn cluster(&self) -> Cluster {
        self.cluster.clone()
    }

    pub(super) fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    pub(super) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Returns `host:port` of the registration page's Service.
    pub(super) async fn url(&self) -> Result<String, Error> {
        let service = self.cluster.services().get(&Component::Registration.deployment()).await;
        let spec = service.map_err(Error::kube("get the Service"))?.spec.unwrap_or_default();
        let port = spec.ports.unwrap_or_default().first().map_or(80, |port| port.port);
        Ok(format!("{}:{port}", spec.cluster_ip.unwrap_or_default()))
    }

    /// Installs the release and waits until its pods are ready.
    pub(super) async fn install(&self, tag: &str) -> Result<(), Error> {
        let values = self.values().to_string();
        let path = self.testbed.directory().join("values.json");
        testbed::write_private(&path, values.as_bytes())?;
        let (chart, path) = (self.testbed.chart().display().to_string(), path.display().to_string());
        let tag = format!("image.tag={tag}");
        self.helm(&["install", RELEASE, &chart, "--wait", "--values", &path, "--set", &tag]).await
    }

    /// Changes values of the release and waits until its pods are ready and the old ones have ended.
    pub(super) async fn upgrade(&self, values: &[&str]) -> Result<(), Error> {
        let chart = self.testbed.chart().display().to_string();
        let values = values.join(",");
        self.helm(&["upgrade", RELEASE, &chart, "--wait", "--reuse-values", "--set", &values]).await?;
        self.cluster.all_settled().await
    }

    /// Applies a migration that only adds to the schema, as a later version may do while these pods serve.
    pub(super) async fn add_to_schema(&self) -> Result<(), Error> {
        let statements = "alter table users add column nickname text not null default '';
             insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'from a later version', true, '', 0)";
        self.execute("apply a later migration", statements).await
    }

    /// Uninstalls the release and waits until its pods are gone.
    pub(super) async fn uninstall(&self) -> Result<(), Error> {
        self.helm(&["uninstall", RELEASE, "--wait"]).await?;
        let pods = self.cluster.pods();
        wait::until("no pod of the release is left", UNINSTALL_TIMEOUT, || async {
            let left = pods.list(&ListParams::default()).await.map_err(|e| e.to_string())?.items;
            if left.is_empty() { Ok(()) } else { Err(names(&left).join(", ")) }
        })
        .await
    }

    async fn helm(&self, arguments: &[&str]) -> Result<(), Error> {
        let kubeconfig = self.testbed.kubeconfig().display().to_string();
        let common = ["--kubeconfig", &kubeconfig, "--namespace", NAMESPACE, "--timeout", "3m"];
        self.testbed.helm(&[arguments, &common].concat()).await.map(drop)
    }

    /// Returns the values, which are the defaults where possible.
    fn values(&self) -> serde_json::Value {
        let secret = |name: &str| json!({ "existingSecret": { "name": format!("database-{name}") } });
        json!({
            // The images are on the node; there is no registry.
            "image": { "repository": REPOSITORY, "pullPolicy": "Never" },
            "aws": { "region": REGION },
            "migrations": secret("owner"),
            "controller": {
                "database": secret("controller"),
                "extraEnv": [{ "name": "AWS_ENDPOINT_URL", "value": self.simulator.url() }],
                "extraEnvFrom": [{ "secretRef": { "name": "aws" } }],
            },
            "registration": {
                "database": secret("registration"),
                "namespace": ACCOUNTS_NAMESPACE,
                // All people have the same address here.
                "limits": { "maxAttemptsPerIp": 100_000 },
                "podDisruptionBudget": { "enabled": true },
            },
        })
    }

    /// Creates the namespaces. Both allow only pods that meet the strictest of Kubernetes' standards.
    async fn create_namespaces(&self) -> Result<(), Error> {
        let api: Api<Namespace> = Api::all(self.cluster.client());
        for name in [NAMESPACE, ACCOUNTS_NAMESPACE] {
            let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
            let object = json!({ "metadata": { "name": name, "labels": labels } });
            create(&api, object).await?;
        }
        Ok(())
    }

    /// Creates three database roles, and a Secret with the URL of each; and one for the AWS SDK.
    async fn create_secrets(&self) -> Result<(), Error> {
        let api: Api<Secret> = Api::namespaced(self.cluster.client(), NAMESPACE);
        let (_, host) = self.database_url.rsplit_once('@').unwrap_or_default();
        self.create_roles().await?;
        for name in ["owner", "controller", "registration"] {
            let url = format!("postgres://{}:password@{host}", role(name));
            let metadata = json!({ "name": format!("database-{name}") });
            create(&api, json!({ "metadata": metadata, "stringData": { "DATABASE_URL": url } })).await?;
        }
        let keys = json!({ "AWS_ACCESS_KEY_ID": "testbed", "AWS_SECRET_ACCESS_KEY": "testbed" });
        create(&api, json!({ "metadata": { "name": "aws" }, "stringData": keys })).await
    }

    async fn create_roles(&self) -> Result<(), Error> {
        let statements = format!(
            "create role streamcat_controller nologin;
             create role streamcat_registration nologin;
             create role {owner} login password 'password';
             create role {controller} login password 'password' in role streamcat_controller;
             create role {registration} login password 'password' in role streamcat_registration;
             alter database {DATABASE} owner to {owner};
             revoke connect on database {DATABASE} from public;
             grant connect on database {DATABASE} to {controller}, {registration};",
            owner = role("owner"),
            controller = role("controller"),
            registration = role("registration"),
        );
        self.execute("create the database roles", AssertSqlSafe(statements)).await
    }

    /// Runs statements as the administrator of the database.
    async fn execute(&self, action: &str, statements: impl SqlSafeStr) -> Result<(), Error> {
        let sql = |source| Error::Sql { action: action.to_owned(), source };
        let mut connection = PgConnection::connect(&self.database_url).await.map_err(sql)?;
        sqlx::raw_sql(statements).execute(&mut connection).await.map_err(sql)?;
        connection.close().await.map_err(sql)
    }
}

fn role(name: &str) -> String {
    format!("login_{name}")
}

/// Builds an image and imports it into the node.
async fn import(testbed: &Testbed, operator: &Path, tag: &str) -> Result<(), Error> {
    let directory = testbed.directory().join(format!("image-{tag}"));
    let archive = directory.with_extension("tar");
    let image = Image::of_operator(operator, &format!("{REPOSITORY}:{tag}"), &directory)?;
    let digest = image.label("dev.streamcat.test", tag).write(&archive)?;
    testbed.node()?.import(&archive).await?;
    println!("image {REPOSITORY}:{tag}: {digest}");
    Ok(())
}

async fn create<K>(api: &Api<K>, object: serde_json::Value) -> Result<(), Error>
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object = serde_json::from_value(object).map_err(|e| Error::Unexpected(e.to_string()))?;
    let created = api.create(&PostParams::default(), &object).await;
    created.map(drop).map_err(Error::kube("create an object"))
}
