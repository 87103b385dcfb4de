//! The controller is killed, or a response is lost, in the middle of an operation.

use std::time::Duration;

use ivs_simulator::Fault;
use serde_json::json;
use testbed::{Operator, Tenant, wait};

use crate::support::{
    TIMEOUT, arns, assert_nothing_left, called, calls, create, delete, gone, ready, recorded, tenant,
};

/// Starts a controller with a short call timeout and a short grace period.
async fn start_quick(tenant: &Tenant) -> Operator {
    let controller = tenant.controller().env("STREAMCAT_AWS_CALL_TIMEOUT", "3s");
    controller.env("STREAMCAT_CONSISTENCY_GRACE", "1s").start().await
}

async fn assert_one_of_each(tenant: &Tenant, username: &str) {
    let account = ready(tenant, username).await;
    let counts = tenant.simulator().counts();
    assert_eq!([counts.channels, counts.rooms, counts.stages], [1; 3]);
    assert_eq!(recorded(tenant, username).await, arns(&account));
    let state = tenant.simulator().state().to_string();
    assert!(arns(&account).iter().all(|arn| state.contains(arn.as_str())));
}

#[tokio::test]
async fn a_controller_killed_while_creating_adopts_its_resources() {
    let tenant = tenant("killed").await;
    let mut controller = start_quick(&tenant).await;
    tenant.simulator().set_latency(Duration::from_millis(1500));
    create(&tenant, "todd", json!({})).await;
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        called(&tenant, operation, 1).await;
    }
    controller.kill().await;
    tenant.simulator().set_latency(Duration::ZERO);

    let _controller = start_quick(&tenant).await;
    assert_one_of_each(&tenant, "todd").await;
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        assert_eq!(calls(&tenant, operation), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_controller_killed_while_deleting_finishes_the_deletion() {
    let tenant = tenant("deleting").await;
    let mut controller = start_quick(&tenant).await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    tenant.simulator().set_latency(Duration::from_millis(500));
    delete(&tenant, "todd").await;
    called(&tenant, "DeleteRoom", 1).await;
    controller.kill().await;
    tenant.simulator().set_latency(Duration::ZERO);

    let _controller = start_quick(&tenant).await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn a_deletion_with_an_unknown_create_outcome_leaves_nothing() {
    let tenant = tenant("unknown").await;
    let mut controller = start_quick(&tenant).await;
    tenant.simulator().set_latency(Duration::from_millis(1500));
    create(&tenant, "todd", json!({})).await;
    called(&tenant, "CreateStage", 1).await;
    controller.kill().await;
    tenant.simulator().set_latency(Duration::ZERO);
    delete(&tenant, "todd").await;

    let _controller = start_quick(&tenant).await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn a_lost_response_causes_no_second_resource() {
    let tenant = tenant("lost").await;
    let _controller = start_quick(&tenant).await;
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        tenant.simulator().fault(Fault::execute_then_drop(operation));
    }
    create(&tenant, "todd", json!({})).await;
    assert_one_of_each(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "CreateChannel"), 1);
    let secret =
        tenant.kubectl(&["get", "secret", "todd-stream-key", "-o", "jsonpath={.data.streamKey}"]).await;
    assert!(!secret.stdout.is_empty(), "the stream key is read again: {}", secret.stderr);
}

#[tokio::test]
async fn a_call_that_never_arrived_is_repeated_after_a_list() {
    let tenant = tenant("blocked").await;
    let _controller = start_quick(&tenant).await;
    tenant.simulator().fault(Fault::block("CreateRoom"));
    tenant.simulator().fault(Fault::hang("CreateStage"));
    create(&tenant, "todd", json!({})).await;
    assert_one_of_each(&tenant, "todd").await;
    assert_eq!((calls(&tenant, "CreateRoom"), calls(&tenant, "CreateStage")), (2, 2));
}

#[tokio::test]
async fn a_controller_stopped_while_creating_records_the_responses() {
    let tenant = tenant("sigterm").await;
    let mut controller = tenant.controller().start().await;
    tenant.simulator().set_latency(Duration::from_millis(1500));
    create(&tenant, "todd", json!({})).await;
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        called(&tenant, operation, 1).await;
    }
    assert!(controller.terminate().await.success());
    assert_eq!(recorded(&tenant, "todd").await.len(), 3, "{}", controller.log());
    tenant.simulator().set_latency(Duration::ZERO);

    let _controller = tenant.controller().start().await;
    assert_one_of_each(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "CreateStage"), 1);
}

#[tokio::test]
async fn a_create_that_takes_effect_after_deletion_is_undone_by_a_resync() {
    let tenant = tenant("late").await;
    let quick =
        tenant.controller().env("STREAMCAT_AWS_CALL_TIMEOUT", "1s").env("STREAMCAT_CONSISTENCY_GRACE", "1s");
    let _controller = quick.env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    tenant.simulator().fault(Fault::late("CreateStage", Duration::from_secs(9)));
    create(&tenant, "todd", json!({})).await;
    called(&tenant, "CreateStage", 1).await;
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    let created = wait::until("the Create takes effect", TIMEOUT, || async {
        let calls = tenant.simulator().calls();
        let create = calls.iter().find(|call| call.operation == "CreateStage").cloned();
        create.is_some_and(|call| call.effected.is_some())
    });
    created.await.unwrap_or_else(|error| panic!("{error:?}"));
    wait::until("nothing is left", TIMEOUT, || async { tenant.simulator().counts().stages == 0 })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_nothing_left(&tenant).await;
}
