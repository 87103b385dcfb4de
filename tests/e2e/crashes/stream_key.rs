//! Somebody deletes the stream key of the channel; another is made, once, and goes into the Secret.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};
use streamcat_operator::api::RECONCILE_AT_ANNOTATION;

use super::{Place, Story, tell};

/// Somebody deletes the stream key of the channel, and asks for a look.
pub struct LostKey;

/// The stream keys that AWS has of the channel.
fn keys(place: &Place<'_>) -> Vec<Value> {
    let channel = place.in_aws("channels")[0]["arn"].clone();
    let state = place.tenant.simulator().state();
    let all = state["streamKeys"].as_array().into_iter().flatten();
    all.filter(|key| key["channelArn"] == channel).cloned().collect()
}

impl Story for LostKey {
    const NAME: &'static str = "lostkey";
    const EFFECTS: &'static [&'static str] =
        &["ListStreamKeys", "CreateStreamKey", "publish", "write_secret", "write_status"];

    async fn act(place: &Place<'_>) {
        assert!(place.tenant.simulator().remove(keys(place)[0]["arn"].as_str().unwrap()));
        place.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    /// The Secret has the new key, and the request is handled.
    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.agrees().await?;
        let status = place.account().await.and_then(|account| account.status).unwrap_or_default();
        let secrets: Api<Secret> = Api::namespaced(place.tenant.kube(), &place.name);
        let name = format!("{}-stream-key", place.name);
        let secret = secrets.get(&name).await.map_err(|error| error.to_string())?;
        let key = secret.data.unwrap_or_default().remove("streamKey").unwrap_or_default();
        let is_right =
            matches!(&keys(place)[..], [only] if only["value"].as_str().map(str::as_bytes) == Some(&key.0));
        if is_right && status.last_handled_reconcile_at.as_deref() == Some("now") {
            return Ok(());
        }
        Err(format!("{:?}, and AWS has {:?}", status.last_handled_reconcile_at, keys(place)))
    }

    /// One key was made beside the three.
    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (4, 1));
    }
}

#[tokio::test]
async fn killed_while_a_deleted_stream_key_is_made_again_there_is_one() {
    tell::<LostKey>().await;
}
