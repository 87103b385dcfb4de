//! An account is deleted.

use serde_json::json;

use super::{Place, Story, tell};

/// An account is deleted.
pub struct Delete;

impl Story for Delete {
    const NAME: &'static str = "delete";
    const EFFECTS: &'static [&'static str] =
        &["leave", "DeleteChannel", "DeleteRoom", "DeleteStage", "release", "remove_finalizer"];
    const THOROUGH: bool = true;

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
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
async fn killed_while_an_account_is_deleted_nothing_is_left() {
    tell::<Delete>().await;
}
