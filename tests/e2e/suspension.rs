//! A suspended account: nothing is created or changed in AWS until it is resumed.

use serde_json::json;
use streamcat_operator::api::condition::find;
use testbed::wait;

use crate::support::{
    TIMEOUT, annotate, assert_nothing_left, calls, create, delete, edit, event, gone, quick, ready, tenant,
    until,
};

#[tokio::test]
async fn nothing_is_changed_in_aws_while_an_account_is_suspended() {
    let tenant = tenant("suspended").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    ready(&tenant, "todd").await;
    edit(&tenant, "todd", json!({ "suspend": true })).await;
    let suspended = until(&tenant, "todd", "is suspended", |account| {
        account.status.as_ref().is_some_and(|status| find(&status.conditions, "Suspended").is_some())
    })
    .await;
    let ready_condition = find(&suspended.status.as_ref().unwrap().conditions, "Ready").unwrap();
    assert_eq!(ready_condition.status, "True", "it keeps its last truth");
    assert_eq!(ready_condition.observed_generation, suspended.metadata.generation);
    assert!(event(&tenant, "todd", "Suspended").await.contains("spec.suspend"));

    tenant.simulator().clear_calls();
    let mut state = tenant.simulator().state();
    state["channels"][0]["latencyMode"] = json!("LOW");
    tenant.simulator().load_state(state).unwrap();
    edit(&tenant, "todd", json!({ "channel": { "type": "BASIC" } })).await;
    let edited = until(&tenant, "todd", "has Ready Unknown", |account| {
        let status = account.status.as_ref();
        let ready = status.and_then(|status| find(&status.conditions, "Ready"));
        ready.is_some_and(|ready| ready.status == "Unknown" && ready.reason == "Suspended")
    })
    .await;
    assert_eq!(edited.status.as_ref().unwrap().observed_generation, edited.metadata.generation.unwrap());
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=1").await;
    wait::until("three resyncs", TIMEOUT, || async { calls(&tenant, "ListChannels") >= 3 }).await.unwrap();
    let changes = ["UpdateChannel", "TagResource", "UntagResource", "GetChannel", "GetRoom", "GetStage"];
    assert_eq!(changes.map(|operation| calls(&tenant, operation)), [0; 6]);

    edit(&tenant, "todd", json!({ "suspend": null })).await;
    let resumed = ready(&tenant, "todd").await;
    assert!(find(&resumed.status.unwrap().conditions, "Suspended").is_none());
    let channel = &tenant.simulator().state()["channels"][0];
    assert_eq!((&channel["latencyMode"], &channel["type"]), (&json!("NORMAL"), &json!("BASIC")));
}

#[tokio::test]
async fn a_suspended_account_is_deleted_as_usual() {
    let tenant = tenant("suspended-deleted").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    edit(&tenant, "todd", json!({ "suspend": true })).await;
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn an_account_that_is_created_suspended_gets_nothing_until_it_is_resumed() {
    let tenant = tenant("created-suspended").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "suspend": true })).await;
    let suspended = until(&tenant, "todd", "is suspended", |account| {
        account.status.as_ref().is_some_and(|status| find(&status.conditions, "Suspended").is_some())
    })
    .await;
    assert!(suspended.metadata.finalizers.is_none() && suspended.status.unwrap().channel.is_none());
    edit(&tenant, "todd", json!({ "suspend": false })).await;
    ready(&tenant, "todd").await;
}
