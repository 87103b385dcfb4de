//! Fields have an owner: what is taken out of the spec goes back to AWS's default, and nothing else does.

use serde_json::{Value, json};
use streamcat_operator::api::{StreamerAccount, condition::find};
use testbed::{Tenant, wait};

use crate::{
    drift::listed_settings,
    support::{TIMEOUT, arns, calls, count, create, edit, event, quick, ready, tenant},
};

/// Returns a spec in which each field differs from AWS's default, apart from multitrack input, which excludes
/// others.
fn full_spec(tenant: &Tenant) -> Value {
    let mut spec = listed_settings(tenant);
    spec["chatRoom"]["maximumMessageLength"] = json!(200);
    spec["chatRoom"]["maximumMessageRatePerSecond"] = json!(20);
    spec["channel"]["containerFormat"] = json!("FRAGMENTED_MP4");
    spec["stage"] = json!({ "autoParticipantRecordingConfiguration": {
        "storageConfigurationArn": tenant.simulator().add_storage_configuration(),
        "mediaTypes": ["AUDIO_ONLY"],
        "recordingReconnectWindowSeconds": 7,
        "recordParticipantReplicas": false,
        "thumbnailConfiguration": {
            "recordingMode": "INTERVAL", "targetIntervalSeconds": 5, "storage": ["LATEST"],
        },
        "hlsConfiguration": { "targetSegmentDurationSeconds": 3 },
    } });
    spec
}

fn multitrack_spec() -> Value {
    json!({ "channel": {
        "containerFormat": "FRAGMENTED_MP4",
        "multitrackInputConfiguration": {
            "enabled": true, "policy": "REQUIRE", "maximumResolution": "HD",
        },
    } })
}

/// Adds the path of each value in a spec. A list is one value.
fn add_paths(path: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| add_paths(&format!("{path}/{name}"), value, paths));
        }
        _ => paths.push(path.to_owned()),
    }
}

/// Returns the merge patch that removes the value at a path.
fn removal(path: &str) -> Value {
    path.rsplit('/').filter(|name| !name.is_empty()).fold(Value::Null, |inner, name| json!({ name: inner }))
}

/// Removes the values from a spec that are null in a merge patch.
fn remove(spec: &mut Value, patch: &Value) {
    for (name, inner) in patch.as_object().unwrap() {
        if inner.is_null() {
            spec.as_object_mut().unwrap().remove(name);
        } else {
            remove(&mut spec[name], inner);
        }
    }
}

/// Returns the settings and the account's own tags of its three resources in AWS.
fn in_aws(tenant: &Tenant, account: &StreamerAccount) -> Value {
    let state = tenant.simulator().state();
    let of = |(list, arn): (&str, String)| {
        let all = state[list].as_array().unwrap();
        let mut found = all.iter().find(|resource| resource["arn"] == arn).unwrap().clone();
        let members = found.as_object_mut().unwrap();
        members.retain(|name, _| {
            let of_identity = [
                "arn",
                "id",
                "name",
                "ingestEndpoint",
                "playbackUrl",
                "srt",
                "createTime",
                "updateTime",
                "endpoints",
            ];
            !of_identity.contains(&name.as_str())
        });
        found["tags"].as_object_mut().unwrap().retain(|key, _| !key.starts_with("streamcat.dev/"));
        found
    };
    ["channels", "rooms", "stages"].into_iter().zip(arns(account)).map(of).collect()
}

#[tokio::test]
async fn a_field_taken_out_of_the_spec_goes_back_to_the_default_of_aws() {
    let tenant = tenant("removed").await;
    let _controller = quick(&tenant).start().await;
    let (full, multitrack) = (full_spec(&tenant), multitrack_spec());
    let mut paths = Vec::new();
    add_paths("", &full, &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    // The schema requires the first while its block exists, and an ADVANCED type with the preset.
    let required = ["/stage/autoParticipantRecordingConfiguration/storageConfigurationArn", "/channel/type"];
    let single = paths.iter().filter(|path| !required.contains(&path.as_str())).map(|path| removal(path));
    let blocks = ["/channel", "/chatRoom", "/stage", "/tags", "/chatRoom/messageReviewHandler"];
    let blocks = blocks.map(removal).into_iter();
    let advanced = json!({ "channel": { "type": null, "preset": null } });
    let of_full = single.chain(blocks).chain([advanced]).map(|patch| (&full, patch));
    let of_multitrack =
        [json!({ "channel": null }), json!({ "channel": { "multitrackInputConfiguration": null } })];
    let removals: Vec<_> = of_full.chain(of_multitrack.map(|patch| (&multitrack, patch))).collect();

    for (number, (spec, patch)) in removals.iter().enumerate() {
        create(&tenant, &format!("removed-{number}"), (*spec).clone()).await;
        let mut without = (*spec).clone();
        remove(&mut without, patch);
        create(&tenant, &format!("never-{number}"), without).await;
    }
    for (number, (_, patch)) in removals.iter().enumerate() {
        let name = format!("removed-{number}");
        ready(&tenant, &name).await;
        edit(&tenant, &name, patch.clone()).await;
    }
    for (number, (_, patch)) in removals.iter().enumerate() {
        let removed = ready(&tenant, &format!("removed-{number}")).await;
        let never = ready(&tenant, &format!("never-{number}")).await;
        let wanted = without_unset_recording(in_aws(&tenant, &never));
        wait::until(format!("{patch} is as if it had never been set"), TIMEOUT, || async {
            let found = without_unset_recording(in_aws(&tenant, &removed));
            if found == wanted { Ok(()) } else { Err(format!("{found}\ninstead of\n{wanted}")) }
        })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    }
}

/// Removes what has no effect: the settings of a recording that is off, and those of multitrack input that is
/// off, which AWS has no default for.
fn without_unset_recording(mut resources: Value) -> Value {
    let recording = &mut resources[2]["autoParticipantRecordingConfiguration"];
    if recording["storageConfigurationArn"].as_str().is_none_or(str::is_empty) {
        *recording = Value::Null;
    }
    let multitrack = &mut resources[0]["multitrackInputConfiguration"];
    if multitrack["enabled"] == false {
        *multitrack = json!({ "enabled": false });
    }
    resources
}

#[tokio::test]
async fn from_advanced_with_a_preset_back_to_standard_is_one_edit() {
    let tenant = tenant("advanced").await;
    let _controller = quick(&tenant).start().await;
    let spec = json!({ "channel": { "type": "ADVANCED_HD", "preset": "CONSTRAINED_BANDWIDTH_DELIVERY" } });
    create(&tenant, "todd", spec).await;
    ready(&tenant, "todd").await;
    edit(&tenant, "todd", json!({ "channel": { "type": "STANDARD", "preset": null } })).await;
    ready(&tenant, "todd").await;
    let channel = &tenant.simulator().state()["channels"][0];
    assert_eq!((&channel["type"], &channel["preset"]), (&json!("STANDARD"), &json!("")));
}

#[tokio::test]
async fn what_nobody_declared_stays_when_the_spec_changes() {
    let tenant = tenant("respected").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" }, "tags": { "team": "a" } })).await;
    ready(&tenant, "todd").await;
    let mut state = tenant.simulator().state();
    state["channels"][0]["type"] = json!("BASIC");
    state["channels"][0]["tags"]["cost"] = json!("7");
    state["rooms"][0]["maximumMessageLength"] = json!(77);
    tenant.simulator().load_state(state).unwrap();

    edit(&tenant, "todd", json!({ "channel": null, "tags": null })).await;
    let account = ready(&tenant, "todd").await;
    let resources = in_aws(&tenant, &account);
    assert_eq!(resources[0]["latencyMode"], "LOW");
    assert_eq!(resources[0]["type"], "BASIC");
    assert_eq!(resources[0]["tags"], json!({ "cost": "7" }));
    assert_eq!(resources[1]["maximumMessageLength"], 77);
    wait::until("nothing belongs to the spec", TIMEOUT, || async {
        count(&tenant, "select count(*) from applied_fields").await == 0
            && ready(&tenant, "todd").await.status.unwrap().channel.unwrap().applied_fields.is_empty()
    })
    .await
    .unwrap();
    // From now on they belong to whoever sets them.
    let mut state = tenant.simulator().state();
    state["channels"][0]["latencyMode"] = json!("NORMAL");
    tenant.simulator().load_state(state).unwrap();
    tenant.simulator().clear_calls();
    edit(&tenant, "todd", json!({ "chatRoom": { "maximumMessageRatePerSecond": 20 } })).await;
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "UpdateChannel"), 0);
    assert_eq!(tenant.simulator().state()["channels"][0]["latencyMode"], "NORMAL");
}

#[tokio::test]
async fn a_setting_that_aws_cannot_set_back_is_said_in_the_condition() {
    let tenant = tenant("kept").await;
    let _controller = quick(&tenant).start().await;
    create(&tenant, "todd", multitrack_spec()).await;
    ready(&tenant, "todd").await;
    edit(&tenant, "todd", json!({ "channel": null })).await;
    let status = ready(&tenant, "todd").await.status.unwrap();
    let message = &find(&status.conditions, "ChannelReady").unwrap().message;
    let kept = "multitrackInputConfiguration.maximumResolution, multitrackInputConfiguration.policy";
    assert!(message.contains(kept), "{message}");
    let channel = &tenant.simulator().state()["channels"][0];
    assert_eq!(channel["multitrackInputConfiguration"]["enabled"], false);
    assert_eq!(channel["containerFormat"], "TS");
}

#[tokio::test]
async fn if_both_records_are_lost_only_the_current_spec_is_applied() {
    let tenant = tenant("unknown").await;
    let mut controller = quick(&tenant).start().await;
    let spec = json!({ "channel": { "latencyMode": "NORMAL", "type": "BASIC" }, "tags": { "team": "a" } });
    create(&tenant, "todd", spec).await;
    ready(&tenant, "todd").await;
    assert!(controller.terminate().await.success());
    sqlx::query("truncate users cascade").execute(&tenant.pool()).await.unwrap();
    let unobserved = r#"[{"op":"replace","path":"/status","value":{"observedGeneration":-1}}]"#;
    let lose = ["patch", "streamer", "todd", "--subresource=status", "--type=json", "-p", unobserved];
    assert!(tenant.kubectl(&lose).await.success);
    edit(&tenant, "todd", json!({ "channel": { "latencyMode": null }, "tags": null })).await;

    let _controller = quick(&tenant).start().await;
    let account = ready(&tenant, "todd").await;
    let channel = &in_aws(&tenant, &account)[0];
    assert_eq!((&channel["latencyMode"], &channel["type"]), (&json!("NORMAL"), &json!("BASIC")));
    assert_eq!(channel["tags"], json!({ "team": "a" }));
    let note = event(&tenant, "todd", "Adopted").await;
    assert!(note.contains("earlier spec"), "{note}");
}
