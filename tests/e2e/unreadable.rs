//! Accounts that this version of the operator does not understand: a newer CRD permits what it does not know,
//! or somebody else wrote their status. Each has a condition and an event, and the others are served.

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use streamcat_operator::api::{StreamerAccount, crds};
use testbed::{Tenant, Testbed, wait};

use crate::support::{
    GRACE, TIMEOUT, accounts, arns, assert_nothing_left, calls, count, create, event, gone, ready,
};

/// A tag that is on an account, but in no log.
const NEEDLE: &str = "needle-in-the-log";

/// Maximum length of a log in bytes. A list of the accounts is longer than a line, and is retried.
const MAX_LOG: usize = 20_000;

/// Returns a tenant in an API server of its own, for a test that changes the CRD.
pub async fn isolated_tenant(label: &str) -> Tenant {
    let testbed = Testbed::start().await.unwrap_or_else(|error| panic!("{error:?}"));
    let operator = testbed.with_operator(Path::new(env!("CARGO_BIN_EXE_streamcat-operator")));
    operator.with_controller_env("STREAMCAT_CONSISTENCY_GRACE", GRACE).tenant(label).await
}

/// Returns the accounts without their types.
fn raw(tenant: &Tenant) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<StreamerAccount>(&());
    Api::namespaced_with(tenant.kube(), tenant.namespace(), &resource)
}

/// Adds a value to each enum of a schema that has `known`.
fn add_value(schema: &mut Value, known: &str, added: &str) {
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && values.contains(&json!(known))
    {
        values.push(json!(added));
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(|member| add_value(member, known, added)),
        Value::Array(items) => items.iter_mut().for_each(|item| add_value(item, known, added)),
        _ => {}
    }
}

/// Replaces the CRD with that of a newer version, which permits more values, and waits until it is in force.
pub async fn upgrade_crd(tenant: &Tenant) {
    let mut newer = serde_json::to_value(&crds()[0]).unwrap();
    add_value(&mut newer["spec"]["versions"], "ADVANCED_SD", "ULTRA");
    add_value(&mut newer["spec"]["versions"], "Retain", "Archive");
    let patch = Patch::Merge(json!({ "spec": { "versions": newer["spec"]["versions"] } }));
    let name = newer["metadata"]["name"].as_str().unwrap().to_owned();
    let all: Api<CustomResourceDefinition> = Api::all(tenant.kube());
    all.patch(&name, &PatchParams::default(), &patch).await.unwrap();
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let probe = account("probe", json!({ "channel": { "type": "ULTRA" }, "deletionPolicy": "Archive" }));
    wait::until("the newer CRD is in force", TIMEOUT, || async {
        raw(tenant).create(&params, &probe).await.map(drop).map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
}

fn account(name: &str, mut spec: Value) -> DynamicObject {
    spec["username"] = json!(name);
    DynamicObject::new(name, &ApiResource::erase::<StreamerAccount>(&())).data(json!({ "spec": spec }))
}

/// Creates an account whose spec this version may not understand.
pub async fn create_raw(tenant: &Tenant, name: &str, spec: Value) {
    raw(tenant).create(&PostParams::default(), &account(name, spec)).await.unwrap();
}

async fn patch_spec(tenant: &Tenant, name: &str, spec: Value) {
    let patch = Patch::Merge(json!({ "spec": spec }));
    raw(tenant).patch(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Deletes an account and waits until it is gone.
async fn remove(tenant: &Tenant, name: &str) {
    raw(tenant).delete(name, &DeleteParams::default()).await.unwrap();
    gone(tenant, name).await;
}

/// Gives a condition of the account a time with twelve fractional digits.
async fn break_status(tenant: &Tenant, name: &str) {
    let mut status = raw(tenant).get(name).await.unwrap().data["status"].clone();
    status["conditions"][0]["lastTransitionTime"] = json!("2026-01-02T03:04:05.123456789012Z");
    let patch = Patch::Merge(json!({ "status": status }));
    raw(tenant).patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits until the account is stalled because its spec is not understood, and returns the account.
pub async fn not_understood(tenant: &Tenant, name: &str, field: &str) -> DynamicObject {
    let seen = wait::until(format!("{name} is not understood"), TIMEOUT, || async {
        let account = raw(tenant).get(name).await.map_err(|error| error.to_string())?;
        let conditions = account.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_told = |type_: &str, status: &str| {
            conditions.iter().any(|condition| {
                condition["type"] == type_
                    && condition["status"] == status
                    && condition["reason"] == "SpecNotUnderstood"
                    && condition["observedGeneration"] == json!(account.metadata.generation)
                    && condition["message"].as_str().is_some_and(|message| message.contains(field))
            })
        };
        let is_stalled = is_told("Ready", "False") && is_told("Stalled", "True");
        if is_stalled { Ok(account) } else { Err(format!("{conditions:?}")) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"))
}

#[tokio::test]
async fn an_account_that_is_not_understood_does_not_stop_the_others() {
    let tenant = isolated_tenant("unreadable").await;
    let mut controller = tenant.controller().start().await;
    for name in ["todd", "ann", "kept"] {
        create(&tenant, name, json!({ "tags": { "note": NEEDLE } })).await;
    }
    let before = arns(&ready(&tenant, "ann").await);
    ready(&tenant, "todd").await;
    ready(&tenant, "kept").await;
    assert!(controller.terminate().await.success());

    upgrade_crd(&tenant).await;
    patch_spec(&tenant, "ann", json!({ "channel": { "type": "ULTRA" } })).await;
    patch_spec(&tenant, "kept", json!({ "deletionPolicy": "Archive" })).await;
    create_raw(&tenant, "bea", json!({ "channel": { "type": "ULTRA" } })).await;
    break_status(&tenant, "todd").await;
    create(&tenant, "carl", json!({})).await;

    let controller = tenant.controller().start().await;
    ready(&tenant, "carl").await;
    ready(&tenant, "todd").await;
    let ann = not_understood(&tenant, "ann", "spec.channel.type: unknown variant `ULTRA`").await;
    assert_eq!(ann.data["status"]["channel"]["arn"], json!(before[0]));
    not_understood(&tenant, "bea", "spec.channel.type").await;
    not_understood(&tenant, "kept", "spec.deletionPolicy").await;
    let note = event(&tenant, "ann", "SpecNotUnderstood").await;
    assert!(note.contains("spec.channel.type"), "{note}");
    assert_eq!(calls(&tenant, "UpdateChannel"), 0);
    assert!(accounts(&tenant).get("ann").await.is_err(), "the test is about what this version cannot read");

    remove(&tenant, "ann").await;
    remove(&tenant, "bea").await;
    let state = tenant.simulator().state().to_string();
    assert!(before.iter().all(|arn| !state.contains(arn.as_str())));

    remove(&tenant, "kept").await;
    let note = event(&tenant, "kept", "SpecNotUnderstood").await;
    assert!(note.contains("spec.deletionPolicy"), "{note}");
    assert_eq!(count(&tenant, "select count(*) from users where username = 'kept' and retained").await, 1);
    assert_eq!(tenant.simulator().counts().channels, 3);

    let log = controller.log();
    assert!(!log.contains(NEEDLE) && log.len() < MAX_LOG, "{} bytes: {log}", log.len());

    create_raw(&tenant, "kept", json!({})).await;
    ready(&tenant, "kept").await;
    for name in ["kept", "todd", "carl"] {
        remove(&tenant, name).await;
    }
    assert_nothing_left(&tenant).await;
}
