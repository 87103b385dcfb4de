//! A namespace that forbids events: they never hold up status.

use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::PostParams};
use serde_json::json;
use streamcat_operator::api::condition::find;
use testbed::{Tenant, wait};

use crate::support::{TIMEOUT, allow_again, arns, create, event, forbid, ready, tenant, until};

/// Returns true if the API server accepts events in the tenant's namespace.
async fn accepts_events(tenant: &Tenant) -> bool {
    let events: Api<Event> = Api::namespaced(tenant.kube(), tenant.namespace());
    let probe = json!({
        "metadata": { "name": "probe" },
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "regarding": { "kind": "Namespace", "namespace": tenant.namespace(), "name": tenant.namespace() },
        "action": "Probe",
        "reason": "Probe",
        "type": "Normal",
        "reportingController": "test",
        "reportingInstance": "test",
    });
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let event = serde_json::from_value(probe).unwrap();
    match events.create(&params, &event).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.message.contains("no events here") => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_refused_event_does_not_keep_a_new_arn_from_status() {
    let tenant = tenant("no-events").await;
    let controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s");
    let _controller = controller.env("STREAMCAT_CONSISTENCY_GRACE", "1s").start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    let events = json!({
        "apiGroups": ["", "events.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["events"],
    });
    forbid(&tenant, &events, "no events here").await;
    wait::until("events are refused", TIMEOUT, || async { !accepts_events(&tenant).await })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert!(tenant.simulator().remove(&before[1]));

    let after = until(&tenant, "todd", "has another room", |account| {
        let room = account.status.as_ref().and_then(|status| status.chat_room.as_ref());
        room.is_some_and(|room| room.arn != before[1])
    })
    .await;
    let conditions = &after.status.as_ref().unwrap().conditions;
    let condition = find(conditions, "ChatRoomReady").unwrap();
    assert_eq!(condition.reason, "Recreated");
    assert!(condition.message.contains(&before[1]), "{}", condition.message);
    ready(&tenant, "todd").await;

    allow_again(&tenant).await;
    let note = event(&tenant, "todd", "Recreated").await;
    assert!(note.contains(&before[1]) && note.contains(&arns(&after)[1]), "{note}");
}
