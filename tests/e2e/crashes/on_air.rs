//! An account is deleted while its channel is on air.

use serde_json::json;

use super::{Place, Story, tell};

/// An account is deleted while its channel is on air.
pub struct OnAir;

impl Story for OnAir {
    const NAME: &'static str = "onair";
    const EFFECTS: &'static [&'static str] =
        &["ListStreamKeys", "DeleteStreamKey", "StopStream", "GetStream", "DeleteChannel"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
        let channel = place.in_aws("channels")[0]["arn"].clone();
        assert!(place.tenant.simulator().set_live(channel.as_str().unwrap()));
        place.delete().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.is_gone().await
    }

    async fn check(place: &Place<'_>) {
        assert!(place.live().is_empty(), "{:?}", place.live());
        assert_eq!(place.users().await, 0);
        assert!(place.listed().await.is_empty());
    }
}

#[tokio::test]
async fn killed_while_an_account_that_is_on_air_is_deleted_nothing_is_left() {
    tell::<OnAir>().await;
}
