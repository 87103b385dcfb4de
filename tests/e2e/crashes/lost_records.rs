//! Status and PostgreSQL are lost; the tags in AWS bring them back.

use serde_json::json;

use super::{Place, Story, tell};

/// Status and PostgreSQL are lost; the tags in AWS bring them back.
pub struct LostRecords;

impl Story for LostRecords {
    const NAME: &'static str = "lost";
    const EFFECTS: &'static [&'static str] = &["claim", "record", "write_status"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
        place.clear_status().await;
        place.forget_user().await;
    }

    /// It is the same user, and nothing was made.
    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (3, 1));
    }
}

#[tokio::test]
async fn killed_while_lost_records_are_written_again_nothing_is_made() {
    tell::<LostRecords>().await;
}
