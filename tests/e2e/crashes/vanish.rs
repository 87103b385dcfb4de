//! Somebody deletes the chat room in the console; it is made again after the grace.

use super::{Place, Story, tell};

/// Somebody deletes the chat room in the console; it is made again after the grace.
pub struct Vanish;

impl Story for Vanish {
    const NAME: &'static str = "vanish";
    const EFFECTS: &'static [&'static str] =
        &["note_missing", "open", "CreateRoom", "record_made", "publish", "write_status"];

    async fn act(place: &Place<'_>) {
        let room = place.in_aws("rooms")[0]["arn"].clone();
        assert!(place.tenant.simulator().remove(room.as_str().unwrap()));
    }

    /// One was made in its place, and an event says so: who died before it was sent leaves it to the next to find that
    /// the ARN has changed.
    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (4, 1));
        let events = place.events().await;
        assert!(events.contains("Recreated") || events.contains("ArnChanged"), "{events:?}");
    }
}

#[tokio::test]
async fn killed_while_what_vanished_is_made_again_there_is_one_of_each() {
    tell::<Vanish>().await;
}
