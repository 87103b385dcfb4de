//! The fields of the custom resource: ARNs, unknown fields, the status of a new object, and `kubectl
//! explain`.

use futures::future::join_all;
use serde_json::{Value, json};
use testbed::Tenant;

use crate::{
    schema::dry_run,
    support::{accounts, create, tenant},
};

/// The fields that hold an ARN, by their paths below `spec`, each with a valid ARN.
const ARNS: [(&str, &str); 7] = [
    ("channel/recordingConfigurationArn", "arn:aws:ivs:us-west-2:123456789012:recording-configuration/aB3"),
    (
        "channel/playbackRestrictionPolicyArn",
        "arn:aws:ivs:us-west-2:123456789012:playback-restriction-policy/aB3",
    ),
    ("channel/adConfigurationArn", "arn:aws:ivs:us-west-2:123456789012:ad-configuration/aB3"),
    (
        "channel/failoverSlateConfigurationArn",
        "arn:aws:ivs:us-west-2:123456789012:failover-slate-configuration/aB3",
    ),
    ("chatRoom/messageReviewHandler/uri", "arn:aws:lambda:us-west-2:123456789012:function:review"),
    (
        "stage/autoParticipantRecordingConfiguration/storageConfigurationArn",
        "arn:aws:ivs:us-west-2:123456789012:storage-configuration/aB3",
    ),
    (
        "chatRoom/loggingConfigurationIdentifiers",
        "arn:aws:ivschat:us-west-2:123456789012:logging-configuration/aB3",
    ),
];

/// Returns a spec with one value at a path.
fn with(path: &str, value: Value) -> Value {
    let mut spec = path.rsplit('/').fold(value, |inner, name| json!({ name: inner }));
    spec["username"] = json!("todd");
    spec
}

/// Returns a spec with an ARN in a field that takes one ARN or a list.
fn arn(path: &str, arn: &str) -> Value {
    with(path, if path.ends_with("Identifiers") { json!([arn]) } else { json!(arn) })
}

#[tokio::test]
async fn an_arn_of_another_kind_is_rejected_with_its_field() {
    let tenant = tenant("arns").await;
    for (path, right) in ARNS {
        let name = path.rsplit('/').next().unwrap();
        for wrong in ["nope", "arn:aws:ivs:us-west-2:123456789012:channel/aB3", &format!("{right} ")] {
            let output = dry_run(&tenant, &arn(path, wrong)).await;
            // The schema does not restrict the name of a Lambda function.
            if name == "uri" && wrong.starts_with(right) {
                continue;
            }
            let is_named = output.stderr.contains(name) && output.stderr.contains("should match '^");
            assert!(!output.success && is_named, "{path}: {wrong}: {}", output.stderr);
        }
        let output = dry_run(&tenant, &arn(path, right)).await;
        assert!(output.success, "{path}: {}", output.stderr);
    }
}

#[tokio::test]
async fn an_empty_arn_disables_its_feature() {
    let tenant = tenant("no-arn").await;
    for (path, _) in ARNS.iter().filter(|(path, _)| !path.ends_with("Identifiers")) {
        let output = dry_run(&tenant, &arn(path, "")).await;
        assert!(output.success, "{path}: {}", output.stderr);
    }
    let without_storage =
        with("stage/autoParticipantRecordingConfiguration/mediaTypes", json!(["AUDIO_ONLY"]));
    let output = dry_run(&tenant, &without_storage).await;
    assert!(output.stderr.contains("storageConfigurationArn: Required value"), "{}", output.stderr);
}

#[tokio::test]
async fn an_unknown_field_is_named() {
    let tenant = tenant("unknown").await;
    for (path, name) in [
        ("chanel", "spec.chanel"),
        ("channel/latency", "spec.channel.latency"),
        ("channel/name", "spec.channel.name"),
        ("channel/tags", "spec.channel.tags"),
        ("stage/participantTokenConfigurations", "spec.stage.participantTokenConfigurations"),
    ] {
        let output = dry_run(&tenant, &with(path, json!({}))).await;
        let message = format!("unknown field \"{name}\"");
        assert!(!output.success && output.stderr.contains(&message), "{}", output.stderr);
    }
}

#[tokio::test]
async fn a_new_object_is_unobserved_and_not_ready() {
    let tenant = tenant("unobserved").await;
    create(&tenant, "todd", json!({})).await;
    let status = accounts(&tenant).get("todd").await.unwrap().status.unwrap();
    assert_eq!(status.observed_generation, -1);
    assert!(status.conditions.is_empty());

    // A timeout of zero checks once.
    let waited = tenant.kubectl(&["wait", "--for=condition=Ready", "streamer/todd", "--timeout=0"]).await;
    assert!(!waited.success, "it counts as ready before the first reconcile");
    let observed = "--for=jsonpath={.status.observedGeneration}=-1";
    let waited = tenant.kubectl(&["wait", observed, "streamer/todd", "--timeout=0"]).await;
    assert!(waited.success, "{}", waited.stderr);
}

/// Parses a line of `kubectl explain` that names a field. Returns its depth, its name, and its type.
fn field(line: &str) -> Option<(usize, &str, &str)> {
    let (name, field_type) = line.split_once('\t')?;
    let depth = name.len() - name.trim_start().len();
    Some((depth / 2, name.trim_start(), field_type))
}

/// Returns the paths of all objects with fields in the output of `kubectl explain --recursive`.
fn objects(root: &str, explained: &str) -> Vec<String> {
    let mut path = vec![root.to_owned()];
    let mut found = path.clone();
    for (depth, name, field_type) in explained.lines().filter_map(field) {
        path.truncate(depth);
        path.push(name.to_owned());
        if field_type.contains("Object>") {
            found.push(path.join("."));
        }
    }
    found
}

/// Asserts that each field of an object has a description, and returns the number of fields.
async fn assert_described(tenant: &Tenant, object: &str) -> usize {
    let output = tenant.kubectl(&["explain", object]).await;
    assert!(output.success, "{}", output.stderr);
    let lines: Vec<_> = output.stdout.lines().skip_while(|line| !line.starts_with("FIELDS:")).collect();
    let fields: Vec<_> = (0..lines.len()).filter(|&at| field(lines[at]).is_some()).collect();
    for &at in &fields {
        let mut below = lines[at + 1..].iter().skip_while(|line| line.starts_with("  enum:"));
        let described =
            below.next().is_some_and(|line| line.starts_with("    ") && !line.contains("<no desc"));
        assert!(described, "{object}: {} has no description:\n{}", lines[at], output.stdout);
    }
    fields.len()
}

#[tokio::test]
async fn kubectl_explain_describes_every_field() {
    let tenant = tenant("explain").await;
    for root in ["streamer.spec", "streamer.status"] {
        let output = tenant.kubectl(&["explain", root, "--recursive"]).await;
        assert!(output.success, "{}", output.stderr);
        let objects = objects(root, &output.stdout);
        let described: usize =
            join_all(objects.iter().map(|object| assert_described(&tenant, object))).await.iter().sum();
        let named = output.stdout.lines().filter_map(field).count();
        assert_eq!(described, named, "some fields were not checked:\n{}", output.stdout);
    }
    let output = tenant.kubectl(&["explain", "streamer"]).await;
    assert!(output.stdout.contains("one Amazon IVS channel, one chat room"), "{}", output.stdout);
}
