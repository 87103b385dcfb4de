//! The stream key in the Secret: it is compared with AWS whenever the channel is read, and corrected.

use ivs_simulator::Fault;
use k8s_openapi::api::{core::v1::Secret, events::v1::Event};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use streamcat_operator::api::{
    CHANNEL_ARN_ANNOTATION, StreamerAccount,
    condition::{READY, find, is_true},
};
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, accounts, annotate, arns, calls, create, edit, event, gone, ready, reason, tenant, until,
};

const NAME: &str = "todd-stream-key";

fn secrets(tenant: &Tenant) -> Api<Secret> {
    Api::namespaced(tenant.kube(), tenant.namespace())
}

async fn secret(tenant: &Tenant) -> Secret {
    secrets(tenant).get(NAME).await.unwrap()
}

async fn patch(tenant: &Tenant, patch: Value) {
    secrets(tenant).patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

fn value(secret: &Secret, key: &str) -> String {
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    value.map(|value| String::from_utf8(value.0.clone()).unwrap()).unwrap_or_default()
}

/// Returns the stream keys in AWS.
fn keys(tenant: &Tenant) -> Vec<Value> {
    tenant.simulator().state()["streamKeys"].as_array().unwrap().clone()
}

fn key(tenant: &Tenant) -> String {
    keys(tenant)[0]["value"].as_str().unwrap().to_owned()
}

/// Replaces the key of the channel in AWS, as a person may.
fn rotate(tenant: &Tenant) {
    let mut state = tenant.simulator().state();
    let key = &mut state["streamKeys"][0];
    let arn = key["arn"].as_str().unwrap();
    *key = json!({
        "arn": format!("{}AAAA", &arn[..arn.len() - 4]),
        "value": "sk_rotated_key_of_the_channel",
        "channelArn": key["channelArn"],
        "tags": {},
    });
    tenant.simulator().load_state(state).unwrap();
}

fn handled_request(account: &StreamerAccount) -> Option<&str> {
    account.status.as_ref()?.last_handled_reconcile_at.as_deref()
}

/// Requests a reconcile, and waits until it is handled.
async fn reconcile(tenant: &Tenant, request: &str) -> StreamerAccount {
    annotate(tenant, "todd", &format!("streamcat.dev/reconcile-at={request}")).await;
    until(tenant, "todd", "has handled the request", |account| handled_request(account) == Some(request))
        .await
}

/// Returns the UIDs of the owners of the Secret.
fn owners(secret: &Secret) -> Vec<String> {
    secret.owner_references().iter().map(|owner| owner.uid.clone()).collect()
}

#[tokio::test]
async fn an_overwritten_secret_is_corrected() {
    let tenant = tenant("overwritten").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let status = ready(&tenant, "todd").await.status.unwrap().channel.unwrap();
    let edited = json!({ "streamKey": "sk_attacker", "playbackUrl": "https://attacker", "note": "mine" });
    patch(&tenant, json!({ "stringData": edited })).await;

    reconcile(&tenant, "once").await;
    let written = secret(&tenant).await;
    assert_eq!(value(&written, "streamKey"), key(&tenant));
    assert_eq!(value(&written, "playbackUrl"), status.playback_url.unwrap());
    assert_eq!(value(&written, "note"), "mine", "keys that a person added stay");
    let note = event(&tenant, "todd", "StreamKeyReplaced").await;
    assert!(!note.contains("sk_"), "{note}");

    // An edit of the channel reads it from AWS, too.
    patch(&tenant, json!({ "stringData": { "streamKey": "sk_attacker" } })).await;
    edit(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" } })).await;
    ready(&tenant, "todd").await;
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));
    counted_twice(&tenant, "StreamKeyReplaced").await;
}

/// Waits until the only event of this reason counts a repetition.
async fn counted_twice(tenant: &Tenant, reason: &str) {
    let events: Api<Event> = Api::namespaced(tenant.kube(), tenant.namespace());
    let counted = wait::until(format!("{reason} is counted twice"), TIMEOUT, || async {
        let all = events.list(&ListParams::default()).await.map_err(|error| error.to_string())?.items;
        let of_reason = all.into_iter().filter(|event| event.reason.as_deref() == Some(reason));
        let counts: Vec<_> = of_reason.map(|event| event.series.map_or(1, |series| series.count)).collect();
        if counts == [2] { Ok(()) } else { Err(format!("the counts are {counts:?}")) }
    });
    counted.await.unwrap();
}

#[tokio::test]
async fn a_rotated_key_is_written_before_the_request_is_handled() {
    let tenant = tenant("rotated").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    let before = key(&tenant);
    rotate(&tenant);
    assert_ne!(key(&tenant), before);
    for _ in 0..3 {
        tenant.simulator().fault(Fault::block("GetStreamKey"));
    }
    reconcile(&tenant, "once").await;
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));
    assert!(calls(&tenant, "GetStreamKey") > 3);

    // A correct Secret is not written.
    let version = secret(&tenant).await.resource_version();
    reconcile(&tenant, "twice").await;
    assert_eq!(secret(&tenant).await.resource_version(), version);
}

#[tokio::test]
async fn a_deleted_key_is_recreated_once_with_an_event() {
    let tenant = tenant("deleted-key").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    let before = key(&tenant);
    assert!(tenant.simulator().remove(keys(&tenant)[0]["arn"].as_str().unwrap()));
    // The response is lost. The key that the call created is found and used.
    tenant.simulator().fault(Fault::execute_then_drop("CreateStreamKey"));

    reconcile(&tenant, "once").await;
    assert_eq!(keys(&tenant).len(), 1);
    assert_ne!(key(&tenant), before);
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));

    assert!(tenant.simulator().remove(keys(&tenant)[0]["arn"].as_str().unwrap()));
    reconcile(&tenant, "twice").await;
    let note = event(&tenant, "todd", "StreamKeyCreated").await;
    assert!(note.contains(":channel/") && !note.contains("sk_"), "{note}");
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));
}

#[tokio::test]
async fn an_immutable_secret_with_another_key_blocks_ready_until_deleted() {
    let tenant = tenant("immutable").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    patch(&tenant, json!({ "immutable": true })).await;
    reconcile(&tenant, "correct").await;

    rotate(&tenant);
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=outdated").await;
    let blocked = reason(&tenant, "todd", "SecretImmutable").await;
    let conditions = &blocked.status.as_ref().unwrap().conditions;
    let message = &find(conditions, "ChannelReady").unwrap().message;
    assert!(message.contains(NAME) && message.contains("Delete it") && !message.contains("sk_"), "{message}");
    assert!(!is_true(conditions, READY) && is_true(conditions, "StageReady"));
    assert_eq!(handled_request(&blocked), Some("correct"));

    secrets(&tenant).delete(NAME, &DeleteParams::default()).await.unwrap();
    reconcile(&tenant, "deleted").await;
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));
    ready(&tenant, "todd").await;
}

#[tokio::test]
async fn a_secret_orphaned_by_kubectl_is_adopted() {
    let tenant = tenant("orphaned-secret").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "deletionPolicy": "Retain" })).await;
    let before = arns(&ready(&tenant, "todd").await);
    let deleted = tenant.kubectl(&["delete", "streamer", "todd", "--cascade=orphan"]).await;
    assert!(deleted.success, "{}", deleted.stderr);
    gone(&tenant, "todd").await;
    let orphaned = secret(&tenant).await;
    assert_eq!(owners(&orphaned), Vec::<String>::new());
    assert_eq!(orphaned.annotations().get(CHANNEL_ARN_ANNOTATION), Some(&before[0]));

    create(&tenant, "todd", json!({})).await;
    let account = ready(&tenant, "todd").await;
    assert_eq!(arns(&account), before);
    assert_eq!(owners(&secret(&tenant).await), [account.uid().unwrap()]);
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));
    event(&tenant, "todd", "SecretAdopted").await;
}

#[tokio::test]
async fn an_unannotated_secret_is_adopted_unless_of_another_channel() {
    let tenant = tenant("restored-secret").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let account = ready(&tenant, "todd").await;
    let no_annotation = json!({ CHANNEL_ARN_ANNOTATION: null });
    patch(&tenant, json!({ "metadata": { "ownerReferences": null, "annotations": no_annotation } })).await;
    reconcile(&tenant, "adopt").await;
    let adopted = secret(&tenant).await;
    assert_eq!(owners(&adopted), [account.uid().unwrap()]);
    assert_eq!(adopted.annotations().get(CHANNEL_ARN_ANNOTATION), Some(&arns(&account)[0]));

    let other = json!({ CHANNEL_ARN_ANNOTATION: "arn:aws:ivs:us-west-2:1:channel/other" });
    patch(&tenant, json!({ "metadata": { "ownerReferences": null, "annotations": other } })).await;
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=refuse").await;
    reason(&tenant, "todd", "SecretExists").await;
    assert_eq!(owners(&secret(&tenant).await), Vec::<String>::new());

    secrets(&tenant).delete(NAME, &DeleteParams::default()).await.unwrap();
    annotate(&tenant, "todd", "streamcat.dev/reconcile-at=deleted").await;
    let seen = wait::until("the Secret is re-created", TIMEOUT, || async {
        let found = accounts(&tenant).get("todd").await.map_err(|error| error.to_string())?;
        if handled_request(&found) == Some("deleted") { Ok(()) } else { Err(format!("{:#?}", found.status)) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(value(&secret(&tenant).await, "streamKey"), key(&tenant));
}
