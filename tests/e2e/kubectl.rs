//! The operator as a person uses it: with kubectl and a manifest.

use serde_json::{Value, json};
use testbed::{Output, Tenant, wait};

use crate::support::{TIMEOUT, arns, assert_nothing_left, gone, ready, tenant};

/// Writes a manifest, and returns the file's name.
pub fn manifest(tenant: &Tenant, name: &str, spec: &Value) -> String {
    let object = json!({
        "apiVersion": "streamcat.dev/v1alpha1",
        "kind": "StreamerAccount",
        "metadata": { "name": name },
        "spec": spec,
    });
    let file = tenant.kubeconfig().with_file_name(format!("{}.{name}.yaml", tenant.namespace()));
    std::fs::write(&file, serde_yaml::to_string(&object).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Runs kubectl, which must succeed, and returns its output.
pub async fn kubectl(tenant: &Tenant, arguments: &[&str]) -> String {
    let Output { success, stdout, stderr } = tenant.kubectl(arguments).await;
    assert!(success, "kubectl {}: {stdout}{stderr}", arguments.join(" "));
    stdout
}

/// Applies a manifest and waits until the account is ready, as the tutorial says.
async fn apply_and_wait(tenant: &Tenant, name: &str, spec: &Value) {
    let file = manifest(tenant, name, spec);
    kubectl(tenant, &["apply", "--filename", &file]).await;
    kubectl(tenant, &["wait", "--for=condition=Ready", &format!("streamer/{name}"), "--timeout=60s"]).await;
}

/// Returns the cells of a table, without the spaces between them.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[tokio::test]
async fn an_account_is_applied_awaited_inspected_and_deleted() {
    let tenant = tenant("kubectl").await;
    let _controller = tenant.controller().start().await;
    apply_and_wait(&tenant, "todd", &json!({ "username": "Todd" })).await;

    let table = kubectl(&tenant, &["get", "streamer"]).await;
    let rows_seen = rows(&table);
    assert_eq!(rows_seen[0], ["NAME", "READY", "REASON", "AGE"]);
    assert_eq!(rows_seen[1][..3], ["todd", "True", "Ready"], "{table}");
    assert_eq!((rows_seen.len(), rows_seen[1].len()), (2, 4), "{table}");

    let arns = arns(&ready(&tenant, "todd").await);
    let table = kubectl(&tenant, &["get", "streamer", "todd", "--output=wide"]).await;
    let wide = rows(&table);
    assert_eq!(wide[0], ["NAME", "READY", "REASON", "AGE", "CHANNEL", "CHAT-ROOM", "STAGE"]);
    assert_eq!(wide[1][4..], arns, "{table}");

    let file = manifest(&tenant, "todd", &json!({ "username": "Todd" }));
    let again = kubectl(&tenant, &["apply", "--filename", &file]).await;
    assert!(again.contains("unchanged"), "{again}");
    kubectl(&tenant, &["delete", "--filename", &file, "--timeout=60s"]).await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn an_account_is_found_by_short_name_category_and_username() {
    let tenant = tenant("short-name").await;
    for (name, username) in [("todd", "todd"), ("mary", "Mary_1")] {
        let file = manifest(&tenant, name, &json!({ "username": username }));
        kubectl(&tenant, &["apply", "--filename", &file]).await;
    }
    let both = "streameraccount.streamcat.dev/mary\nstreameraccount.streamcat.dev/todd\n";
    for name in ["streamer", "streameraccount", "streameraccounts", "streamcat"] {
        assert_eq!(kubectl(&tenant, &["get", name, "--output=name"]).await, both, "{name}");
    }
    let selected =
        kubectl(&tenant, &["get", "streamer", "--field-selector=spec.username=Mary_1", "--output=name"])
            .await;
    assert_eq!(selected, "streameraccount.streamcat.dev/mary\n");
    // Before the first reconcile, only the name and the age are shown.
    let table = kubectl(&tenant, &["get", "streamer", "todd"]).await;
    assert_eq!(rows(&table)[1].len(), 2, "{table}");
}

/// Waits for the first event of an account, and returns the type and the reason of all events.
async fn events(tenant: &Tenant, name: &str) -> Vec<(String, String)> {
    let selector = format!("--field-selector=involvedObject.name={name}");
    let seen = wait::until(format!("there is an event of {name}"), TIMEOUT, || async {
        let list = kubectl(tenant, &["get", "events", &selector, "--output=json"]).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        let items = list["items"].as_array().unwrap().clone();
        (!items.is_empty()).then_some(items)
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    seen.await.unwrap().iter().map(|event| (text(&event["type"]), text(&event["reason"]))).collect()
}

#[tokio::test]
async fn describe_shows_the_conditions_and_one_event() {
    let tenant = tenant("describe").await;
    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "500ms").start().await;
    apply_and_wait(&tenant, "todd", &json!({ "username": "todd" })).await;
    let ready_once = [("Normal".to_owned(), "Ready".to_owned())];
    assert_eq!(events(&tenant, "todd").await, ready_once);

    // A new generation that changes nothing in AWS publishes no event either.
    apply_and_wait(&tenant, "todd", &json!({ "username": "todd", "deletionPolicy": "Retain" })).await;
    ready(&tenant, "todd").await;
    assert_eq!(events(&tenant, "todd").await, ready_once);

    let described = kubectl(&tenant, &["describe", "streamer", "todd"]).await;
    let words = described.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in
        ["ChannelReady", "ChatRoomReady", "StageReady", "UserReady", "Observed Generation: 2", "arn:aws:ivs:"]
    {
        assert!(words.contains(text), "{text} is missing:\n{described}");
    }
    let (_, events) = described.split_once("Events:").unwrap_or_else(|| panic!("no events:\n{described}"));
    let lines: Vec<_> = events.lines().filter(|line| line.contains("streamcat-operator")).collect();
    assert_eq!(lines.len(), 1, "{events}");
    assert!(lines[0].contains("Normal") && lines[0].contains("Ready"), "{events}");
}

#[tokio::test]
async fn the_controller_owns_no_field_of_the_spec() {
    let tenant = tenant("managed").await;
    let _controller = tenant.controller().start().await;
    apply_and_wait(&tenant, "todd", &json!({ "username": "todd", "channel": { "type": "BASIC" } })).await;
    let object =
        kubectl(&tenant, &["get", "streamer", "todd", "--output=json", "--show-managed-fields"]).await;
    let object: Value = serde_json::from_str(&object).unwrap();
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let ours: Vec<_> = managers
        .iter()
        .filter(|manager| !manager["manager"].as_str().unwrap().starts_with("kubectl"))
        .collect();
    assert!(!ours.is_empty(), "{managers:#?}");
    for fields in ours.iter().map(|manager| manager["fieldsV1"].as_object().unwrap()) {
        assert!(fields.keys().all(|key| key == "f:status" || key == "f:metadata"), "{fields:#?}");
        let metadata = fields.get("f:metadata").and_then(Value::as_object);
        assert!(
            metadata.is_none_or(|metadata| metadata.keys().all(|key| key == "f:finalizers")),
            "{fields:#?}"
        );
    }
}
