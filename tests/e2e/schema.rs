//! What the API server refuses by itself, in words that a person can act on; nothing of ours needs to run.

use serde_json::{Value, json};
use testbed::Tenant;

use crate::{
    kubectl::manifest,
    support::{accounts, create, tenant},
};

const LOGGING: &str = "arn:aws:ivschat:us-west-2:123456789012:logging-configuration/abc";

/// Tries a spec with kubectl, without making anything.
pub async fn tried(tenant: &Tenant, spec: &Value) -> testbed::Output {
    let file = manifest(tenant, "tried", spec);
    tenant.kubectl(&["apply", "--dry-run=server", "--filename", &file]).await
}

/// Asserts that kubectl refuses a spec and says all of these words.
async fn refused(tenant: &Tenant, spec: Value, words: &[&str]) {
    let output = tried(tenant, &spec).await;
    assert!(!output.success, "taken: {spec}");
    for word in words {
        assert!(output.stderr.contains(word), "{spec} is refused without {word:?}: {}", output.stderr);
    }
}

/// Asserts that kubectl takes a spec.
async fn taken(tenant: &Tenant, spec: Value) {
    let output = tried(tenant, &spec).await;
    assert!(output.success, "{spec} is refused: {}", output.stderr);
    assert!(output.stderr.is_empty(), "{spec} is warned of: {}", output.stderr);
}

/// A spec with one part; null stands for a field left out.
fn of_todd(part: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({ "username": "todd", part: spec })
}

fn channel(spec: &Value) -> Value {
    of_todd("channel", spec)
}

fn room(spec: &Value) -> Value {
    of_todd("chatRoom", spec)
}

fn tag(key: &str, value: &str) -> Value {
    of_todd("tags", &json!({ key: value }))
}

fn tags(number: usize) -> Value {
    let tags: serde_json::Map<_, _> = (0..number).map(|n| (format!("key-{n}"), json!("value"))).collect();
    of_todd("tags", &tags.into())
}

#[tokio::test]
async fn a_username_that_aws_rejects_is_refused() {
    let tenant = tenant("username").await;
    let pattern = ["spec.username", "should match '^[a-zA-Z0-9_-]{1,128}$'"];
    for username in ["to dd", "tödd", "todd.", "todd\n"] {
        refused(&tenant, json!({ "username": username }), &pattern).await;
    }
    let empty = ["spec.username", "at least 1 chars long"];
    refused(&tenant, json!({ "username": "" }), &empty).await;
    let long = ["spec.username", "may not be more than 128"];
    refused(&tenant, json!({ "username": "x".repeat(129) }), &long).await;
    refused(&tenant, json!({}), &["spec.username", "Required value"]).await;

    for username in ["x", "-", "_", "Todd_Streams-1", &"x".repeat(128)] {
        taken(&tenant, json!({ "username": username })).await;
    }
}

#[tokio::test]
async fn a_name_that_would_not_fit_into_a_tag_is_refused() {
    let tenant = tenant("long-name").await;
    let spec = json!({ "username": "todd" });
    let tried = async |length| {
        let file = manifest(&tenant, &"n".repeat(length), &spec);
        tenant.kubectl(&["apply", "--dry-run=server", "--filename", &file]).await
    };
    let output = tried(193).await;
    assert!(!output.success);
    let words = "metadata.name must not be longer than 192 characters, so that namespace/name fits into an AWS tag: choose a shorter name";
    assert!(output.stderr.contains(words), "{}", output.stderr);

    let output = tried(192).await;
    assert!(output.success && output.stderr.is_empty(), "{}", output.stderr);
}

#[tokio::test]
async fn a_username_cannot_be_changed() {
    let tenant = tenant("rename").await;
    create(&tenant, "todd", json!({})).await;
    let patch = r#"{"spec":{"username":"mary"}}"#;
    let output = tenant.kubectl(&["patch", "streamer", "todd", "--type=merge", "--patch", patch]).await;
    assert!(!output.success);
    let words = "username is immutable, because the channel, the chat room and the stage have it as their name: delete this account and create another";
    assert!(output.stderr.contains(words), "{}", output.stderr);
    assert_eq!(accounts(&tenant).get("todd").await.unwrap().spec.username, "todd");
}

#[tokio::test]
async fn an_unknown_enum_value_is_refused_with_the_known_ones() {
    let tenant = tenant("words").await;
    let types =
        [r#"spec.channel.type: Unsupported value: "PREMIUM""#, r#""BASIC", "STANDARD", "ADVANCED_SD""#];
    refused(&tenant, channel(&json!({ "type": "PREMIUM" })), &types).await;
    let modes = ["spec.channel.latencyMode", r#""NORMAL", "LOW""#];
    refused(&tenant, channel(&json!({ "latencyMode": "low" })), &modes).await;
    let policies = ["spec.deletionPolicy", r#"supported values: "Delete", "Retain""#];
    refused(&tenant, json!({ "username": "todd", "deletionPolicy": "Foo" }), &policies).await;
    let policies = ["spec.recreatePolicy", r#"supported values: "Always", "Never""#];
    refused(&tenant, json!({ "username": "todd", "recreatePolicy": "Sometimes" }), &policies).await;
    for policy in ["Always", "Never"] {
        taken(&tenant, json!({ "username": "todd", "recreatePolicy": policy })).await;
    }
    let results = ["fallbackResult", r#""ALLOW", "DENY""#];
    refused(&tenant, room(&json!({ "messageReviewHandler": { "fallbackResult": "DROP" } })), &results).await;
    let number = ["maximumMessageRatePerSecond", "must be of type integer"];
    refused(&tenant, room(&json!({ "maximumMessageRatePerSecond": "ten" })), &number).await;
}

#[tokio::test]
async fn a_preset_needs_an_advanced_type() {
    let tenant = tenant("preset").await;
    let preset = "CONSTRAINED_BANDWIDTH_DELIVERY";
    let words = ["spec.channel", "set type to ADVANCED_SD or ADVANCED_HD, or remove preset"];
    for of_type in [json!("STANDARD"), json!("BASIC"), Value::Null] {
        refused(&tenant, channel(&json!({ "type": of_type, "preset": preset })), &words).await;
    }
    for of_type in ["ADVANCED_SD", "ADVANCED_HD"] {
        taken(&tenant, channel(&json!({ "type": of_type, "preset": preset }))).await;
    }
}

#[tokio::test]
async fn multitrack_input_needs_its_type_its_container_format_and_its_settings() {
    let tenant = tenant("multitrack").await;
    let spec = |of_type, format, input: Value| {
        channel(&json!({ "type": of_type, "containerFormat": format, "multitrackInputConfiguration": input }))
    };
    let (standard, mp4) = (json!("STANDARD"), json!("FRAGMENTED_MP4"));
    let on = json!({ "enabled": true, "policy": "ALLOW", "maximumResolution": "FULL_HD" });

    let words = ["multitrack input requires type STANDARD: set type to STANDARD"];
    refused(&tenant, spec(json!("BASIC"), mp4.clone(), on.clone()), &words).await;
    let words = ["multitrack input requires containerFormat FRAGMENTED_MP4: set it"];
    for format in [json!("TS"), Value::Null] {
        refused(&tenant, spec(standard.clone(), format, on.clone()), &words).await;
    }
    let words =
        ["multitrackInputConfiguration", "multitrack input requires policy and maximumResolution: set both"];
    for missing in ["policy", "maximumResolution"] {
        let mut input = on.clone();
        input.as_object_mut().unwrap().remove(missing);
        refused(&tenant, spec(standard.clone(), mp4.clone(), input), &words).await;
    }

    taken(&tenant, spec(standard, mp4.clone(), on.clone())).await;
    taken(&tenant, spec(Value::Null, mp4, on)).await;
    taken(&tenant, spec(json!("BASIC"), Value::Null, json!({ "enabled": false }))).await;
}

#[tokio::test]
async fn reserved_tags_and_more_than_46_are_refused() {
    let tenant = tenant("tags").await;
    let reserved = ["spec.tags", "keys that start with streamcat.dev/ or aws:, in any case, are reserved"];
    let keys =
        ["streamcat.dev/user", "Streamcat.dev/installation", "STREAMCAT.DEV/x", "aws:x", "AWS:x", "Aws:x"];
    for key in keys {
        refused(&tenant, tag(key, "x"), &reserved).await;
    }
    let value = ["spec.tags", "values that start with aws:, in any case, are reserved by AWS"];
    for aws in ["aws:x", "Aws:x", "AWS:"] {
        refused(&tenant, tag("team", aws), &value).await;
    }
    for (key, value) in [("laws:x", "laws:x"), ("my.streamcat.dev/x", "streamcat.dev/x")] {
        taken(&tenant, tag(key, value)).await;
    }
    for number in [47, 51] {
        let words = ["spec.tags", &format!("Too many: {number}"), "at most 46"];
        refused(&tenant, tags(number), &words).await;
    }
    taken(&tenant, tags(46)).await;
    taken(&tenant, tag("streamcat.development", "x")).await;
}

#[tokio::test]
async fn tags_that_aws_rejects_are_refused() {
    let tenant = tenant("tag-text").await;
    let key = ["spec.tags", "a key must have 1 to 128 letters, digits, spaces or _.:/=+-@"];
    for wrong in ["a!b", "", &"k".repeat(129)] {
        refused(&tenant, tag(wrong, "x"), &key).await;
    }
    refused(&tenant, tag("team", "b!"), &["spec.tags.team", "should match"]).await;
    refused(&tenant, tag("team", &"x".repeat(257)), &["spec.tags.team", "may not be more than 256"]).await;

    taken(&tenant, tag(&"k".repeat(128), &"x".repeat(256))).await;
    taken(&tenant, tag("Größe _.:/=+-@", "двадцать _.:/=+-@")).await;
    taken(&tenant, tag("empty", "")).await;
}

#[tokio::test]
async fn chat_room_limits_are_enforced() {
    let tenant = tenant("room").await;
    let rate = |rate: i64| room(&json!({ "maximumMessageRatePerSecond": rate }));
    let length = |length: i64| room(&json!({ "maximumMessageLength": length }));
    let logging = |arns: &[String]| room(&json!({ "loggingConfigurationIdentifiers": arns }));
    let arns: Vec<_> = (0..4).map(|n| format!("{LOGGING}{n}")).collect();

    let named = "maximumMessageRatePerSecond";
    refused(&tenant, rate(0), &[named, "greater than or equal to 1"]).await;
    refused(&tenant, rate(101), &[named, "less than or equal to 100"]).await;
    let named = "maximumMessageLength";
    refused(&tenant, length(0), &[named, "greater than or equal to 1"]).await;
    refused(&tenant, length(501), &[named, "less than or equal to 500"]).await;
    refused(&tenant, logging(&arns), &["loggingConfigurationIdentifiers", "at most 3 items"]).await;

    for spec in [rate(1), rate(100), length(1), length(500), logging(&arns[..3]), logging(&[])] {
        taken(&tenant, spec).await;
    }
}
