//! AWS has once not shown the chat room, which is there.

use ivs_simulator::Fault;
use serde_json::json;

use super::{Place, Story, tell};

/// AWS has once not shown the chat room, which is there.
pub struct SeenAgain;

impl Story for SeenAgain {
    const NAME: &'static str = "seen";
    const EFFECTS: &'static [&'static str] = &["note_seen", "write_status"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
        let room = place.in_aws("rooms")[0]["arn"].as_str().unwrap().to_owned();
        let hidden = Fault::error("GetRoom", 404, "ResourceNotFoundException").named(room);
        place.tenant.simulator().fault(hidden);
        place.patch(json!({ "metadata": { "annotations": { "streamcat.dev/reconcile-at": "now" } } })).await;
        place.reach_patiently(|| place.has_reasons(&[("ChatRoomReady", "ResourceMissing")])).await;
        assert_eq!(missing(place).await, 1);
    }

    async fn act(_: &Place<'_>) {}

    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), missing(place).await), (3, 0));
    }
}

/// How many resources are noted as not shown.
async fn missing(place: &Place<'_>) -> i64 {
    let query =
        "select count(*) from missing_resources m join users u on u.id = m.user_id where u.username = $1";
    place.count(query).await
}

#[tokio::test]
async fn killed_while_it_is_noted_that_it_is_there_nothing_is_made() {
    tell::<SeenAgain>().await;
}
