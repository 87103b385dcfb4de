//! Deletion of a namespace with accounts.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, allow_again, assert_nothing_left, create, forbid, gone, operator_under_test, ready, reason,
};

/// Maximum time for the namespace controller, which retries with growing delays.
const NAMESPACE_TIMEOUT: Duration = Duration::from_mins(3);

async fn namespace_gone(tenant: &Tenant) {
    let namespaces: Api<Namespace> = Api::all(tenant.kube());
    let seen = wait::until("the namespace is gone", NAMESPACE_TIMEOUT, || async {
        match namespaces.get_opt(tenant.namespace()).await {
            Ok(None) => Ok(()),
            Ok(Some(namespace)) => Err(format!("{:#?}", namespace.status)),
            Err(error) => Err(error.to_string()),
        }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Creates an object that keeps its namespace from being deleted by a finalizer.
async fn held_object(tenant: &Tenant) -> Api<ConfigMap> {
    let objects: Api<ConfigMap> = Api::namespaced(tenant.kube(), tenant.namespace());
    let metadata = json!({ "name": "held", "finalizers": ["example.com/held"] });
    let object = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
    objects.create(&PostParams::default(), &object).await.unwrap();
    objects
}

/// Forbids the deletion of accounts in this namespace, as an administrator's policy may, and waits until the
/// policy is in force. Undo it with [`allow_again`].
async fn forbid_deletion(tenant: &Tenant, account: &str) {
    let accounts = json!({
        "apiGroups": ["streamcat.dev"],
        "apiVersions": ["*"],
        "operations": ["DELETE"],
        "resources": ["streameraccounts"],
    });
    forbid(tenant, &accounts, "no account is deleted here").await;
    wait::until("the policy is in force", TIMEOUT, || async {
        !tenant.kubectl(&["delete", "streamer", account, "--dry-run=server"]).await.success
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn deleting_a_namespace_deletes_everything_of_its_accounts() {
    let tenant = operator_under_test().await.tenant_in_own_namespace("namespace").await;
    let _controller = tenant.controller().env("STREAMCAT_WATCH_NAMESPACE", tenant.namespace()).start().await;
    create(&tenant, "todd", json!({})).await;
    create(&tenant, "ann", json!({})).await;
    ready(&tenant, "todd").await;
    ready(&tenant, "ann").await;

    let deleted = tenant.kubectl(&["delete", "namespace", tenant.namespace(), "--wait=false"]).await;
    assert!(deleted.success, "{}", deleted.stderr);
    namespace_gone(&tenant).await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn nothing_is_created_in_a_terminating_namespace() {
    let tenant = operator_under_test().await.tenant_in_own_namespace("terminating").await;
    create(&tenant, "todd", json!({})).await;
    forbid_deletion(&tenant, "todd").await;
    let objects = held_object(&tenant).await;
    let deleted = tenant.kubectl(&["delete", "namespace", tenant.namespace(), "--wait=false"]).await;
    assert!(deleted.success, "{}", deleted.stderr);

    let _controller = tenant.controller().env("STREAMCAT_WATCH_NAMESPACE", tenant.namespace()).start().await;
    let waiting = reason(&tenant, "todd", "NamespaceTerminating").await;
    assert_eq!((waiting.metadata.deletion_timestamp, waiting.metadata.finalizers), (None, None));
    assert_nothing_left(&tenant).await;

    allow_again(&tenant).await;
    gone(&tenant, "todd").await;
    let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    objects.patch("held", &PatchParams::default(), &release).await.unwrap();
    namespace_gone(&tenant).await;
    assert_nothing_left(&tenant).await;
    let creates = tenant.simulator().calls().into_iter().filter(|call| call.operation.starts_with("Create"));
    assert_eq!(creates.count(), 0);
}
