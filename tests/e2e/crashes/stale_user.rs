//! PostgreSQL is restored to a time when another account, which is gone, had the username.

use super::{Fixture, Scenario, run};

/// PostgreSQL is restored to a time when another account, which is gone, had the username.
pub struct StaleUser;

impl Scenario for StaleUser {
    const NAME: &'static str = "stale";
    const EFFECTS: &'static [&'static str] = &["delete_stale_user", "claim", "record"];

    async fn act(fixture: &Fixture<'_>) {
        fixture.forget_user().await;
        let row = "insert into users (username, account_namespace, account_name, account_uid)
                   values ($1, $1, 'before', $1)";
        sqlx::query(row).bind(&fixture.name).execute(&fixture.tenant.pool()).await.unwrap();
    }
}

#[tokio::test]
async fn killed_while_a_stale_user_is_deleted_nothing_is_created() {
    run::<StaleUser>().await;
}
