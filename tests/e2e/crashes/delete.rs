//! An account is deleted: one that has been there for a while, one that was made a moment ago, one whose channel is on air.

use serde_json::json;

use super::{Place, Story, tell};

/// An account is deleted.
pub struct Delete;

impl Story for Delete {
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
    const THOROUGH: bool = true;

    async fn act(place: &Place<'_>) {
        place.delete().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.is_gone().await
    }

    /// Nothing is left of it, and nothing on the list of orphans.
    async fn check(place: &Place<'_>) {
        assert!(place.live().is_empty(), "{:?}", place.live());
        assert_eq!(place.users().await, 0);
        assert!(place.listed().await.is_empty());
    }
}

/// The same a moment after it was made: that it waits until every read would show what it has, its status says.
pub struct DeleteNew;

impl Story for DeleteNew {
    const NAME: &'static str = "deletenew";
    const EFFECTS: &'static [&'static str] = &["write_status", "publish", "remove_finalizer"];
    const SETTINGS: &'static [(&'static str, &'static str)] = &[("STREAMCAT_CONSISTENCY_GRACE", "20s")];

    async fn prepare(place: &Place<'_>) {
        place.create_just_now(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
        Delete::act(place).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        Delete::goal(place).await
    }

    async fn check(place: &Place<'_>) {
        Delete::check(place).await;
    }
}

/// The same while its channel is on air.
pub struct DeleteOnAir;

impl Story for DeleteOnAir {
    const NAME: &'static str = "onair";
    const EFFECTS: &'static [&'static str] =
        &["ListStreamKeys", "DeleteStreamKey", "StopStream", "GetStream", "DeleteChannel"];

    async fn act(place: &Place<'_>) {
        let channel = place.in_aws("channels")[0]["arn"].clone();
        assert!(place.tenant.simulator().set_live(channel.as_str().unwrap()));
        Delete::act(place).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        Delete::goal(place).await
    }

    async fn check(place: &Place<'_>) {
        Delete::check(place).await;
    }
}

#[tokio::test]
async fn killed_while_an_account_is_deleted_nothing_is_left() {
    tell::<Delete>().await;
}

#[tokio::test]
async fn killed_while_an_account_that_is_new_is_deleted_nothing_is_left() {
    tell::<DeleteNew>().await;
}

#[tokio::test]
async fn killed_while_an_account_that_is_on_air_is_deleted_nothing_is_left() {
    tell::<DeleteOnAir>().await;
}
