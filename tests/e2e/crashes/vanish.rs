//! Somebody deletes the chat room in the console; it is made again after two lists without it.

use super::{Place, Story, tell};

/// Somebody deletes the chat room in the console; it is made again after two lists without it.
pub struct Vanish;

impl Story for Vanish {
    const NAME: &'static str = "vanish";
    const EFFECTS: &'static [&'static str] =
        &["note_absences", "open", "CreateRoom", "record_made", "publish", "write_status"];

    // Its neighbours lose their rooms at the same time.
    const SETTINGS: &'static [(&'static str, &'static str)] =
        &[("STREAMCAT_RESYNC_INTERVAL", "1s"), ("STREAMCAT_BRAKE_RESOURCES", "1000")];

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
