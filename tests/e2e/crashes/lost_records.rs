//! Status and PostgreSQL are lost; the tags in AWS bring them back.

use super::{Place, Story, tell};

/// Status and PostgreSQL are lost; the tags in AWS bring them back.
pub struct LostRecords;

impl Story for LostRecords {
    const NAME: &'static str = "lost";
    const EFFECTS: &'static [&'static str] = &["claim", "record", "write_status"];

    async fn act(place: &Place<'_>) {
        place.clear_status().await;
        place.forget_user().await;
    }
}

#[tokio::test]
async fn killed_while_lost_records_are_written_again_nothing_is_made() {
    tell::<LostRecords>().await;
}
