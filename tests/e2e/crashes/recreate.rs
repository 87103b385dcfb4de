//! Somebody deletes the chat room in the console; it is made again after two lists without it.

use super::{Fixture, Scenario, run};

/// Somebody deletes the chat room in the console; it is made again after two lists without it.
pub struct Recreate;

impl Scenario for Recreate {
    const NAME: &'static str = "vanish";
    const EFFECTS: &'static [&'static str] =
        &["note_absences", "open", "CreateRoom", "record_made", "publish", "write_status"];

    // Its neighbours lose their rooms at the same time.
    const SETTINGS: &'static [(&'static str, &'static str)] =
        &[("STREAMCAT_RESYNC_INTERVAL", "1s"), ("STREAMCAT_BRAKE_RESOURCES", "1000")];

    async fn act(fixture: &Fixture<'_>) {
        let room = fixture.in_aws("rooms")[0]["arn"].clone();
        assert!(fixture.tenant.simulator().remove(room.as_str().unwrap()));
    }

    /// One was made in its place, and an event says so: who died before it was sent leaves it to the next to find that
    /// the ARN has changed.
    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.users().await), (4, 1));
        let events = fixture.events().await;
        assert!(events.contains("Recreated") || events.contains("ArnChanged"), "{events:?}");
    }
}

#[tokio::test]
async fn killed_while_a_resource_is_recreated_one_of_each_exists() {
    run::<Recreate>().await;
}
