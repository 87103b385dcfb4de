//! The cluster is lost, and the account is re-created from Git: another UID, no status, no finalizer.

use serde_json::json;

use super::{Fixture, Scenario, run};

/// The cluster is lost, and the account is re-created from Git: another UID, no status, no finalizer.
pub struct Transfer;

impl Scenario for Transfer {
    const NAME: &'static str = "transfer";
    const EFFECTS: &'static [&'static str] =
        &["add_finalizer", "claim", "transfer", "write_secret", "write_status"];

    async fn act(fixture: &Fixture<'_>) {
        fixture.lose().await;
        fixture.create(json!({})).await;
    }
}

#[tokio::test]
async fn killed_during_a_transfer_nothing_is_created() {
    run::<Transfer>().await;
}
