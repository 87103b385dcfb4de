//! The number of calls and writes per account without failures. `make bench` measures the time.

use serde_json::json;
use testbed::wait;

use crate::support::{
    TIMEOUT, arns, calls, create, delete, effects, gone, operator_with_fail_points, ready, tenant,
};

const WRITES_TO_KUBERNETES: [&str; 4] = ["add_finalizer", "write_secret", "write_status", "publish"];

#[tokio::test]
async fn an_account_takes_three_creates_no_lists_and_at_most_four_writes() {
    let tenant = operator_with_fail_points().await.tenant("cost").await;
    let mut controller = tenant.controller().start().await;
    let is_list = |operation: &str| operation.starts_with("List");
    let lists = || tenant.simulator().calls().iter().filter(|call| is_list(&call.operation)).count();
    wait::until("the first resync has finished", TIMEOUT, || async { lists() >= 3 }).await.unwrap();
    tenant.simulator().clear_calls();

    create(&tenant, "todd", json!({})).await;
    arns(&ready(&tenant, "todd").await);
    assert!(controller.terminate().await.success());

    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        assert_eq!(calls(&tenant, operation), 1, "{operation}");
    }
    let operations: Vec<_> = tenant.simulator().calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(operations.len(), 3, "no other call: {operations:?}");

    // If the Creates take longer than ten seconds, an interim status is written as well.
    let effects = effects(&controller.log());
    let ready = effects.iter().rposition(|(name, _)| name == "write_status").unwrap();
    let names = effects[..=ready].iter().map(|(name, _)| name.as_str());
    let writes: Vec<_> = names.filter(|name| WRITES_TO_KUBERNETES.contains(name)).collect();
    assert!(writes.starts_with(&["add_finalizer"]) && writes.contains(&"write_secret"), "{writes:?}");
    assert!(writes.len() <= 4, "{writes:?}");
}

#[tokio::test]
async fn a_deletion_does_not_list_all_stages_again() {
    let tenant = tenant("deletioncost").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    wait::until("the first resync has finished", TIMEOUT, || async { calls(&tenant, "ListStages") >= 1 })
        .await
        .unwrap();
    tenant.simulator().clear_calls();
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_eq!((calls(&tenant, "ListStages"), calls(&tenant, "DeleteStage")), (0, 1));
    assert!(calls(&tenant, "ListChannels") >= 1, "a list by name costs one call");
}
