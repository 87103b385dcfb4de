//! An account is deleted: an old one, a new one, or one whose channel is live.

use serde_json::json;

use super::{Fixture, Scenario, run};

/// An account is deleted.
pub struct Delete;

impl Scenario for Delete {
    const NAME: &'static str = "delete";
    const EFFECTS: &'static [&'static str] = &[
        "mark_deleting",
        "note_deletion",
        "DeleteChannel",
        "DeleteRoom",
        "DeleteStage",
        "delete_user",
        "remove_finalizer",
    ];
    const AT_EVERY_FAIL_POINT: bool = true;

    async fn act(fixture: &Fixture<'_>) {
        fixture.delete().await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.is_gone().await
    }

    /// Nothing is left in AWS or PostgreSQL, and the orphan list is empty.
    async fn check(fixture: &Fixture<'_>) {
        assert!(fixture.live().is_empty(), "{:?}", fixture.live());
        assert_eq!(fixture.users().await, 0);
        assert!(fixture.listed().await.is_empty());
    }
}

/// An account is deleted right after its creation. Status says that the deletion waits until reads of the new
/// resources are consistent.
pub struct DeleteNew;

impl Scenario for DeleteNew {
    const NAME: &'static str = "deletenew";
    const EFFECTS: &'static [&'static str] = &["write_status", "publish", "remove_finalizer"];
    const SETTINGS: &'static [(&'static str, &'static str)] = &[("STREAMCAT_CONSISTENCY_GRACE", "20s")];

    async fn prepare(fixture: &Fixture<'_>) {
        fixture.create_ready_and_new(json!({})).await;
    }

    async fn act(fixture: &Fixture<'_>) {
        Delete::act(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        Delete::is_done(fixture).await
    }

    async fn check(fixture: &Fixture<'_>) {
        Delete::check(fixture).await;
    }
}

/// An account is deleted while its channel is live.
pub struct DeleteLive;

impl Scenario for DeleteLive {
    const NAME: &'static str = "live";
    const EFFECTS: &'static [&'static str] =
        &["ListStreamKeys", "DeleteStreamKey", "StopStream", "GetStream", "DeleteChannel"];

    async fn act(fixture: &Fixture<'_>) {
        let channel = fixture.in_aws("channels")[0]["arn"].clone();
        assert!(fixture.tenant.simulator().set_live(channel.as_str().unwrap()));
        Delete::act(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        Delete::is_done(fixture).await
    }

    async fn check(fixture: &Fixture<'_>) {
        Delete::check(fixture).await;
    }
}

#[tokio::test]
async fn killed_during_deletion_nothing_is_left() {
    run::<Delete>().await;
}

#[tokio::test]
async fn killed_during_deletion_of_a_new_account_nothing_is_left() {
    run::<DeleteNew>().await;
}

#[tokio::test]
async fn killed_during_deletion_of_a_live_channel_nothing_is_left() {
    run::<DeleteLive>().await;
}
