//! The cluster is lost, and the account is created again from Git: another UID, no status, no finalizer.

use serde_json::json;

use super::{Place, Story, tell};

/// The cluster is lost, and the account is created again from Git: another UID, no status, no finalizer.
pub struct Inherit;

impl Story for Inherit {
    const NAME: &'static str = "inherit";
    const EFFECTS: &'static [&'static str] =
        &["add_finalizer", "claim", "transfer", "write_secret", "write_status"];

    async fn act(place: &Place<'_>) {
        place.lose().await;
        place.create(json!({})).await;
    }
}

#[tokio::test]
async fn killed_while_a_new_object_takes_its_user_on_nothing_is_made() {
    tell::<Inherit>().await;
}
