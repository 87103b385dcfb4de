//! A person lets go of an account that is being deleted.

use serde_json::json;
use streamcat_operator::api::LET_GO_ANNOTATION;

use super::{Place, Story, tell};

/// A person lets go of an account that is being deleted.
pub struct LetGo;

impl Story for LetGo {
    const NAME: &'static str = "letgo";
    const EFFECTS: &'static [&'static str] = &["leave", "let_go", "publish", "remove_finalizer"];

    async fn act(place: &Place<'_>) {
        place.patch(json!({ "metadata": { "annotations": { LET_GO_ANNOTATION: "true" } } })).await;
        place.delete().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.is_gone().await
    }

    /// All three are there, nobody has them, and the list says so.
    async fn check(place: &Place<'_>) {
        assert_eq!(place.lists_all().await, Ok(()));
        let by_a_person = "select count(*) from orphans where account_namespace = $1 and reason = 'let_go'";
        assert_eq!((place.count(by_a_person).await, place.live().len()), (3, 3));
        assert_eq!(place.users().await, 0);
    }
}

#[tokio::test]
async fn killed_while_a_person_lets_go_all_that_is_left_is_listed() {
    tell::<LetGo>().await;
}
