//! A person abandons an account that is being deleted.

use serde_json::json;
use streamcat_operator::api::ABANDON_ANNOTATION;

use super::{Fixture, Scenario, run};

/// A person abandons an account that is being deleted.
pub struct Abandon;

impl Scenario for Abandon {
    const NAME: &'static str = "abandon";
    const EFFECTS: &'static [&'static str] = &["mark_deleting", "abandon", "publish", "remove_finalizer"];

    async fn act(fixture: &Fixture<'_>) {
        fixture.patch(json!({ "metadata": { "annotations": { ABANDON_ANNOTATION: "true" } } })).await;
        fixture.delete().await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.is_gone().await
    }

    /// All three resources exist without an owner and are on the orphan list.
    async fn check(fixture: &Fixture<'_>) {
        assert_eq!(fixture.lists_all().await, Ok(()));
        let abandoned = "select count(*) from orphans where account_namespace = $1 and reason = 'abandoned'";
        assert_eq!((fixture.count(abandoned).await, fixture.live().len()), (3, 3));
        assert_eq!(fixture.users().await, 0);
    }
}

#[tokio::test]
async fn killed_during_abandonment_everything_left_is_listed() {
    run::<Abandon>().await;
}
