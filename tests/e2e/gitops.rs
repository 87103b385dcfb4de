//! The health of accounts in GitOps tools: in Argo CD by the script in `examples/argocd`, in Flux and others
//! by kstatus.
//!
//! `STREAMCAT_RECORD_STATUSES=1` writes the files of `resource_customizations` again, from a real run.

use std::{fs, path::PathBuf};

use ivs_simulator::Fault;
use serde_json::{Value, json};
use streamcat_operator::api::{
    StreamerAccount,
    condition::{CHANNEL_READY, CHAT_ROOM_READY, RECONCILING, STAGE_READY, SUSPENDED, find, is_true},
};
use testbed::{GitopsHealth, Tenant, gitops_health, workspace};

use crate::{
    support::{accounts, arns, create, create_named, delete, edit, ready, reason, until},
    unreadable::{create_raw, isolated_tenant, not_understood, upgrade_crd},
};

/// Variable that makes the test record the statuses instead of comparing them.
const RECORD: &str = "STREAMCAT_RECORD_STATUSES";

/// Namespace of recorded accounts.
const NAMESPACE: &str = "streamers";

/// Time of recorded changes.
const TIME: &str = "2026-01-01T00:00:00Z";

/// The status of an account, and its health in Argo CD and kstatus. Flux agrees with kstatus.
const CASES: [(&str, &str, &str); 13] = [
    ("progressing_noStatus", "Progressing", "Current"),
    ("progressing_new", "Progressing", "InProgress"),
    ("progressing_working", "Progressing", "InProgress"),
    ("progressing_editNotSeen", "Progressing", "InProgress"),
    ("progressing_quotaExceeded", "Progressing", "InProgress"),
    ("progressing_deleting", "Progressing", "Terminating"),
    ("suspended_ready", "Suspended", "Current"),
    ("suspended_edited", "Suspended", "InProgress"),
    ("degraded_usernameTaken", "Degraded", "Failed"),
    ("degraded_invalidSpec", "Degraded", "Failed"),
    ("degraded_specNotUnderstood", "Degraded", "Failed"),
    ("degraded_resourceGone", "Degraded", "Failed"),
    ("healthy_ready", "Healthy", "Current"),
];

/// Returns the folder with the script, in the layout of Argo CD's repository.
fn folder() -> PathBuf {
    workspace().join("examples/argocd/resource_customizations/streamcat.dev/StreamerAccount")
}

fn read(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read_yaml(path: &str) -> Value {
    serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn test_data(case: &str) -> String {
    format!("testdata/{case}.yaml")
}

/// Returns the health of the objects of all cases.
async fn health(objects: &[Value]) -> Vec<GitopsHealth> {
    gitops_health(&folder().join("health.lua"), objects).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Asserts that each tool shows the expected health for the object of each case.
async fn assert_expected(objects: &[Value]) -> Vec<GitopsHealth> {
    let all = health(objects).await;
    assert_eq!(all.len(), CASES.len());
    for ((case, argocd, kstatus), seen) in CASES.iter().zip(&all) {
        let found = (&*seen.script.status, &*seen.argocd.status, &*seen.kstatus, &*seen.flux);
        assert_eq!(found, (*argocd, *argocd, *kstatus, *kstatus), "{case}");
    }
    all
}

/// Returns the health of a case in `health_test.yaml`.
fn health_test(case: &str, health: &GitopsHealth) -> Value {
    let (status, message) = (&health.script.status, &health.script.message);
    json!({ "healthStatus": { "status": status, "message": message }, "inputPath": test_data(case) })
}

#[tokio::test]
async fn recorded_accounts_have_the_expected_health_in_each_tool() {
    let objects = CASES.map(|(case, ..)| read_yaml(&test_data(case)));
    let all = assert_expected(&objects).await;
    let tests: Vec<_> =
        CASES.iter().zip(&all).map(|((case, ..), health)| health_test(case, health)).collect();
    assert_eq!(read_yaml("health_test.yaml"), json!({ "tests": tests }));
    let recorded = fs::read_dir(folder().join("testdata")).unwrap().count();
    assert_eq!(recorded, CASES.len(), "a file in testdata belongs to no case");
}

#[test]
fn the_settings_and_the_folder_have_the_same_health_script() {
    let settings = fs::read_to_string(workspace().join("examples/argocd/argocd-cm.yaml")).unwrap();
    let settings: Value = serde_yaml::from_str(&settings).unwrap();
    let script = &settings["data"]["resource.customizations.health.streamcat.dev_StreamerAccount"];
    assert_eq!(script.as_str(), Some(&*read("health.lua")));
}

async fn current(tenant: &Tenant, name: &str) -> StreamerAccount {
    accounts(tenant).get(name).await.unwrap()
}

/// Returns an account in the status of each case.
async fn accounts_of_all_cases(tenant: &Tenant) -> [Value; CASES.len()] {
    upgrade_crd(tenant).await;
    let new = create(tenant, "ann", json!({})).await;
    let no_status = StreamerAccount { status: None, ..new.clone() };
    let controller = tenant.controller().env("STREAMCAT_AWS_CALL_TIMEOUT", "10m");
    let mut controller = controller.env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    let aws = tenant.simulator();

    aws.fault(Fault::hang("CreateStage").named("busy"));
    create(tenant, "busy", json!({})).await;
    let working = until(tenant, "busy", "is ready except for its stage", |account| {
        let Some(status) = &account.status else { return false };
        let others = [CHANNEL_READY, CHAT_ROOM_READY, RECONCILING];
        others.iter().all(|condition| is_true(&status.conditions, condition))
    });
    let working = working.await;

    create(tenant, "todd", json!({})).await;
    let ready_account = ready(tenant, "todd").await;
    create_named(tenant, "second", "Todd", json!({})).await;
    let username_taken = reason(tenant, "second", "UsernameTaken").await;

    aws.fault(Fault::error("CreateRoom", 400, "ValidationException").named("eve"));
    create(tenant, "eve", json!({})).await;
    let invalid_spec = reason(tenant, "eve", "InvalidSpec").await;

    create_raw(tenant, "newer", json!({ "channel": { "type": "ULTRA" } })).await;
    let spec_not_understood = not_understood(tenant, "newer", "spec.channel.type").await;

    // Each resync retries it, and a retry must not succeed before the status is read.
    aws.fault(Fault::error("CreateStage", 402, "ServiceQuotaExceededException").named("mary").every(1));
    create(tenant, "mary", json!({})).await;
    let quota_exceeded = reason(tenant, "mary", "QuotaExceeded").await;

    create(tenant, "gone", json!({ "recreatePolicy": "Never" })).await;
    assert!(aws.remove(&arns(&ready(tenant, "gone").await)[1]));
    let resource_gone = reason(tenant, "gone", "ResourceGone").await;

    create(tenant, "paused", json!({})).await;
    ready(tenant, "paused").await;
    edit(tenant, "paused", json!({ "suspend": true })).await;
    let suspended_ready = until(tenant, "paused", "is suspended", |account| {
        account.status.as_ref().is_some_and(|status| is_true(&status.conditions, SUSPENDED))
    });
    let suspended_ready = suspended_ready.await;
    edit(tenant, "paused", json!({ "tags": { "team": "a" } })).await;
    let suspended_edited = reason(tenant, "paused", "Suspended").await;

    create(tenant, "leaver", json!({})).await;
    ready(tenant, "leaver").await;
    aws.fault(Fault::error("Delete*", 403, "AccessDeniedException").every(1));
    delete(tenant, "leaver").await;
    let deleting = until(tenant, "leaver", "cannot be deleted", |account| {
        let Some(status) = &account.status else { return false };
        let parts = [CHANNEL_READY, CHAT_ROOM_READY, STAGE_READY];
        let parts = parts.map(|part| find(&status.conditions, part).map(|condition| &*condition.reason));
        parts == [Some("AccessDenied"); 3]
    });
    let deleting = deleting.await;

    controller.kill().await;
    edit(tenant, "todd", json!({ "tags": { "team": "b" } })).await;
    let edit_not_seen = current(tenant, "todd").await;
    [
        json!(no_status),
        json!(new),
        json!(working),
        json!(edit_not_seen),
        json!(quota_exceeded),
        json!(deleting),
        json!(suspended_ready),
        json!(suspended_edited),
        json!(username_taken),
        json!(invalid_spec),
        json!(spec_not_understood),
        json!(resource_gone),
        json!(ready_account),
    ]
}

/// Returns an account without what differs between two runs.
fn normalized(tenant: &Tenant, account: &Value) -> Value {
    let (metadata, status) = (&account["metadata"], &account["status"]);
    let mut object = json!({
        "apiVersion": "streamcat.dev/v1alpha1",
        "kind": "StreamerAccount",
        "metadata": { "name": metadata["name"], "namespace": NAMESPACE, "generation": metadata["generation"] },
        "spec": account["spec"],
    });
    if !metadata["deletionTimestamp"].is_null() {
        object["metadata"]["deletionTimestamp"] = json!(TIME);
        object["metadata"]["finalizers"] = metadata["finalizers"].clone();
    }
    if !status.is_null() {
        let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        for condition in &mut conditions {
            condition["lastTransitionTime"] = json!(TIME);
            let message = condition["message"].as_str().unwrap().replace(tenant.namespace(), NAMESPACE);
            condition["message"] = json!(message);
        }
        object["status"] =
            json!({ "observedGeneration": status["observedGeneration"], "conditions": conditions });
    }
    object
}

/// Removes the messages, which have ids of requests and resources.
fn without_messages(mut object: Value) -> Value {
    let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        condition.as_object_mut().unwrap().remove("message");
    }
    object
}

#[tokio::test]
async fn accounts_of_a_real_run_have_the_expected_health_and_are_recorded() {
    let tenant = isolated_tenant("gitops").await;
    let all = accounts_of_all_cases(&tenant).await;
    assert_expected(&all).await;
    let objects: Vec<_> = all.iter().map(|account| normalized(&tenant, account)).collect();
    if std::env::var_os(RECORD).is_some() {
        let mut tests = Vec::new();
        for (((case, ..), object), health) in CASES.iter().zip(&objects).zip(health(&objects).await) {
            fs::write(folder().join(test_data(case)), serde_yaml::to_string(object).unwrap()).unwrap();
            tests.push(health_test(case, &health));
        }
        let tests = serde_yaml::to_string(&json!({ "tests": tests })).unwrap();
        fs::write(folder().join("health_test.yaml"), tests).unwrap();
    }
    for ((case, ..), object) in CASES.iter().zip(objects) {
        let recorded = read_yaml(&test_data(case));
        assert_eq!(without_messages(recorded), without_messages(object), "{case}: record it with {RECORD}=1");
    }
}
