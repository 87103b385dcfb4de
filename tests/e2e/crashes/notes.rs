//! PostgreSQL has a note of a resource: the next look at it finds that all is well, and the note goes. Or it has an address of it that
//! AWS does not have: the next look corrects it.

use serde_json::json;
use streamcat_operator::api::RECONCILE_AT_ANNOTATION;

use super::{Fixture, Scenario, run};

/// A note that PostgreSQL has of the chat room.
struct Note {
    /// The query that takes it.
    take: &'static str,
    /// The query that counts such notes.
    count: &'static str,
}

impl Note {
    /// Takes it, and asks for a look.
    async fn take(&self, fixture: &Fixture<'_>) {
        sqlx::query(self.take).bind(&fixture.name).execute(&fixture.tenant.pool()).await.unwrap();
        assert_eq!(fixture.count(self.count).await, 1);
        fixture.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    /// Whether it is gone, and all agrees; else what there is.
    async fn is_gone(&self, fixture: &Fixture<'_>) -> Result<(), String> {
        match fixture.count(self.count).await {
            0 => fixture.agrees().await,
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

impl Scenario for SeenAgain {
    const NAME: &'static str = "seen";
    const EFFECTS: &'static [&'static str] = &["note_absences"];

    async fn act(fixture: &Fixture<'_>) {
        NOT_SHOWN.take(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        NOT_SHOWN.is_gone(fixture).await
    }
}

/// What was changed has stayed so.
pub struct Stayed;

impl Scenario for Stayed {
    const NAME: &'static str = "stayed";
    const EFFECTS: &'static [&'static str] = &["end_update"];

    async fn act(fixture: &Fixture<'_>) {
        CHANGED.take(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        CHANGED.is_gone(fixture).await
    }
}

/// The rows have other addresses than AWS.
pub struct Corrected;

impl Scenario for Corrected {
    const NAME: &'static str = "corrected";
    const EFFECTS: &'static [&'static str] = &["correct"];

    async fn act(fixture: &Fixture<'_>) {
        let change = "with room as (update chat_rooms set endpoint = 'wss://another' from users
                                    where id = user_id and username = $1)
                      update channels set playback_url = 'https://another' from users
                      where id = user_id and username = $1";
        sqlx::query(change).bind(&fixture.name).execute(&fixture.tenant.pool()).await.unwrap();
        assert_eq!(fixture.count(OTHER_ADDRESSES).await, 2);
        fixture.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        match fixture.count(OTHER_ADDRESSES).await {
            0 => fixture.agrees().await,
            rows => Err(format!("{rows} rows have other addresses")),
        }
    }
}

/// Counts the rows of a user that have another address than AWS has.
const OTHER_ADDRESSES: &str = "select count(*) from (
      select user_id, playback_url as address from channels union all select user_id, endpoint from chat_rooms
    ) r join users on id = user_id where username = $1 and address like '%://another'";

#[tokio::test]
async fn killed_while_addresses_are_corrected_they_match_aws() {
    run::<Corrected>().await;
}

#[tokio::test]
async fn killed_while_an_absence_is_cleared_nothing_is_created() {
    run::<SeenAgain>().await;
}

#[tokio::test]
async fn killed_while_an_update_is_verified_nothing_is_changed() {
    run::<Stayed>().await;
}
