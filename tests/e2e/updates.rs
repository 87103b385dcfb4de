//! Edits of the spec.

use ivs_simulator::Fault;
use serde_json::{Value, json};
use streamcat_operator::api::condition::{find, is_true};
use testbed::{OperatorBuilder, Tenant, wait};

use crate::support::{TIMEOUT, annotate, arns, called, calls, count, create, edit, ready, reason, tenant};

/// Returns the operations of all writing calls, in alphabetical order.
fn writes(tenant: &Tenant) -> Vec<String> {
    let reads = ["Get", "List", "BatchGet"];
    let calls = tenant.simulator().calls();
    let writes = calls.iter().map(|call| call.operation.clone());
    let mut writes: Vec<_> = writes.filter(|name| !reads.iter().any(|read| name.starts_with(read))).collect();
    writes.sort();
    writes
}

/// Returns the only channel in AWS.
fn channel(tenant: &Tenant) -> Value {
    tenant.simulator().state()["channels"][0].clone()
}

#[tokio::test]
async fn an_edit_sends_one_update_and_changes_no_arn() {
    let tenant = tenant("edit").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "channel": { "type": "BASIC" } })).await;
    let before = arns(&ready(&tenant, "todd").await);
    tenant.simulator().clear_calls();

    edit(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    let after = ready(&tenant, "todd").await;
    assert_eq!(arns(&after), before);
    assert_eq!(writes(&tenant), ["UpdateChannel"]);
    let all = tenant.simulator().calls();
    let update = all.iter().find(|call| call.operation == "UpdateChannel").unwrap();
    assert_eq!(
        update.request,
        json!({ "arn": before[0], "latencyMode": "NORMAL" }),
        "only what differs is sent"
    );
}

#[tokio::test]
async fn each_kind_is_updated_by_its_own_call() {
    let tenant = tenant("kinds").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    tenant.simulator().clear_calls();

    let storage = tenant.simulator().add_storage_configuration();
    let recording =
        json!({ "autoParticipantRecordingConfiguration": { "storageConfigurationArn": storage } });
    edit(&tenant, "todd", json!({ "chatRoom": { "maximumMessageLength": 100 }, "stage": recording })).await;
    ready(&tenant, "todd").await;
    assert_eq!(writes(&tenant), ["UpdateRoom", "UpdateStage"]);
}

#[tokio::test]
async fn tags_are_set_and_removed_on_all_three_and_reserved_tags_stay() {
    let tenant = tenant("tags").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "tags": { "team": "a", "old": "x" } })).await;
    ready(&tenant, "todd").await;
    tenant.simulator().clear_calls();

    edit(&tenant, "todd", json!({ "tags": { "team": "b", "old": null, "new": "n" } })).await;
    ready(&tenant, "todd").await;
    let tag = ["TagResource"; 3].into_iter().chain(["UntagResource"; 3]).collect::<Vec<_>>();
    assert_eq!(writes(&tenant), tag);
    let tags = channel(&tenant)["tags"].clone();
    assert_eq!((&tags["team"], &tags["new"], &tags["old"]), (&json!("b"), &json!("n"), &Value::Null));
    assert!(tags["streamcat.dev/user"].is_string());
}

/// A disabled setting is handled like an enabled one: it is sent, AWS keeps it, and it is not sent again.
#[tokio::test]
async fn a_disabled_setting_is_sent_once_and_stays_off() {
    let tenant = tenant("off").await;
    let _controller = quick(&tenant).env("STREAMCAT_RESYNC_INTERVAL", "2s").start().await;
    let storage = tenant.simulator().add_storage_configuration();
    let recording = |off: Value| {
        let mut recording = json!({ "storageConfigurationArn": storage, "mediaTypes": ["AUDIO_ONLY"] });
        recording.as_object_mut().unwrap().extend(off.as_object().unwrap().clone());
        json!({ "stage": { "autoParticipantRecordingConfiguration": recording } })
    };
    let off = json!({ "recordParticipantReplicas": false, "recordingReconnectWindowSeconds": 0 });
    let kept = || tenant.simulator().state()["stages"][0]["autoParticipantRecordingConfiguration"].clone();
    let is_off = |of: &Value| {
        (&of["recordParticipantReplicas"], &of["recordingReconnectWindowSeconds"])
            == (&json!(false), &json!(0))
    };

    create(&tenant, "todd", recording(off.clone())).await;
    ready(&tenant, "todd").await;
    assert!(is_off(&kept()), "{}", kept());
    let on = json!({ "recordParticipantReplicas": true, "recordingReconnectWindowSeconds": 60 });
    edit(&tenant, "todd", recording(on)).await;
    ready(&tenant, "todd").await;
    assert!(!is_off(&kept()), "{}", kept());
    tenant.simulator().clear_calls();

    edit(&tenant, "todd", recording(off)).await;
    ready(&tenant, "todd").await;
    assert!(is_off(&kept()), "{}", kept());
    wait::until("more resyncs have begun", TIMEOUT, async || match calls(&tenant, "ListStages") {
        0..3 => Err("not yet".to_owned()),
        _ => Ok(()),
    })
    .await
    .unwrap();
    assert_eq!(writes(&tenant), ["UpdateStage"]);
}

#[tokio::test]
async fn a_look_alike_of_a_reserved_tag_is_removed() {
    let tenant = tenant("alike").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "tags": { "team": "a" } })).await;
    let channel_arn = arns(&ready(&tenant, "todd").await)[0].clone();
    assert!(tenant.simulator().set_tag(&channel_arn, "Streamcat.dev/installation", "other"));
    edit(&tenant, "todd", json!({ "tags": { "team": "b" } })).await;
    ready(&tenant, "todd").await;
    let tags = channel(&tenant)["tags"].clone();
    assert_eq!((&tags["team"], &tags["Streamcat.dev/installation"]), (&json!("b"), &Value::Null));
    assert!(tags["streamcat.dev/installation"].is_string());
}

#[tokio::test]
async fn an_edit_rejected_by_aws_is_stalled_until_corrected() {
    let tenant = tenant("refused").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);

    let text = "preset is not for this account";
    let mut refusal = Fault::error("UpdateChannel", 400, "ValidationException").times(1);
    if let ivs_simulator::FaultKind::Error { message, .. } = &mut refusal.kind {
        *message = text.into();
    }
    tenant.simulator().fault(refusal);
    edit(&tenant, "todd", json!({ "channel": { "type": "BASIC" } })).await;
    let stalled = reason(&tenant, "todd", "InvalidSpec").await;
    let conditions = &stalled.status.as_ref().unwrap().conditions;
    let message = &find(conditions, "Stalled").unwrap().message;
    assert!(message.contains("UpdateChannel") && message.contains(text), "{message}");
    assert!(is_true(conditions, "ChatRoomReady") && is_true(conditions, "StageReady"));
    assert!(find(conditions, "Reconciling").is_none());
    assert_eq!(arns(&stalled), before);

    edit(&tenant, "todd", json!({ "channel": { "type": "ADVANCED_SD" } })).await;
    let corrected = ready(&tenant, "todd").await;
    assert!(find(&corrected.status.unwrap().conditions, "Stalled").is_none());
    assert_eq!(channel(&tenant)["type"], "ADVANCED_SD");
}

#[tokio::test]
async fn an_exhausted_quota_is_reported_and_the_others_are_created() {
    let tenant = tenant("quota").await;
    let _controller = tenant.controller().start().await;
    tenant.simulator().fault(Fault::error("CreateStage", 402, "ServiceQuotaExceededException"));
    create(&tenant, "todd", json!({})).await;

    let blocked = reason(&tenant, "todd", "QuotaExceeded").await;
    let status = blocked.status.unwrap();
    assert!(is_true(&status.conditions, "Reconciling") && is_true(&status.conditions, "ChannelReady"));
    let message = &find(&status.conditions, "StageReady").unwrap().message;
    assert!(message.contains("CreateStage") && message.contains("(request "), "{message}");
    assert!(status.stage.is_none() && status.channel.is_some());
    // Our own finalizer and status cause no second reconcile.
    assert_eq!(calls(&tenant, "CreateStage"), 1);
}

/// Returns a controller with a short call timeout and a short grace period.
fn quick(tenant: &Tenant) -> OperatorBuilder {
    tenant.controller().env("STREAMCAT_AWS_CALL_TIMEOUT", "2s").env("STREAMCAT_CONSISTENCY_GRACE", "1s")
}

/// Edits a tag. Then an older edit of it takes effect, as one may whose response was lost.
async fn edit_before_a_late_older_edit(tenant: &Tenant) {
    create(tenant, "todd", json!({ "tags": { "team": "a" } })).await;
    ready(tenant, "todd").await;
    edit(tenant, "todd", json!({ "tags": { "team": "b" } })).await;
    let channel = arns(&ready(tenant, "todd").await)[0].clone();
    assert_eq!(
        count(tenant, "select count(*) from pending_updates").await,
        3,
        "each update is pending until its re-check"
    );
    assert!(tenant.simulator().set_tag(&channel, "team", "a"));
}

/// Waits until AWS has the last edit, and no update is pending.
async fn until_last_edit_persists(tenant: &Tenant) {
    let persists = wait::until("the last edit persists", TIMEOUT, async || {
        match (
            channel(tenant)["tags"]["team"].as_str(),
            count(tenant, "select count(*) from pending_updates").await,
        ) {
            (Some("b"), 0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    persists.await.unwrap();
}

#[tokio::test]
async fn an_older_edit_that_takes_effect_last_is_corrected() {
    let tenant = tenant("older").await;
    let _controller = quick(&tenant).start().await;
    edit_before_a_late_older_edit(&tenant).await;
    tenant.simulator().clear_calls();
    until_last_edit_persists(&tenant).await;
    assert_eq!(writes(&tenant), ["TagResource"]);
    assert_eq!(
        (calls(&tenant, "GetChannel"), calls(&tenant, "GetRoom")),
        (2, 1),
        "the corrected channel is re-checked"
    );
}

#[tokio::test]
async fn the_next_controller_corrects_an_older_edit_as_well() {
    let tenant = tenant("later").await;
    let mut before = quick(&tenant).start().await;
    edit_before_a_late_older_edit(&tenant).await;
    assert!(before.terminate().await.success());
    let _controller = quick(&tenant).start().await;
    until_last_edit_persists(&tenant).await;
}

#[tokio::test]
async fn a_reference_that_does_not_exist_yet_is_retried() {
    let tenant = tenant("references").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let all = arns(&ready(&tenant, "todd").await);
    let beside = |arn: &str, kind: &str| format!("{}:{kind}/later", arn.rsplit_once(':').unwrap().0);
    let recording = beside(&all[0], "recording-configuration");
    let restriction = beside(&all[0], "playback-restriction-policy");
    let logging = beside(&all[1], "logging-configuration");
    let storage = beside(&all[2], "storage-configuration");
    let recorded_stage =
        json!({ "autoParticipantRecordingConfiguration": { "storageConfigurationArn": storage } });
    for (name, spec) in [
        ("ann", json!({ "channel": { "recordingConfigurationArn": recording } })),
        ("bea", json!({ "channel": { "playbackRestrictionPolicyArn": restriction } })),
        ("carl", json!({ "chatRoom": { "loggingConfigurationIdentifiers": [logging] } })),
        ("dora", json!({ "stage": recorded_stage })),
    ] {
        create(&tenant, name, spec.clone()).await;
        edit(&tenant, "todd", spec).await;
        for name in [name, "todd"] {
            let waiting = reason(&tenant, name, "ReferenceNotFound").await;
            let conditions = &waiting.status.as_ref().unwrap().conditions;
            assert!(is_true(conditions, "Reconciling") && find(conditions, "Stalled").is_none(), "{name}");
        }
        let unset = json!({ "channel": null, "chatRoom": null, "stage": null });
        edit(&tenant, "todd", unset).await;
        ready(&tenant, "todd").await;
    }

    // It has been made in the meantime.
    tenant.simulator().fault(Fault::error("CreateChannel", 404, "ResourceNotFoundException").times(1));
    create(&tenant, "erin", json!({})).await;
    reason(&tenant, "erin", "ReferenceNotFound").await;
    annotate(&tenant, "erin", "streamcat.dev/reconcile-at=now").await;
    ready(&tenant, "erin").await;
}

#[tokio::test]
async fn retries_of_a_blocked_account_leave_no_rows() {
    let tenant = tenant("rows").await;
    let _controller = tenant.controller().start().await;
    tenant.simulator().fault(Fault::error("CreateStage", 402, "ServiceQuotaExceededException").every(1));
    create(&tenant, "todd", json!({})).await;
    reason(&tenant, "todd", "QuotaExceeded").await;
    for tries in 2..=5 {
        annotate(&tenant, "todd", &format!("streamcat.dev/reconcile-at={tries}")).await;
        called(&tenant, "CreateStage", tries).await;
    }
    let refused = "select count(*) from create_attempts where kind = 'stage' and state <> 'open'";
    wait::until("the last attempt has ended", TIMEOUT, || async {
        count(&tenant, "select count(*) from create_attempts where state = 'open'").await == 0
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(count(&tenant, refused).await, 1);

    tenant.simulator().clear_faults();
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=now").await;
    ready(&tenant, "todd").await;
    assert_eq!(count(&tenant, "select count(*) from create_attempts where kind = 'stage'").await, 2);
}

#[tokio::test]
async fn the_row_of_a_stage_has_its_endpoints_and_follows_aws() {
    let tenant = tenant("stage-endpoints").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let endpoints = ready(&tenant, "todd").await.status.unwrap().stage.unwrap().endpoints.unwrap();
    let row = async || {
        let query = "select whip_endpoint from stages";
        sqlx::query_scalar::<_, Option<String>>(query).fetch_one(&tenant.pool()).await.unwrap()
    };
    assert!(endpoints.whip.is_some());
    assert_eq!(row().await, endpoints.whip);
    let overwrite = "update stages set whip_endpoint = 'https://elsewhere'";
    sqlx::query(overwrite).execute(&tenant.pool()).await.unwrap();
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=now").await;
    wait::until("the row is corrected", TIMEOUT, || async { row().await == endpoints.whip })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
}
