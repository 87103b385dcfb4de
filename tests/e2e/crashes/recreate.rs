//! Somebody deletes the chat room in the console. It is re-created after two lists without it.

use super::{Fixture, Scenario, run};

/// Somebody deletes the chat room in the console. It is re-created after two lists without it.
pub struct Recreate;

impl Scenario for Recreate {
    const NAME: &'static str = "recreate";
    const EFFECTS: &'static [&'static str] =
        &["note_absences", "open", "CreateRoom", "record_made", "publish", "write_status"];

    // The accounts of the other runs lose their rooms at the same time, which must not engage the brake.
    const SETTINGS: &'static [(&'static str, &'static str)] =
        &[("STREAMCAT_RESYNC_INTERVAL", "1s"), ("STREAMCAT_BRAKE_RESOURCES", "1000")];

    async fn act(fixture: &Fixture<'_>) {
        let room = fixture.in_aws("rooms")[0]["arn"].clone();
        assert!(fixture.tenant.simulator().remove(room.as_str().unwrap()));
    }

    /// One replacement was created, and an event reports it. If the controller died before it published the
    /// event, the next one reports the changed ARN.
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
