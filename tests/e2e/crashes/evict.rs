//! PostgreSQL is restored from when another account, which is gone, had the username.

use super::{Place, Story, tell};

/// PostgreSQL is restored from when another account, which is gone, had the username.
pub struct Evict;

impl Story for Evict {
    const NAME: &'static str = "evict";
    const EFFECTS: &'static [&'static str] = &["delete_stale_user", "claim", "record"];

    async fn act(place: &Place<'_>) {
        place.forget_user().await;
        let row = "insert into users (username, account_namespace, account_name, account_uid) values ($1, $1, 'before', $1)";
        sqlx::query(row).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
    }
}

#[tokio::test]
async fn killed_while_a_row_from_before_a_restore_goes_nothing_is_made() {
    tell::<Evict>().await;
}
