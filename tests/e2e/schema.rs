//! Specs that the API server rejects by itself, with helpful messages. No operator runs.

use serde_json::{Value, json};
use testbed::Tenant;

use crate::{
    kubectl::manifest,
    support::{accounts, create, tenant},
};

const LOGGING: &str = "arn:aws:ivschat:us-west-2:123456789012:logging-configuration/abc";

/// Applies a spec with `kubectl apply --dry-run=server`.
pub async fn dry_run(tenant: &Tenant, spec: &Value) -> testbed::Output {
    let file = manifest(tenant, "dry-run", spec);
    tenant.kubectl(&["apply", "--dry-run=server", "--filename", &file]).await
}

/// Asserts that the API server rejects a spec, with an error that contains all of these texts.
async fn assert_rejected(tenant: &Tenant, spec: Value, texts: &[&str]) {
    let output = dry_run(tenant, &spec).await;
    assert!(!output.success, "accepted: {spec}");
    for text in texts {
        assert!(output.stderr.contains(text), "{spec} is rejected without {text:?}: {}", output.stderr);
    }
}

/// Asserts that the API server accepts a spec without a warning.
async fn assert_accepted(tenant: &Tenant, spec: Value) {
    let output = dry_run(tenant, &spec).await;
    assert!(output.success, "{spec} is rejected: {}", output.stderr);
    assert!(output.stderr.is_empty(), "{spec} causes a warning: {}", output.stderr);
}

/// Returns a spec with one member besides the username. Fields with null are left out.
fn with(part: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({ "username": "todd", part: spec })
}

fn channel(spec: &Value) -> Value {
    with("channel", spec)
}

fn room(spec: &Value) -> Value {
    with("chatRoom", spec)
}

fn tag(key: &str, value: &str) -> Value {
    with("tags", &json!({ key: value }))
}

fn tags(number: usize) -> Value {
    let tags: serde_json::Map<_, _> = (0..number).map(|n| (format!("key-{n}"), json!("value"))).collect();
    with("tags", &tags.into())
}

#[tokio::test]
async fn a_username_that_aws_would_reject_is_rejected() {
    let tenant = tenant("username").await;
    let pattern = ["spec.username", "should match '^[a-zA-Z0-9_-]{1,128}$'"];
    for username in ["to dd", "tödd", "todd.", "todd\n"] {
        assert_rejected(&tenant, json!({ "username": username }), &pattern).await;
    }
    let empty = ["spec.username", "at least 1 chars long"];
    assert_rejected(&tenant, json!({ "username": "" }), &empty).await;
    let long = ["spec.username", "may not be more than 128"];
    assert_rejected(&tenant, json!({ "username": "x".repeat(129) }), &long).await;
    assert_rejected(&tenant, json!({}), &["spec.username", "Required value"]).await;

    for username in ["x", "-", "_", "Todd_Streams-1", &"x".repeat(128)] {
        assert_accepted(&tenant, json!({ "username": username })).await;
    }
}

#[tokio::test]
async fn a_name_that_is_too_long_for_a_tag_is_rejected() {
    let tenant = tenant("long-name").await;
    let spec = json!({ "username": "todd" });
    let dry_run = async |length| {
        let file = manifest(&tenant, &"n".repeat(length), &spec);
        tenant.kubectl(&["apply", "--dry-run=server", "--filename", &file]).await
    };
    let output = dry_run(193).await;
    assert!(!output.success);
    let message = "metadata.name must not be longer than 192 characters, so that namespace/name fits into an AWS tag: \
                 choose a shorter name";
    assert!(output.stderr.contains(message), "{}", output.stderr);

    let output = dry_run(192).await;
    assert!(output.success && output.stderr.is_empty(), "{}", output.stderr);
}

#[tokio::test]
async fn a_username_is_immutable() {
    let tenant = tenant("rename").await;
    create(&tenant, "todd", json!({})).await;
    let patch = r#"{"spec":{"username":"mary"}}"#;
    let output = tenant.kubectl(&["patch", "streamer", "todd", "--type=merge", "--patch", patch]).await;
    assert!(!output.success);
    let message = "username is immutable, because the channel, the chat room and the stage have it as their name: \
                 delete this account and create another";
    assert!(output.stderr.contains(message), "{}", output.stderr);
    assert_eq!(accounts(&tenant).get("todd").await.unwrap().spec.username, "todd");
}

#[tokio::test]
async fn an_unknown_enum_value_is_rejected_with_the_known_ones() {
    let tenant = tenant("enums").await;
    let types =
        [r#"spec.channel.type: Unsupported value: "PREMIUM""#, r#""BASIC", "STANDARD", "ADVANCED_SD""#];
    assert_rejected(&tenant, channel(&json!({ "type": "PREMIUM" })), &types).await;
    let modes = ["spec.channel.latencyMode", r#""NORMAL", "LOW""#];
    assert_rejected(&tenant, channel(&json!({ "latencyMode": "low" })), &modes).await;
    let policies = ["spec.deletionPolicy", r#"supported values: "Delete", "Retain""#];
    assert_rejected(&tenant, json!({ "username": "todd", "deletionPolicy": "Foo" }), &policies).await;
    let policies = ["spec.recreatePolicy", r#"supported values: "Always", "Never""#];
    assert_rejected(&tenant, json!({ "username": "todd", "recreatePolicy": "Sometimes" }), &policies).await;
    let policies = ["spec.driftPolicy", r#"supported values: "Correct", "Report""#];
    assert_rejected(&tenant, json!({ "username": "todd", "driftPolicy": "Ignore" }), &policies).await;
    for policy in ["Always", "Never"] {
        assert_accepted(&tenant, json!({ "username": "todd", "recreatePolicy": policy })).await;
    }
    let results = ["fallbackResult", r#""ALLOW", "DENY""#];
    assert_rejected(
        &tenant,
        room(&json!({ "messageReviewHandler": { "fallbackResult": "DROP" } })),
        &results,
    )
    .await;
    let number = ["maximumMessageRatePerSecond", "must be of type integer"];
    assert_rejected(&tenant, room(&json!({ "maximumMessageRatePerSecond": "ten" })), &number).await;
}

#[tokio::test]
async fn a_preset_requires_an_advanced_type() {
    let tenant = tenant("preset").await;
    let preset = "CONSTRAINED_BANDWIDTH_DELIVERY";
    let texts = ["spec.channel", "set type to ADVANCED_SD or ADVANCED_HD, or remove preset"];
    for channel_type in [json!("STANDARD"), json!("BASIC"), Value::Null] {
        assert_rejected(&tenant, channel(&json!({ "type": channel_type, "preset": preset })), &texts).await;
    }
    for channel_type in ["ADVANCED_SD", "ADVANCED_HD"] {
        assert_accepted(&tenant, channel(&json!({ "type": channel_type, "preset": preset }))).await;
    }
}

#[tokio::test]
async fn multitrack_input_requires_type_container_format_and_settings() {
    let tenant = tenant("multitrack").await;
    let spec = |channel_type, format, input: Value| {
        channel(
            &json!({ "type": channel_type, "containerFormat": format, "multitrackInputConfiguration": input }),
        )
    };
    let (standard, mp4) = (json!("STANDARD"), json!("FRAGMENTED_MP4"));
    let on = json!({ "enabled": true, "policy": "ALLOW", "maximumResolution": "FULL_HD" });

    let texts = ["multitrack input requires type STANDARD: set type to STANDARD"];
    assert_rejected(&tenant, spec(json!("BASIC"), mp4.clone(), on.clone()), &texts).await;
    let texts = ["multitrack input requires containerFormat FRAGMENTED_MP4: set it"];
    for format in [json!("TS"), Value::Null] {
        assert_rejected(&tenant, spec(standard.clone(), format, on.clone()), &texts).await;
    }
    let texts =
        ["multitrackInputConfiguration", "multitrack input requires policy and maximumResolution: set both"];
    for missing in ["policy", "maximumResolution"] {
        let mut input = on.clone();
        input.as_object_mut().unwrap().remove(missing);
        assert_rejected(&tenant, spec(standard.clone(), mp4.clone(), input), &texts).await;
    }

    assert_accepted(&tenant, spec(standard, mp4.clone(), on.clone())).await;
    assert_accepted(&tenant, spec(Value::Null, mp4, on)).await;
    assert_accepted(&tenant, spec(json!("BASIC"), Value::Null, json!({ "enabled": false }))).await;
}

#[tokio::test]
async fn reserved_tags_and_more_than_46_tags_are_rejected() {
    let tenant = tenant("tags").await;
    let reserved = ["spec.tags", "keys that start with streamcat.dev/ or aws:, in any case, are reserved"];
    let keys =
        ["streamcat.dev/user", "Streamcat.dev/installation", "STREAMCAT.DEV/x", "aws:x", "AWS:x", "Aws:x"];
    for key in keys {
        assert_rejected(&tenant, tag(key, "x"), &reserved).await;
    }
    let value = ["spec.tags", "values that start with aws:, in any case, are reserved by AWS"];
    for aws in ["aws:x", "Aws:x", "AWS:"] {
        assert_rejected(&tenant, tag("team", aws), &value).await;
    }
    for (key, value) in [("laws:x", "laws:x"), ("my.streamcat.dev/x", "streamcat.dev/x")] {
        assert_accepted(&tenant, tag(key, value)).await;
    }
    for number in [47, 51] {
        let texts = ["spec.tags", &format!("Too many: {number}"), "at most 46"];
        assert_rejected(&tenant, tags(number), &texts).await;
    }
    assert_accepted(&tenant, tags(46)).await;
    assert_accepted(&tenant, tag("streamcat.development", "x")).await;
}

#[tokio::test]
async fn tags_that_aws_would_reject_are_rejected() {
    let tenant = tenant("tag-text").await;
    let key = ["spec.tags", "a key must have 1 to 128 letters, digits, spaces or _.:/=+-@"];
    for wrong in ["a!b", "", &"k".repeat(129)] {
        assert_rejected(&tenant, tag(wrong, "x"), &key).await;
    }
    assert_rejected(&tenant, tag("team", "b!"), &["spec.tags.team", "should match"]).await;
    assert_rejected(&tenant, tag("team", &"x".repeat(257)), &["spec.tags.team", "may not be more than 256"])
        .await;

    assert_accepted(&tenant, tag(&"k".repeat(128), &"x".repeat(256))).await;
    assert_accepted(&tenant, tag("Größe _.:/=+-@", "двадцать _.:/=+-@")).await;
    assert_accepted(&tenant, tag("empty", "")).await;
}

#[tokio::test]
async fn chat_room_limits_are_enforced() {
    let tenant = tenant("room").await;
    let rate = |rate: i64| room(&json!({ "maximumMessageRatePerSecond": rate }));
    let length = |length: i64| room(&json!({ "maximumMessageLength": length }));
    let logging = |arns: &[String]| room(&json!({ "loggingConfigurationIdentifiers": arns }));
    let arns: Vec<_> = (0..4).map(|n| format!("{LOGGING}{n}")).collect();

    let named = "maximumMessageRatePerSecond";
    assert_rejected(&tenant, rate(0), &[named, "greater than or equal to 1"]).await;
    assert_rejected(&tenant, rate(101), &[named, "less than or equal to 100"]).await;
    let named = "maximumMessageLength";
    assert_rejected(&tenant, length(0), &[named, "greater than or equal to 1"]).await;
    assert_rejected(&tenant, length(501), &[named, "less than or equal to 500"]).await;
    assert_rejected(&tenant, logging(&arns), &["loggingConfigurationIdentifiers", "at most 3 items"]).await;

    for spec in [rate(1), rate(100), length(1), length(500), logging(&arns[..3]), logging(&[])] {
        assert_accepted(&tenant, spec).await;
    }
}
