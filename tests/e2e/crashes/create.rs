//! An account is created.

use serde_json::json;

use super::{Place, Story, tell};

/// An account is created.
pub struct Create;

impl Story for Create {
    const NAME: &'static str = "create";
    const EFFECTS: &'static [&'static str] = &[
        "add_finalizer",
        "claim",
        "open",
        "CreateChannel",
        "CreateRoom",
        "CreateStage",
        "record_made",
        "write_secret",
        "write_status",
        "ListChannels",
        "ListRooms",
        "ListStages",
    ];
    const THOROUGH: bool = true;

    async fn prepare(_: &Place<'_>) {}

    async fn act(place: &Place<'_>) {
        place.create(json!({})).await;
    }

    async fn check(place: &Place<'_>) {
        assert_eq!(place.users().await, 1);
    }
}

#[tokio::test]
async fn killed_while_an_account_is_created_there_is_one_of_each() {
    tell::<Create>().await;
}
