//! The row of a resource in the table of its kind.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Result;
use crate::api::{AppliedFields, Field, ResourceStatus};

/// Returns fields as texts, in the order in which the table has them.
pub(super) fn texts(fields: &AppliedFields) -> Vec<String> {
    let mut texts: Vec<_> = fields.iter().map(Field::to_string).collect();
    texts.sort_unstable();
    texts
}

/// Returns the columns of a resource's row that only its kind has, and the fields that the spec names, as
/// `write_resource` expects them.
pub(super) fn details(resource: &ResourceStatus) -> Value {
    let mut details = columns(resource);
    details["applied_fields"] = json!(resource.applied_fields());
    details
}

fn columns(resource: &ResourceStatus) -> Value {
    match resource {
        ResourceStatus::Channel(channel) => json!({
            "ingest_endpoint": channel.ingest_endpoint.as_deref().unwrap_or_default(),
            "playback_url": channel.playback_url.as_deref().unwrap_or_default(),
        }),
        ResourceStatus::ChatRoom(room) => json!({ "endpoint": room.endpoint.as_deref().unwrap_or_default() }),
        ResourceStatus::Stage(stage) => {
            let endpoints = stage.endpoints.clone().unwrap_or_default();
            json!({
                "events_endpoint": endpoints.events,
                "whip_endpoint": endpoints.whip,
                "rtmp_endpoint": endpoints.rtmp,
                "rtmps_endpoint": endpoints.rtmps,
            })
        }
    }
}

/// Corrects the name and the endpoints of a recorded resource. Returns true if they differed.
pub(super) async fn correct(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    resource: &ResourceStatus,
) -> Result<bool> {
    let corrected = match resource {
        ResourceStatus::Channel(channel) => {
            sqlx::query!(
                "update channels set name = $3, ingest_endpoint = $4, playback_url = $5
                 where user_id = $1 and arn = $2
                   and (name, ingest_endpoint, playback_url) is distinct from ($3, $4, $5)",
                user,
                channel.arn,
                name,
                channel.ingest_endpoint.as_deref().unwrap_or_default(),
                channel.playback_url.as_deref().unwrap_or_default(),
            )
            .execute(connection)
            .await?
        }
        ResourceStatus::ChatRoom(room) => {
            sqlx::query!(
                "update chat_rooms set name = $3, endpoint = $4
                 where user_id = $1 and arn = $2 and (name, endpoint) is distinct from ($3, $4)",
                user,
                room.arn,
                name,
                room.endpoint.as_deref().unwrap_or_default(),
            )
            .execute(connection)
            .await?
        }
        ResourceStatus::Stage(stage) => {
            let endpoints = stage.endpoints.clone().unwrap_or_default();
            sqlx::query!(
                "update stages
                 set name = $3, events_endpoint = $4, whip_endpoint = $5, rtmp_endpoint = $6, rtmps_endpoint = $7
                 where user_id = $1 and arn = $2
                   and (name, events_endpoint, whip_endpoint, rtmp_endpoint, rtmps_endpoint)
                       is distinct from ($3, $4, $5, $6, $7)",
                user,
                stage.arn,
                name,
                endpoints.events,
                endpoints.whip,
                endpoints.rtmp,
                endpoints.rtmps,
            )
            .execute(connection)
            .await?
        }
    };
    Ok(corrected.rows_affected() == 1)
}
