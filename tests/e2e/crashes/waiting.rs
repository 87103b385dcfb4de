//! An account that waits for a username, which another has, is deleted.

use serde_json::json;
use streamcat_operator::api::condition::STALLED;

use super::{Place, Story, tell};

/// An account that waits for a username, which another has, is deleted.
pub struct Waiting;

impl Story for Waiting {
    const NAME: &'static str = "waiting";
    const EFFECTS: &'static [&'static str] = &["tombstone", "remove_finalizer"];

    async fn prepare(place: &Place<'_>) {
        let row = "insert into users (username, account_namespace, account_name, account_uid, retained)
                   values ($1, 'elsewhere', $1, $1, true)";
        sqlx::query(row).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
        place.create(json!({})).await;
        place.reach(|| place.has_reasons(&[(STALLED, "UsernameTaken")])).await;
    }

    async fn act(place: &Place<'_>) {
        place.delete().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.is_gone().await
    }

    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (0, 1));
    }
}

#[tokio::test]
async fn killed_while_an_account_goes_that_never_had_anything_nothing_is_made() {
    tell::<Waiting>().await;
}
