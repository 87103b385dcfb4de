//! What was changed is looked at once more, and has stayed.

use serde_json::json;

use super::{Place, Story, tell};

/// What was changed is looked at once more, and has stayed.
pub struct Stayed;

impl Story for Stayed {
    const NAME: &'static str = "stayed";
    const EFFECTS: &'static [&'static str] = &["end_edit"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
        let row = "insert into edits (user_id, kind, deadline)
                   select id, 'chat_room', now() - interval '1 hour' from users where username = $1";
        sqlx::query(row).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
        assert_eq!(changed(place).await, 1);
        place.patch(json!({ "metadata": { "annotations": { "streamcat.dev/reconcile-at": "now" } } })).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        match changed(place).await {
            0 => place.agrees().await,
            changed => Err(format!("{changed} are noted as changed")),
        }
    }

    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (3, 1));
    }
}

/// How many resources are noted as changed.
async fn changed(place: &Place<'_>) -> i64 {
    place.count("select count(*) from edits join users on id = user_id where username = $1").await
}

#[tokio::test]
async fn killed_while_it_is_seen_that_a_change_has_stayed_nothing_is_changed() {
    tell::<Stayed>().await;
}
