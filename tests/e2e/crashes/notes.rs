//! PostgreSQL has a note of a resource: the next look at it finds that all is well, and the note goes. Or it has an address of it that
//! AWS does not have: the next look corrects it.

use serde_json::json;
use streamcat_operator::api::RECONCILE_AT_ANNOTATION;

use super::{Place, Story, tell};

/// A note that PostgreSQL has of the chat room.
struct Note {
    /// The query that takes it.
    take: &'static str,
    /// The query that counts such notes.
    count: &'static str,
}

impl Note {
    /// Takes it, and asks for a look.
    async fn take(&self, place: &Place<'_>) {
        sqlx::query(self.take).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
        assert_eq!(place.count(self.count).await, 1);
        place.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    /// Whether it is gone, and all agrees; else what there is.
    async fn is_gone(&self, place: &Place<'_>) -> Result<(), String> {
        match place.count(self.count).await {
            0 => place.agrees().await,
            notes => Err(format!("there are {notes} notes")),
        }
    }
}

/// AWS did not show it.
const NOT_SHOWN: Note = Note {
    take: "insert into missing_resources (user_id, kind, arn, unlisted_since, unlisted_until)
           select id, 'chat_room', arn, now(), now() from users join chat_rooms on user_id = id where username = $1",
    count: "select count(*) from missing_resources join users on id = user_id where username = $1",
};

/// It was changed, and is to be looked at once more.
const CHANGED: Note = Note {
    take: "insert into pending_updates (user_id, kind, deadline)
           select id, 'chat_room', now() - interval '1 hour' from users where username = $1",
    count: "select count(*) from pending_updates join users on id = user_id where username = $1",
};

/// What AWS did not show is there.
pub struct SeenAgain;

impl Story for SeenAgain {
    const NAME: &'static str = "seen";
    const EFFECTS: &'static [&'static str] = &["note_absences"];

    async fn act(place: &Place<'_>) {
        NOT_SHOWN.take(place).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        NOT_SHOWN.is_gone(place).await
    }
}

/// What was changed has stayed so.
pub struct Stayed;

impl Story for Stayed {
    const NAME: &'static str = "stayed";
    const EFFECTS: &'static [&'static str] = &["end_update"];

    async fn act(place: &Place<'_>) {
        CHANGED.take(place).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        CHANGED.is_gone(place).await
    }
}

/// The rows have other addresses than AWS.
pub struct Corrected;

impl Story for Corrected {
    const NAME: &'static str = "corrected";
    const EFFECTS: &'static [&'static str] = &["correct"];

    async fn act(place: &Place<'_>) {
        let change = "with room as (update chat_rooms set endpoint = 'wss://another' from users
                                    where id = user_id and username = $1)
                      update channels set playback_url = 'https://another' from users
                      where id = user_id and username = $1";
        sqlx::query(change).bind(&place.name).execute(&place.tenant.pool()).await.unwrap();
        assert_eq!(place.count(OTHER_ADDRESSES).await, 2);
        place.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        match place.count(OTHER_ADDRESSES).await {
            0 => place.agrees().await,
            rows => Err(format!("{rows} rows have other addresses")),
        }
    }
}

/// Counts the rows of a user that have another address than AWS has.
const OTHER_ADDRESSES: &str = "select count(*) from (
      select user_id, playback_url as address from channels union all select user_id, endpoint from chat_rooms
    ) r join users on id = user_id where username = $1 and address like '%://another'";

#[tokio::test]
async fn killed_while_addresses_are_corrected_they_are_as_aws_has_them() {
    tell::<Corrected>().await;
}

#[tokio::test]
async fn killed_while_it_is_noted_that_it_is_there_nothing_is_made() {
    tell::<SeenAgain>().await;
}

#[tokio::test]
async fn killed_while_it_is_seen_that_a_change_has_stayed_nothing_is_changed() {
    tell::<Stayed>().await;
}
