//! PostgreSQL is restored from when another account, which is gone, had the username.

use serde_json::json;

use super::{Place, Story, tell};

/// PostgreSQL is restored from when another account, which is gone, had the username.
pub struct Evict;

impl Story for Evict {
    const NAME: &'static str = "evict";
    const EFFECTS: &'static [&'static str] = &["evict", "claim", "record"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
        place.forget_user().await;
        let row = "insert into users (username, account_namespace, account_name, account_uid) values ($1, $1, 'before', 'u')";
        sqlx::query(row).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
    }

    /// It is the same user, and nothing was made.
    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (3, 1));
    }
}

#[tokio::test]
async fn killed_while_a_row_from_before_a_restore_goes_nothing_is_made() {
    tell::<Evict>().await;
}
