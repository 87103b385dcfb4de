//! Outdated rows. PostgreSQL has an absence or a pending update of a resource that is in order: the next
//! reconcile deletes the row. Or it has another address than AWS: the next reconcile corrects it.

use serde_json::json;
use streamcat_operator::api::RECONCILE_AT_ANNOTATION;

use super::{Fixture, Scenario, run};

/// A row about the chat room that the next reconcile deletes.
struct OutdatedRow {
    /// The statement that inserts it.
    insert: &'static str,
    /// The query that counts such rows.
    count: &'static str,
}

impl OutdatedRow {
    /// Inserts the row, and requests a reconcile.
    async fn insert(&self, fixture: &Fixture<'_>) {
        sqlx::query(self.insert).bind(&fixture.name).execute(&fixture.tenant.pool()).await.unwrap();
        assert_eq!(fixture.count(self.count).await, 1);
        fixture.patch(json!({ "metadata": { "annotations": { RECONCILE_AT_ANNOTATION: "now" } } })).await;
    }

    /// Checks that the row is gone, and that status, PostgreSQL, and AWS agree.
    async fn is_gone(&self, fixture: &Fixture<'_>) -> Result<(), String> {
        match fixture.count(self.count).await {
            0 => fixture.agrees().await,
            rows => Err(format!("{rows} outdated rows are left")),
        }
    }
}

/// The evidence of a list that did not contain the room.
const ABSENCE: OutdatedRow = OutdatedRow {
    insert: "insert into missing_resources (user_id, kind, arn, unlisted_since, unlisted_until)
           select id, 'chat_room', arn, now(), now() from users join chat_rooms on user_id = id
           where username = $1",
    count: "select count(*) from missing_resources join users on id = user_id where username = $1",
};

/// A pending update of the room, whose re-check is due.
const PENDING_UPDATE: OutdatedRow = OutdatedRow {
    insert: "insert into pending_updates (user_id, kind, deadline)
           select id, 'chat_room', now() - interval '1 hour' from users where username = $1",
    count: "select count(*) from pending_updates join users on id = user_id where username = $1",
};

/// A field of the room that the spec has named. The update that set it back is due to be re-checked.
const FORMER_FIELD: OutdatedRow = OutdatedRow {
    insert: "with pending as (
             insert into pending_updates (user_id, kind, deadline)
             select id, 'chat_room', now() - interval '1 hour' from users where username = $1)
           insert into applied_fields (user_id, kind, fields)
           select id, 'chat_room', array['maximumMessageLength'] from users where username = $1",
    count: "select count(*) from applied_fields join users on id = user_id where username = $1",
};

/// A resource that a list did not contain exists.
pub struct Reappeared;

impl Scenario for Reappeared {
    const NAME: &'static str = "reappeared";
    const EFFECTS: &'static [&'static str] = &["note_absences"];

    async fn act(fixture: &Fixture<'_>) {
        ABSENCE.insert(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        ABSENCE.is_gone(fixture).await
    }
}

/// An update has persisted.
pub struct UpdateVerified;

impl Scenario for UpdateVerified {
    const NAME: &'static str = "verified";
    const EFFECTS: &'static [&'static str] = &["end_update"];

    async fn act(fixture: &Fixture<'_>) {
        PENDING_UPDATE.insert(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        PENDING_UPDATE.is_gone(fixture).await
    }
}

/// A field that was taken out of the spec has AWS's default again.
pub struct FieldRemoved;

impl Scenario for FieldRemoved {
    const NAME: &'static str = "field-removed";
    const EFFECTS: &'static [&'static str] = &["replace_applied_fields"];

    async fn act(fixture: &Fixture<'_>) {
        FORMER_FIELD.insert(fixture).await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        FORMER_FIELD.is_gone(fixture).await
    }
}

/// The rows have other addresses than AWS.
pub struct AddressesCorrected;

impl Scenario for AddressesCorrected {
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

/// Counts the rows of a user whose address differs from AWS.
const OTHER_ADDRESSES: &str = "select count(*) from (
      select user_id, playback_url as address from channels union all select user_id, endpoint from chat_rooms
    ) r join users on id = user_id where username = $1 and address like '%://another'";

#[tokio::test]
async fn killed_while_addresses_are_corrected_they_match_aws() {
    run::<AddressesCorrected>().await;
}

#[tokio::test]
async fn killed_while_an_absence_is_cleared_nothing_is_created() {
    run::<Reappeared>().await;
}

#[tokio::test]
async fn killed_while_an_update_is_verified_nothing_is_changed() {
    run::<UpdateVerified>().await;
}

#[tokio::test]
async fn killed_after_a_field_was_set_back_it_is_forgotten() {
    run::<FieldRemoved>().await;
}
