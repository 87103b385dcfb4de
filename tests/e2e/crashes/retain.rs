//! An account with deletionPolicy Retain is deleted.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Fixture, Scenario, run};
use crate::support::recorded;

/// An account with deletionPolicy Retain is deleted.
pub struct Retain;

impl Scenario for Retain {
    const NAME: &'static str = "retain";
    const EFFECTS: &'static [&'static str] = &["mark_deleting", "mark_retained", "remove_finalizer"];

    async fn prepare(fixture: &Fixture<'_>) {
        fixture.create_ready(json!({ "deletionPolicy": "Retain" })).await;
    }

    async fn act(fixture: &Fixture<'_>) {
        fixture.delete().await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.is_gone().await
    }

    /// All three resources exist and are recorded for the user.
    async fn check(fixture: &Fixture<'_>) {
        let recorded: BTreeSet<_> = recorded(fixture.tenant, &fixture.name).await.into_iter().collect();
        assert_eq!((recorded.len(), fixture.created_count()), (3, 3));
        assert_eq!(fixture.live(), recorded);
        let retained = "select count(*) from users where username = $1 and retained";
        assert_eq!((fixture.count(retained).await, fixture.users().await), (1, 1));
        assert!(fixture.listed().await.is_empty());
    }
}

#[tokio::test]
async fn killed_during_deletion_with_retain_everything_stays() {
    run::<Retain>().await;
}
