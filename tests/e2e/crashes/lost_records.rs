//! Status and the rows in PostgreSQL are lost. Both are restored from the tags in AWS.

use super::{Fixture, Scenario, run};

/// Status and the rows in PostgreSQL are lost. Both are restored from the tags in AWS.
pub struct LostRecords;

impl Scenario for LostRecords {
    const NAME: &'static str = "lost";
    const EFFECTS: &'static [&'static str] = &["claim", "record", "write_status"];

    async fn act(fixture: &Fixture<'_>) {
        fixture.clear_status().await;
        fixture.forget_user().await;
    }
}

#[tokio::test]
async fn killed_while_lost_records_are_restored_nothing_is_created() {
    run::<LostRecords>().await;
}
