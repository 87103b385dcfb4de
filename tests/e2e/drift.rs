//! Drift: what somebody changes in AWS is noticed by the next resync, and changed back.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use streamcat_operator::api::{condition::find, tags};
use testbed::{OperatorBuilder, Tenant, wait};

use crate::support::{TIMEOUT, annotate, called, calls, count, create, edit, event, ready, reason, tenant};

/// Returns a controller with a short resync interval and a short grace period.
fn quick(tenant: &Tenant) -> OperatorBuilder {
    tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").env("STREAMCAT_CONSISTENCY_GRACE", "1s")
}

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
    let ownership = "`streamcat.dev/installation`, `streamcat.dev/user`, `streamcat.dev/account`";
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
fn spec(tenant: &Tenant) -> Value {
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
    let spec = spec(&tenant);
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

/// Sets a member of the only channel in AWS.
fn change_channel(tenant: &Tenant, member: &str, value: &str) {
    let mut state = tenant.simulator().state();
    state["channels"][0][member] = json!(value);
    tenant.simulator().load_state(state).unwrap();
}

#[tokio::test]
async fn what_somebody_always_changes_again_is_left_and_said() {
    let tenant = tenant("fight").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    ready(&tenant, "todd").await;
    for corrections in 1..=5 {
        change_channel(&tenant, "latencyMode", "LOW");
        called(&tenant, "UpdateChannel", corrections).await;
        wait::until("the correction is confirmed", TIMEOUT, || async {
            count(&tenant, "select count(*) from pending_updates").await == 0
        })
        .await
        .unwrap();
    }
    change_channel(&tenant, "latencyMode", "LOW");
    let left = reason(&tenant, "todd", "DriftPersists").await;
    let message = &find(&left.status.as_ref().unwrap().conditions, "ChannelReady").unwrap().message;
    assert!(message.contains("latencyMode is LOW, not NORMAL"), "{message}");
    assert_eq!(calls(&tenant, "UpdateChannel"), 5);
    assert_eq!(count(&tenant, "select count(*) from drift_history").await, 5);

    // A person insists.
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=1").await;
    ready(&tenant, "todd").await;
    assert_eq!(tenant.simulator().state()["channels"][0]["latencyMode"], "NORMAL");
}

#[tokio::test]
async fn with_the_policy_report_drift_is_said_until_it_is_undone() {
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

    change_channel(&tenant, "latencyMode", "NORMAL");
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "UpdateChannel"), 0);

    // The account's own policy is stronger.
    change_channel(&tenant, "type", "STANDARD");
    reason(&tenant, "todd", "DriftDetected").await;
    edit(&tenant, "todd", json!({ "driftPolicy": "Correct" })).await;
    ready(&tenant, "todd").await;
    assert_eq!(tenant.simulator().state()["channels"][0]["type"], "BASIC");
    change_channel(&tenant, "type", "STANDARD");
    event(&tenant, "todd", "DriftCorrected").await;
    ready(&tenant, "todd").await;
}

#[tokio::test]
async fn a_change_of_a_field_that_the_spec_does_not_name_is_left_alone() {
    let tenant = tenant("undeclared").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "LOW" } })).await;
    ready(&tenant, "todd").await;
    change_channel(&tenant, "type", "BASIC");
    tenant.simulator().clear_calls();

    wait::until("three resyncs", TIMEOUT, || async { calls(&tenant, "ListChannels") >= 3 }).await.unwrap();
    assert_eq!(tenant.simulator().state()["channels"][0]["type"], "BASIC");
    assert_eq!((calls(&tenant, "GetChannel"), calls(&tenant, "UpdateChannel")), (0, 0));
}
