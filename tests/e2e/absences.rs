//! Missing resources, and a wrong endpoint, region, or installation: nothing is re-created or given up before
//! its absence is confirmed.

use ivs_simulator::Fault;
use serde_json::{Value, json};
use streamcat_operator::api::condition::{find, is_true};
use testbed::{Operator, Simulator, Tenant, http, wait};

use crate::support::{
    TIMEOUT, accounts, arns, calls, create, delete, event, gone, quick, ready, reason, recorded, tenant,
};

/// Returns the body of a page of the admin port, whatever its status.
async fn page(controller: &Operator, path: &str) -> String {
    http::get(&format!("{}{path}", controller.admin_url()))
        .await
        .map(|answer| answer.body)
        .unwrap_or_default()
}

/// Waits until the page contains these texts.
async fn until_page(controller: &Operator, path: &str, texts: &[&str]) {
    wait::until(format!("{path} has {texts:?}"), TIMEOUT, || async {
        let page = page(controller, path).await;
        if texts.iter().all(|text| page.contains(text)) { Ok(()) } else { Err(page) }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
}

/// Waits until three more resyncs have begun.
async fn three_resyncs(tenant: &Tenant) {
    let before = calls(tenant, "ListStages");
    wait::until("three more resyncs", TIMEOUT, || async { calls(tenant, "ListStages") >= before + 3 })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
}

/// Returns the number of lists that AWS has refused.
async fn refused_lists(controller: &Operator) -> f64 {
    let metrics = page(controller, "/metrics").await;
    let lists = metrics.lines().filter(|line| {
        line.starts_with("streamcat_aws_calls_total")
            && line.contains(r#"operation="List"#)
            && line.contains(r#"outcome="blocked""#)
    });
    lists.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn exists(tenant: &Tenant, name: &str) -> bool {
    accounts(tenant).get_opt(name).await.unwrap().is_some()
}

#[tokio::test]
async fn too_many_missing_resources_are_not_replaced_until_released() {
    let tenant = tenant("brake").await;
    let controller = quick(&tenant).start().await;
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut channels = Vec::new();
    for name in names {
        create(&tenant, name, json!({})).await;
        channels.push(arns(&ready(&tenant, name).await)[0].clone());
    }
    for channel in &channels[1..] {
        assert!(tenant.simulator().remove(channel));
    }

    let braked = reason(&tenant, "b", "BrakeEngaged").await;
    let conditions = &braked.status.as_ref().unwrap().conditions;
    let message = &find(conditions, "ChannelReady").unwrap().message;
    assert!(message.contains("6 of 7") && message.contains("release-brake --kind channel"), "{message}");
    assert!(event(&tenant, "b", "BrakeEngaged").await.contains("6 of 7"));
    until_page(&controller, "/readyz", &["ok\n", "brake on channels", "release-brake"]).await;
    until_page(
        &controller,
        "/metrics",
        &[
            r#"streamcat_brake_engaged{kind="channel"} 1"#,
            r#"streamcat_brake_engaged{kind="stage"} 0"#,
            r#"streamcat_missing_resources{kind="channel"} 6"#,
        ],
    )
    .await;
    delete(&tenant, "b").await;
    three_resyncs(&tenant).await;
    assert!(exists(&tenant, "b").await, "its channel may reappear");
    assert_eq!(calls(&tenant, "CreateChannel"), names.len());

    let release = tenant.controller().env("STREAMCAT_KIND", "channel").run(&["release-brake"]).await.unwrap();
    assert!(release.0.success(), "{}", release.1);
    gone(&tenant, "b").await;
    for (name, before) in names.iter().zip(&channels).skip(2) {
        let after = arns(&ready(&tenant, name).await);
        assert_ne!(after[0], *before);
        assert_eq!(recorded(&tenant, name).await, after);
    }
    assert_eq!(arns(&ready(&tenant, "a").await)[0], channels[0]);
    three_resyncs(&tenant).await;
    assert_eq!(page(&controller, "/readyz").await, "ok\n");
}

#[tokio::test]
async fn nothing_is_replaced_while_aws_lists_nothing() {
    let tenant = tenant("blind").await;
    let mut controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    assert!(controller.terminate().await.success());

    // Another endpoint with the same account and region, which has no resources.
    let empty = Simulator::builder().start().await.unwrap();
    let controller = quick(&tenant).env("AWS_ENDPOINT_URL", empty.url()).start_unready().await;
    let braked = reason(&tenant, "todd", "BrakeEngaged").await;
    assert!(is_true(&braked.status.as_ref().unwrap().conditions, "Reconciling"));
    until_page(&controller, "/readyz", &["brake on stages", "check the endpoint"]).await;
    delete(&tenant, "todd").await;
    create(&tenant, "ann", json!({})).await;
    reason(&tenant, "ann", "BrakeEngaged").await;
    let lists = || empty.calls().iter().filter(|call| call.operation == "ListStages").count();
    let until = lists() + 4;
    wait::until("four more resyncs", TIMEOUT, || async { lists() >= until })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert!(exists(&tenant, "todd").await);
    assert_eq!(recorded(&tenant, "todd").await, before);
    drop(controller);

    let _controller = quick(&tenant).start().await;
    gone(&tenant, "todd").await;
    ready(&tenant, "ann").await;
    assert_eq!((empty.counts().channels, tenant.simulator().counts().channels), (0, 1));
}

#[tokio::test]
async fn in_another_region_nothing_is_created_or_forgotten() {
    let tenant = tenant("region").await;
    let mut controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    create(&tenant, "ann", json!({})).await;
    ready(&tenant, "ann").await;
    let before = arns(&ready(&tenant, "todd").await);
    assert!(controller.terminate().await.success());

    let elsewhere = quick(&tenant).env("AWS_REGION", "eu-west-1").start_unready().await;
    let blocked = reason(&tenant, "todd", "RecordedElsewhere").await;
    let message = &find(&blocked.status.as_ref().unwrap().conditions, "Ready").unwrap().message;
    assert!(message.contains("us-west-2") && message.contains("eu-west-1"), "{message}");
    until_page(&elsewhere, "/readyz", &["recorded in us-west-2", "works in eu-west-1"]).await;
    delete(&tenant, "todd").await;
    create(&tenant, "bea", json!({})).await;
    reason(&tenant, "bea", "RecordedElsewhere").await;
    let refused = refused_lists(&elsewhere).await;
    wait::until("AWS has refused another list", TIMEOUT, || async {
        refused_lists(&elsewhere).await > refused
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    assert!(exists(&tenant, "todd").await);
    assert_eq!((recorded(&tenant, "todd").await, calls(&tenant, "CreateChannel")), (before.to_vec(), 2));
    drop(elsewhere);

    let _controller = quick(&tenant).start().await;
    gone(&tenant, "todd").await;
    ready(&tenant, "ann").await;
    ready(&tenant, "bea").await;
    assert_eq!(tenant.simulator().counts().channels, 2);
}

#[tokio::test]
async fn as_another_installation_nothing_is_created_or_forgotten() {
    let tenant = tenant("other").await;
    let mut controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    assert!(controller.terminate().await.success());

    let other = quick(&tenant).env("STREAMCAT_INSTALLATION_ID", "another").start_unready().await;
    let blocked = reason(&tenant, "todd", "OtherInstallation").await;
    let message = &find(&blocked.status.as_ref().unwrap().conditions, "Ready").unwrap().message;
    assert!(message.contains("another") && message.contains(tenant.installation().unwrap()), "{message}");
    until_page(&other, "/readyz", &["installation: ", "another", tenant.installation().unwrap()]).await;
    delete(&tenant, "todd").await;
    create(&tenant, "ann", json!({})).await;
    reason(&tenant, "ann", "OtherInstallation").await;
    three_resyncs(&tenant).await;
    assert!(exists(&tenant, "todd").await);
    assert_eq!((recorded(&tenant, "todd").await, calls(&tenant, "CreateChannel")), (before.to_vec(), 1));
    drop(other);

    let _controller = quick(&tenant).start().await;
    gone(&tenant, "todd").await;
    ready(&tenant, "ann").await;
    assert_eq!(tenant.simulator().counts().channels, 1);
}

/// Adds a removed resource to the state of AWS again, as if it had only been hidden.
fn restore(tenant: &Tenant, kind: &str, resource: Value) {
    let mut state = tenant.simulator().state();
    state[kind].as_array_mut().unwrap().push(resource);
    tenant.simulator().load_state(state).unwrap();
}

#[tokio::test]
async fn the_first_resource_is_kept_when_it_reappears() {
    let tenant = tenant("again").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    let room = tenant.simulator().state()["rooms"][0].clone();
    assert!(tenant.simulator().remove(&before[1]));
    wait::until("a second room is created", TIMEOUT, || async { calls(&tenant, "CreateRoom") == 2 })
        .await
        .unwrap();
    ready(&tenant, "todd").await;

    restore(&tenant, "rooms", room);
    wait::until("the first room is back in row and status", TIMEOUT, || async {
        let is = (recorded(&tenant, "todd").await, arns(&ready(&tenant, "todd").await));
        if is.0 == before && is.1 == before { Ok(()) } else { Err(format!("{is:?}")) }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    wait::until("the second room is deleted", TIMEOUT, || async { tenant.simulator().counts().rooms == 1 })
        .await
        .unwrap();
    assert!(event(&tenant, "todd", "ArnChanged").await.contains(&before[1]));
}

#[tokio::test]
async fn a_setting_that_has_no_effect_does_not_keep_an_account_from_ready() {
    let tenant = tenant("notkept").await;
    let _controller = quick(&tenant).start().await;
    // AWS does not keep the fallback of a handler that is not there.
    let handler = json!({ "uri": "", "fallbackResult": "DENY" });
    create(&tenant, "todd", json!({ "chatRoom": { "messageReviewHandler": handler } })).await;
    ready(&tenant, "todd").await;
    assert_eq!((calls(&tenant, "CreateRoom"), calls(&tenant, "UpdateRoom")), (1, 0));
}

#[tokio::test]
async fn resyncs_that_fail_are_in_readyz_and_metrics() {
    let tenant = tenant("denied").await;
    let controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    let metric = async |name: &str| -> f64 {
        let metrics = page(&controller, "/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default();
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or_default()
    };
    assert!(metric("streamcat_last_resync_timestamp_seconds").await > 1_700_000_000.0);
    let failed = metric("streamcat_resync_failures_total").await;
    for operation in ["ListChannels", "ListRooms", "ListStages"] {
        tenant.simulator().fault(Fault::error(operation, 403, "AccessDeniedException").every(1));
    }
    until_page(&controller, "/readyz", &["ok\n", "resync: No resync has succeeded since", "AccessDenied"])
        .await;
    assert!(metric("streamcat_resync_failures_total").await > failed);

    tenant.simulator().clear_faults();
    wait::until("the note is gone", TIMEOUT, || async { page(&controller, "/readyz").await == "ok\n" })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
}
