//! Drift: what somebody changes in AWS is noticed by the next resync, and changed back.

use std::{collections::BTreeSet, fs};

use ivs_simulator::Fault;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};
use streamcat_operator::api::{condition::find, tags};
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, annotate, called, calls, count, create, edit, event, quick, ready, reason, tenant,
};

/// A change of one member of a resource in the state of the simulator.
struct ChangedField {
    /// The field, as docs/drift.md calls it.
    documented: &'static str,
    /// The field, as the event calls it.
    reported: String,
    /// The list of the resources, and the path of the member.
    list: &'static str,
    path: String,
    /// The value that somebody sets. Null removes the member.
    value: Value,
}

/// Returns the name of the simulator's list of a part of the spec.
fn list_of(part: &str) -> &'static str {
    match part {
        "channel" => "channels",
        "chatRoom" => "rooms",
        _ => "stages",
    }
}

/// Returns a change of a setting, by its path in the spec.
fn setting(documented: &'static str, path: &str, value: Value) -> ChangedField {
    let (part, reported) = path.split_once('.').unwrap();
    ChangedField {
        documented,
        reported: reported.to_owned(),
        list: list_of(part),
        path: format!("/{}", reported.replace('.', "/")),
        value,
    }
}

/// Returns a change of a tag.
fn tag(documented: &'static str, key: &str, list: &'static str, value: Value) -> ChangedField {
    let path = format!("/tags/{}", key.replace('/', "~1"));
    ChangedField { documented, reported: format!("tag {key}"), list, path, value }
}

/// Returns one change of each field that lists contain.
fn changes() -> Vec<ChangedField> {
    let name = |list| ChangedField {
        documented: "the name of each resource",
        reported: "name".to_owned(),
        list,
        path: "/name".to_owned(),
        value: json!("renamed"),
    };
    let ownership =
        "`streamcat.dev/installation`, `streamcat.dev/user`, `streamcat.dev/account`, if they are gone";
    let handler = "`chatRoom.messageReviewHandler`";
    vec![
        name("channels"),
        name("rooms"),
        name("stages"),
        tag("`tags`", "team", "channels", json!("another")),
        tag("`tags`", "team", "rooms", json!(null)),
        tag("`tags`", "cost", "stages", json!("")),
        tag(ownership, tags::INSTALLATION, "channels", json!(null)),
        tag(ownership, tags::USER, "rooms", json!(null)),
        tag(ownership, tags::ACCOUNT, "stages", json!(null)),
        setting("`channel.type`", "channel.type", json!("ADVANCED_SD")),
        setting("`channel.latencyMode`", "channel.latencyMode", json!("LOW")),
        setting("`channel.authorized`", "channel.authorized", json!(false)),
        setting("`channel.insecureIngest`", "channel.insecureIngest", json!(false)),
        setting("`channel.preset`", "channel.preset", json!("HIGHER_BANDWIDTH_DELIVERY")),
        setting("`channel.recordingConfigurationArn`", "channel.recordingConfigurationArn", json!("")),
        setting("`channel.playbackRestrictionPolicyArn`", "channel.playbackRestrictionPolicyArn", json!("")),
        setting("`channel.adConfigurationArn`", "channel.adConfigurationArn", json!("arn:aws:ivs:x")),
        setting(
            "`channel.failoverSlateConfigurationArn`",
            "channel.failoverSlateConfigurationArn",
            json!("arn:aws:ivs:x"),
        ),
        setting(handler, "chatRoom.messageReviewHandler.uri", json!("arn:aws:lambda:x")),
        setting(handler, "chatRoom.messageReviewHandler.fallbackResult", json!("ALLOW")),
        setting(
            "`chatRoom.loggingConfigurationIdentifiers`",
            "chatRoom.loggingConfigurationIdentifiers",
            json!([]),
        ),
    ]
}

/// Returns a spec with each field that lists contain.
pub fn listed_settings(tenant: &Tenant) -> Value {
    let simulator = tenant.simulator();
    json!({
        "channel": {
            "type": "ADVANCED_HD",
            "latencyMode": "NORMAL",
            "authorized": true,
            "insecureIngest": true,
            "preset": "CONSTRAINED_BANDWIDTH_DELIVERY",
            "recordingConfigurationArn": simulator.add_recording_configuration(),
            "playbackRestrictionPolicyArn": simulator.add_playback_restriction_policy(),
            "adConfigurationArn": "",
            "failoverSlateConfigurationArn": "",
        },
        "chatRoom": {
            "messageReviewHandler": {
                "uri": "arn:aws:lambda:us-west-2:123456789012:function:review",
                "fallbackResult": "DENY",
            },
            "loggingConfigurationIdentifiers": [simulator.add_logging_configuration()],
        },
        "tags": { "team": "a", "cost": "7" },
    })
}

/// Returns the resource with an ARN in a state of the simulator.
fn resource<'s>(state: &'s mut Value, list: &str, arn: &str) -> &'s mut Value {
    let all = state[list].as_array_mut().unwrap();
    all.iter_mut().find(|resource| resource["arn"] == arn).unwrap()
}

/// Sets a member of a resource, or removes it if the value is null. Returns the value before.
fn set(resource: &mut Value, path: &str, value: &Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let members = resource.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let name = name.replace("~1", "/");
    if value.is_null() {
        return members.remove(&name).unwrap();
    }
    members.insert(name, value.clone()).unwrap()
}

/// Returns the fields that the table in docs/drift.md says each resync compares.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/drift.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | by each resync |"));
    rows.map(|(field, _)| field.to_owned()).collect()
}

#[tokio::test]
async fn each_change_in_aws_is_noticed_by_a_resync_and_changed_back() {
    let changes = changes();
    let covered: BTreeSet<_> = changes.iter().map(|change| change.documented.to_owned()).collect();
    assert_eq!(covered, documented());

    let tenant = tenant("drift").await;
    let spec = listed_settings(&tenant);
    let _controller = quick(&tenant).start().await;
    // Each field is changed in an account of its own.
    let names: Vec<_> = (0..changes.len()).map(|number| format!("streamer-{number}")).collect();
    for name in &names {
        create(&tenant, name, spec.clone()).await;
    }
    let mut targets = Vec::new();
    for (name, change) in names.iter().zip(&changes) {
        let status = ready(&tenant, name).await.status.unwrap();
        targets.push(match change.list {
            "channels" => status.channel.unwrap().arn,
            "rooms" => status.chat_room.unwrap().arn,
            _ => status.stage.unwrap().arn,
        });
    }

    let mut state = tenant.simulator().state();
    let change = |(change, arn): (&ChangedField, &String)| {
        set(resource(&mut state, change.list, arn), &change.path, &change.value)
    };
    let wanted: Vec<_> = changes.iter().zip(&targets).map(change).collect();
    tenant.simulator().load_state(state).unwrap();

    for (((name, change), arn), wanted) in names.iter().zip(&changes).zip(&targets).zip(&wanted) {
        wait::until(format!("{} of {arn} is {wanted} again", change.path), TIMEOUT, || async {
            let mut state = tenant.simulator().state();
            let found = resource(&mut state, change.list, arn);
            if found.pointer(&change.path) == Some(wanted) { Ok(()) } else { Err(found.clone()) }
        })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
        let note = event(&tenant, name, "DriftCorrected").await;
        assert!(note.contains(&format!(" {} is ", change.reported)), "{note}");
        ready(&tenant, name).await;
    }
}

fn set_tag(resource: &mut Value, key: &str, value: &str) {
    resource["tags"][key] = json!(value);
}

/// Sets a member of the only channel in AWS.
fn change_channel(tenant: &Tenant, member: &str, value: &str) {
    let mut state = tenant.simulator().state();
    state["channels"][0][member] = json!(value);
    tenant.simulator().load_state(state).unwrap();
}

/// Waits until every update is re-checked.
async fn until_confirmed(tenant: &Tenant) {
    wait::until("every update is re-checked", TIMEOUT, || async {
        count(tenant, "select count(*) from pending_updates").await == 0
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_value_that_was_changed_back_five_times_is_left_and_reported() {
    let tenant = tenant("fight").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    ready(&tenant, "todd").await;
    for corrections in 1..=5 {
        change_channel(&tenant, "latencyMode", "LOW");
        called(&tenant, "UpdateChannel", corrections).await;
        until_confirmed(&tenant).await;
    }
    change_channel(&tenant, "latencyMode", "LOW");
    let left = reason(&tenant, "todd", "DriftPersists").await;
    let message = &find(&left.status.as_ref().unwrap().conditions, "ChannelReady").unwrap().message;
    assert!(message.contains("latencyMode is LOW, not NORMAL"), "{message}");
    assert_eq!(calls(&tenant, "UpdateChannel"), 5);
    assert_eq!(count(&tenant, "select count(*) from drift_history").await, 5);

    // A requested reconcile sends it again.
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=1").await;
    ready(&tenant, "todd").await;
    assert_eq!(tenant.simulator().state()["channels"][0]["latencyMode"], "NORMAL");
}

#[tokio::test]
async fn with_the_policy_report_drift_is_reported_until_it_is_undone() {
    let tenant = tenant("report").await;
    let _controller = quick(&tenant).env("STREAMCAT_DRIFT_POLICY", "Report").start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL", "type": "BASIC" } })).await;
    ready(&tenant, "todd").await;
    change_channel(&tenant, "latencyMode", "LOW");
    let drifted = reason(&tenant, "todd", "DriftDetected").await;
    let conditions = &drifted.status.as_ref().unwrap().conditions;
    let message = &find(conditions, "ChannelReady").unwrap().message;
    assert!(message.contains("latencyMode is LOW, not NORMAL"), "{message}");
    assert!(find(conditions, "Stalled").is_none_or(|stalled| stalled.status != "True"));
    assert!(event(&tenant, "todd", "DriftDetected").await.contains("latencyMode is LOW, not NORMAL"));
    assert_eq!(calls(&tenant, "UpdateChannel"), 0);
    let reported = "select count(*) from drift_history where field = 'latencyMode' and not corrected";
    assert_eq!(count(&tenant, reported).await, 1);

    // Neither a failure in between nor a requested reconcile sends it.
    tenant.simulator().fault(Fault::error("GetChannel", 403, "AccessDeniedException").every(1));
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=1").await;
    reason(&tenant, "todd", "AccessDenied").await;
    tenant.simulator().clear_faults();
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=2").await;
    reason(&tenant, "todd", "DriftDetected").await;

    change_channel(&tenant, "latencyMode", "NORMAL");
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "UpdateChannel"), 0);

    // The account's own policy is stronger.
    change_channel(&tenant, "type", "STANDARD");
    reason(&tenant, "todd", "DriftDetected").await;
    edit(&tenant, "todd", json!({ "driftPolicy": "Correct" })).await;
    ready(&tenant, "todd").await;
    assert_eq!(tenant.simulator().state()["channels"][0]["type"], "BASIC");
    until_confirmed(&tenant).await;
    change_channel(&tenant, "type", "STANDARD");
    event(&tenant, "todd", "DriftCorrected").await;
    ready(&tenant, "todd").await;
}

#[tokio::test]
async fn what_no_list_shows_is_noticed_by_the_verification() {
    let tenant = tenant("verified").await;
    let controller = quick(&tenant).env("STREAMCAT_VERIFICATION_INTERVAL", "5s");
    let _controller = controller.start().await;
    let storage = tenant.simulator().add_storage_configuration();
    let spec = json!({
        "channel": {
            "containerFormat": "FRAGMENTED_MP4",
            "multitrackInputConfiguration": {
                "enabled": true, "policy": "ALLOW", "maximumResolution": "HD",
            },
        },
        "chatRoom": { "maximumMessageLength": 200, "maximumMessageRatePerSecond": 20 },
        "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": storage } },
    });
    create(&tenant, "todd", spec).await;
    ready(&tenant, "todd").await;
    let wanted = tenant.simulator().state();
    for (list, path, value) in [
        ("channels", "/containerFormat", json!("TS")),
        ("channels", "/multitrackInputConfiguration/maximumResolution", json!("SD")),
        ("rooms", "/maximumMessageLength", json!(100)),
        ("rooms", "/maximumMessageRatePerSecond", json!(1)),
        ("stages", "/autoParticipantRecordingConfiguration/storageConfigurationArn", json!("")),
    ] {
        let mut state = tenant.simulator().state();
        set(&mut state[list][0], path, &value);
        tenant.simulator().load_state(state).unwrap();
        wait::until(format!("{path} is changed back"), TIMEOUT, || async {
            let state = tenant.simulator().state();
            let (found, wanted) = (state[list][0].pointer(path), wanted[list][0].pointer(path));
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    }

    let secret =
        ready(&tenant, "todd").await.status.unwrap().channel.unwrap().stream_key_secret_name.unwrap();
    let secrets: Api<Secret> = Api::namespaced(tenant.kube(), tenant.namespace());
    let key = secrets.get(&secret).await.unwrap().data;
    secrets.delete(&secret, &DeleteParams::default()).await.unwrap();
    wait::until("the Secret exists again", TIMEOUT, || async {
        secrets.get_opt(&secret).await.unwrap().is_some_and(|secret| secret.data == key)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_the_spec_does_not_name_is_left_alone() {
    let tenant = tenant("undeclared").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "LOW" } })).await;
    ready(&tenant, "todd").await;
    change_channel(&tenant, "type", "BASIC");
    let mut state = tenant.simulator().state();
    set_tag(&mut state["channels"][0], "cost", "7");
    tenant.simulator().load_state(state).unwrap();
    tenant.simulator().clear_calls();

    wait::until("three resyncs", TIMEOUT, || async { calls(&tenant, "ListChannels") >= 3 }).await.unwrap();
    assert_eq!(tenant.simulator().state()["channels"][0]["type"], "BASIC");
    assert_eq!((calls(&tenant, "GetChannel"), calls(&tenant, "UpdateChannel")), (0, 0));

    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=1").await;
    called(&tenant, "GetChannel", 1).await;
    ready(&tenant, "todd").await;
    assert_eq!((calls(&tenant, "UntagResource"), calls(&tenant, "UpdateChannel")), (0, 0));
    edit(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    called(&tenant, "UpdateChannel", 1).await;
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "UntagResource"), 0);
    assert_eq!(tenant.simulator().state()["channels"][0]["type"], "BASIC");
}
