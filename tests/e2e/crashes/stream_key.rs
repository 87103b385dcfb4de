//! Somebody deletes the stream key of the channel. One new key is created and written to the Secret.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};
use streamcat_operator::api::RECONCILE_AT_ANNOTATION;

use super::{Fixture, Scenario, run};

/// Somebody deletes the stream key of the channel, and requests a reconcile.
pub struct KeyDeleted;

/// Returns the stream keys of the channel in AWS.
fn keys(fixture: &Fixture<'_>) -> Vec<Value> {
    let channel = fixture.in_aws("channels")[0]["arn"].clone();
    let state = fixture.tenant.simulator().state();
    let all = state["streamKeys"].as_array().into_iter().flatten();
    all.filter(|key| key["channelArn"] == channel).cloned().collect()
}

impl Scenario for KeyDeleted {
    const NAME: &'static str = "key";
    const EFFECTS: &'static [&'static str] =
        &["ListStreamKeys", "CreateStreamKey", "publish", "write_secret", "write_status"];

    async fn act(fixture: &Fixture<'_>) {
        assert!(fixture.tenant.simulator().remove(keys(fixture)[0]["arn"].as_str().unwrap()));
        fixture.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    /// Checks that the Secret has the new key, and that the requested reconcile is handled.
    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.agrees().await?;
        let status = fixture.account().await.and_then(|account| account.status).unwrap_or_default();
        let secrets: Api<Secret> = Api::namespaced(fixture.tenant.kube(), &fixture.name);
        let name = format!("{}-stream-key", fixture.name);
        let secret = secrets.get(&name).await.map_err(|error| error.to_string())?;
        let key = secret.data.unwrap_or_default().remove("streamKey").unwrap_or_default();
        let is_right =
            matches!(&keys(fixture)[..], [only] if only["value"].as_str().map(str::as_bytes) == Some(&key.0));
        if is_right && status.last_handled_reconcile_at.as_deref() == Some("now") {
            return Ok(());
        }
        Err(format!("{:?}, and AWS has {:?}", status.last_handled_reconcile_at, keys(fixture)))
    }

    /// One key was created, besides the three resources.
    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.users().await), (4, 1));
    }
}

#[tokio::test]
async fn killed_while_a_stream_key_is_recreated_one_exists() {
    run::<KeyDeleted>().await;
}
