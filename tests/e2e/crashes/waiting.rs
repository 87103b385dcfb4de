//! An account is deleted while it waits for a username that belongs to another account.

use serde_json::json;
use streamcat_operator::api::condition::STALLED;

use super::{Fixture, Scenario, run};

/// An account is deleted while it waits for a username that belongs to another account.
pub struct WaitingDeleted;

impl Scenario for WaitingDeleted {
    const NAME: &'static str = "waiting";
    const EFFECTS: &'static [&'static str] = &["tombstone", "remove_finalizer"];

    async fn prepare(fixture: &Fixture<'_>) {
        let row = "insert into users (username, account_namespace, account_name, account_uid, retained)
                   values ($1, 'elsewhere', $1, $1, true)";
        sqlx::query(row).bind(&fixture.name).execute(&fixture.tenant.pool()).await.unwrap();
        fixture.create(json!({})).await;
        fixture.run_until(|| fixture.has_reasons(&[(STALLED, "UsernameTaken")])).await;
    }

    async fn act(fixture: &Fixture<'_>) {
        fixture.delete().await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.is_gone().await
    }

    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.users().await), (0, 1));
    }
}

#[tokio::test]
async fn killed_while_a_waiting_account_is_deleted_nothing_is_created() {
    run::<WaitingDeleted>().await;
}
