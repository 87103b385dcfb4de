//! An account is created.

use serde_json::json;

use super::{Fixture, Scenario, run};

/// An account is created.
pub struct Create;

impl Scenario for Create {
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
    const AT_EVERY_FAIL_POINT: bool = true;

    async fn prepare(_: &Fixture<'_>) {}

    async fn act(fixture: &Fixture<'_>) {
        fixture.create(json!({})).await;
    }

    async fn check(fixture: &Fixture<'_>) {
        assert_eq!(fixture.users().await, 1);
    }
}

#[tokio::test]
async fn killed_during_creation_one_of_each_exists() {
    run::<Create>().await;
}
