//! PostgreSQL has it that AWS did not show the chat room, and it is there.

use serde_json::json;

use super::{Place, Story, tell};

/// PostgreSQL has it that AWS did not show the chat room, and it is there.
pub struct SeenAgain;

impl Story for SeenAgain {
    const NAME: &'static str = "seen";
    const EFFECTS: &'static [&'static str] = &["note_seen"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({})).await;
    }

    async fn act(place: &Place<'_>) {
        let row = "insert into missing_resources (user_id, kind, arn)
                   select id, 'chat_room', arn from users join chat_rooms on user_id = id where username = $1";
        sqlx::query(row).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
        assert_eq!(missing(place).await, 1);
        place.patch(json!({ "metadata": { "annotations": { "streamcat.dev/reconcile-at": "now" } } })).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        match missing(place).await {
            0 => place.agrees().await,
            missing => Err(format!("{missing} are noted as not shown")),
        }
    }

    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (3, 1));
    }
}

/// How many resources are noted as not shown.
async fn missing(place: &Place<'_>) -> i64 {
    let query = "select count(*) from missing_resources join users on id = user_id where username = $1";
    place.count(query).await
}

#[tokio::test]
async fn killed_while_it_is_noted_that_it_is_there_nothing_is_made() {
    tell::<SeenAgain>().await;
}
