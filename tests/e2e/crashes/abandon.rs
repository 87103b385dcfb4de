//! A person lets go of an account that is being deleted.

use serde_json::json;
use streamcat_operator::api::ABANDON_ANNOTATION;

use super::{Place, Story, tell};

/// A person lets go of an account that is being deleted.
pub struct Abandon;

impl Story for Abandon {
    const NAME: &'static str = "abandon";
    const EFFECTS: &'static [&'static str] = &["mark_deleting", "abandon", "publish", "remove_finalizer"];

    async fn act(place: &Place<'_>) {
        place.patch(json!({ "metadata": { "annotations": { ABANDON_ANNOTATION: "true" } } })).await;
        place.delete().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.is_gone().await
    }

    /// All three are there, nobody has them, and the list says so.
    async fn check(place: &Place<'_>) {
        assert_eq!(place.lists_all().await, Ok(()));
        let by_a_person =
            "select count(*) from orphans where account_namespace = $1 and reason = 'abandoned'";
        assert_eq!((place.count(by_a_person).await, place.live().len()), (3, 3));
        assert_eq!(place.users().await, 0);
    }
}

#[tokio::test]
async fn killed_while_a_person_lets_go_all_that_is_left_is_listed() {
    tell::<Abandon>().await;
}
