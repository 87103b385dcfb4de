//! Resources that disappear from AWS without the operator: deleted in the console, or by AWS after long
//! disuse.

use serde_json::json;
use streamcat_operator::api::{
    StreamerAccount,
    condition::{find, is_true},
};
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, annotate, arns, calls, count, create, edit, event, ready, reason, recorded, tenant, until,
};

/// Waits until an account has another room, and returns it.
async fn another_room(tenant: &Tenant, name: &str, before: &str) -> StreamerAccount {
    until(tenant, name, "has another room", |account| {
        let room = account.status.as_ref().and_then(|status| status.chat_room.as_ref());
        room.is_some_and(|room| room.arn != before)
    })
    .await
}

#[tokio::test]
async fn a_resource_deleted_in_the_console_is_recreated_with_an_event() {
    let tenant = tenant("recreated").await;
    let _controller = tenant
        .controller()
        .env("STREAMCAT_RESYNC_INTERVAL", "1s")
        .env("STREAMCAT_CONSISTENCY_GRACE", "1s")
        .start()
        .await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    assert!(tenant.simulator().remove(&before[1]));

    let after = another_room(&tenant, "todd", &before[1]).await;
    let conditions = &after.status.as_ref().unwrap().conditions;
    let message = &find(conditions, "ChatRoomReady").unwrap().message;
    assert!(message.contains("was gone from AWS") && message.contains(&before[1]), "{message}");
    let note = event(&tenant, "todd", "Recreated").await;
    assert!(note.contains(&before[1]) && note.contains(&arns(&after)[1]), "{note}");
    assert_eq!(tenant.simulator().counts().rooms, 1);
    assert_eq!(calls(&tenant, "CreateChannel"), 1);
}

#[tokio::test]
async fn an_absence_is_confirmed_by_two_lists() {
    let tenant = tenant("missing").await;
    let controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s");
    let _controller = controller.env("STREAMCAT_CONSISTENCY_GRACE", "10m").start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    // A resource that was recorded within the grace period may be missing from a list.
    let made_long_ago = "update chat_rooms set created_at = now() - interval '1 hour'";
    sqlx::query(made_long_ago).execute(&tenant.pool()).await.unwrap();
    assert!(tenant.simulator().remove(&before[1]));

    let waiting = reason(&tenant, "todd", "ResourceMissing").await;
    let conditions = &waiting.status.as_ref().unwrap().conditions;
    assert!(is_true(conditions, "ChannelReady") && is_true(conditions, "StageReady"));
    assert!(is_true(conditions, "Reconciling") && !is_true(conditions, "ChatRoomReady"));
    assert_eq!((arns(&waiting), calls(&tenant, "CreateRoom")), (before.clone(), 1));

    wait::until("a list without the room is recorded", TIMEOUT, || async {
        count(&tenant, "select count(*) from missing_resources where unlisted_since is not null").await == 1
    })
    .await
    .unwrap();
    // As if the first list without it had been made an hour ago.
    let long_ago = "update missing_resources set unlisted_since = unlisted_since - interval '1 hour'";
    sqlx::query(long_ago).execute(&tenant.pool()).await.unwrap();
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=now").await;
    another_room(&tenant, "todd", &before[1]).await;
    let after = arns(&ready(&tenant, "todd").await);
    assert_eq!(recorded(&tenant, "todd").await, after);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    // A resync that was in progress may have recorded it once more.
    wait::until("the evidence is deleted", TIMEOUT, || async {
        count(&tenant, "select count(*) from missing_resources").await == 0
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn with_recreate_policy_never_it_stalls_until_the_policy_changes() {
    let tenant = tenant("never").await;
    let _controller = tenant
        .controller()
        .env("STREAMCAT_RESYNC_INTERVAL", "1s")
        .env("STREAMCAT_CONSISTENCY_GRACE", "1s")
        .start()
        .await;
    create(&tenant, "todd", json!({ "recreatePolicy": "Never" })).await;
    let before = arns(&ready(&tenant, "todd").await);
    assert!(tenant.simulator().remove(&before[1]));

    let stalled = reason(&tenant, "todd", "ResourceGone").await;
    let conditions = &stalled.status.as_ref().unwrap().conditions;
    let message = &find(conditions, "Stalled").unwrap().message;
    assert!(message.contains(&before[1]) && message.contains("recreatePolicy"), "{message}");
    assert!(find(conditions, "Reconciling").is_none());
    assert!(event(&tenant, "todd", "ResourceGone").await.contains(&before[1]));

    // The two others still follow the spec.
    edit(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    let edited = reason(&tenant, "todd", "ResourceGone").await;
    let conditions = &edited.status.as_ref().unwrap().conditions;
    assert!(is_true(conditions, "ChannelReady") && is_true(conditions, "StageReady"));
    assert_eq!(tenant.simulator().state()["channels"][0]["latencyMode"], "NORMAL");
    assert_eq!((arns(&edited), calls(&tenant, "CreateRoom")), (before.clone(), 1));

    edit(&tenant, "todd", json!({ "recreatePolicy": "Always" })).await;
    let after = arns(&ready(&tenant, "todd").await);
    assert!(after[1] != before[1] && after[0] == before[0] && after[2] == before[2]);
    assert_eq!((tenant.simulator().counts().rooms, recorded(&tenant, "todd").await), (1, after.to_vec()));
}
