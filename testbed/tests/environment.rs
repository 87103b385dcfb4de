//! The environment starts, and its tenants are isolated from each other.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{ListParams, ObjectMeta, PostParams};
use std::path::{Path, PathBuf};
use testbed::{Tenant, Testbed};

/// Returns the path of the operator's binary, which is next to the testbed's.
fn operator() -> PathBuf {
    std::env::var_os("STREAMCAT_OPERATOR").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_testbed")).with_file_name("streamcat-operator"),
        PathBuf::from,
    )
}

async fn testbed() -> Testbed {
    Testbed::shared().await.with_operator(operator())
}

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

#[tokio::test]
async fn the_api_server_and_postgres_answer() {
    let testbed = testbed().await;
    let namespaces: Api<Namespace> = Api::all(testbed.kube().await.unwrap());
    assert!(namespaces.list(&ListParams::default()).await.unwrap().iter().count() >= 4);
    let url = testbed.database("the_environment_responds").await.unwrap();
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&pool).await.unwrap();
    assert_eq!(name, "the_environment_responds");
}

#[tokio::test]
async fn kubectl_has_the_version_of_the_server() {
    let tenant = testbed().await.tenant("kubectl").await;
    let version = tenant.kubectl(&["version", "-o", "json"]).await;
    assert!(version.success, "{version:?}");
    let version: serde_json::Value = serde_json::from_str(&version.stdout).unwrap();
    assert_eq!(version["clientVersion"]["gitVersion"], version["serverVersion"]["gitVersion"]);
}

#[tokio::test]
async fn two_tenants_share_nothing() {
    let testbed = testbed().await;
    let (one, other) = futures::join!(testbed.tenant("one"), testbed.tenant("other"));
    assert_ne!(one.namespace(), other.namespace());
    assert_ne!(one.database_url(), other.database_url());
    assert_ne!(one.simulator().url(), other.simulator().url());
    assert_ne!(one.installation(), other.installation());

    let maps = |tenant: &Tenant| Api::<ConfigMap>::namespaced(tenant.kube(), tenant.namespace());
    maps(&one).create(&PostParams::default(), &config_map("mine")).await.unwrap();
    assert!(maps(&other).get_opt("mine").await.unwrap().is_none());
    let seen = other.kubectl(&["get", "configmaps", "-o", "name"]).await;
    assert!(seen.success && !seen.stdout.contains("mine"), "{seen:?}");

    sqlx::query("create table mine ()").execute(&one.pool()).await.unwrap();
    assert!(sqlx::query("select from mine").execute(&other.pool()).await.is_err());
}

#[tokio::test]
async fn the_operator_has_exactly_the_permissions_of_its_chart() {
    let testbed = testbed().await;
    let (one, other) = futures::join!(testbed.tenant("rights"), testbed.tenant("neighbour"));
    let kubeconfig = one.controller_kubeconfig();
    let may = async |verb: &str, what: &str, namespace: &str| {
        let flag = format!("--kubeconfig={}", kubeconfig.display());
        one.kubectl(&["auth", "can-i", verb, what, "--namespace", namespace, &flag]).await.stdout.trim()
            == "yes"
    };
    assert!(may("watch", "streameraccounts.streamcat.dev", one.namespace()).await);
    assert!(!may("watch", "streameraccounts.streamcat.dev", other.namespace()).await);
    assert!(!may("delete", "namespaces", one.namespace()).await);
}

#[tokio::test]
async fn a_controller_starts_and_ends() {
    let tenant = testbed().await.tenant("controller").await;
    let mut controller = tenant.controller().start().await;
    let health = testbed::http::get(&format!("{}/healthz", controller.admin_url())).await.unwrap();
    assert_eq!(health.status, 200);
    assert!(controller.log().contains("admin server listening"));
    assert!(controller.terminate().await.success(), "{}", controller.log());
    assert!(controller.exited().unwrap().is_some());
}

#[tokio::test]
async fn a_registration_server_starts_and_is_killed() {
    let tenant = testbed().await.tenant("registration").await;
    let mut registration = tenant.registration().start().await;
    let page = testbed::http::get(&format!("{}/register", registration.url())).await.unwrap();
    assert_eq!(page.status, 200);
    registration.kill().await;
    assert!(testbed::http::get(registration.url()).await.is_err());
}
