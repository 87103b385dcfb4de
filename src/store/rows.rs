//! The row of a resource in the table of its kind, and the lock of its user.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Result, absences};
use crate::api::{ChannelStatus, ChatRoomStatus, ResourceKind, ResourceStatus, StageStatus};

/// Locks the row of a user until the transaction ends. Of two concurrent transactions that record a resource
/// or open an attempt, the second sees what the first has written.
pub(super) async fn lock_user(connection: &mut PgConnection, user: Uuid) -> Result<()> {
    // The lock order is the same everywhere: the user, then its other rows.
    sqlx::query!("select id from users where id = $1 for no key update", user)
        .fetch_optional(connection)
        .await?;
    Ok(())
}

/// Returns the recorded ARN for one kind of a user's resources.
pub(super) async fn arn(
    connection: &mut PgConnection,
    user: Uuid,
    kind: ResourceKind,
) -> Result<Option<String>> {
    let arn = sqlx::query_scalar!(
        r#"select arn as "arn!" from resources where user_id = $1 and kind = $2"#,
        user,
        kind as ResourceKind,
    );
    Ok(arn.fetch_optional(connection).await?)
}

/// Writes the row of a user's resource. The resource that was recorded before becomes a former one, and no
/// longer counts as missing.
pub(super) async fn write(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    resource: &ResourceStatus,
) -> Result<()> {
    absences::replace(&mut *connection, user, resource).await?;
    match resource {
        ResourceStatus::Channel(channel) => write_channel(connection, user, name, channel).await,
        ResourceStatus::ChatRoom(room) => write_chat_room(connection, user, name, room).await,
        ResourceStatus::Stage(stage) => write_stage(connection, user, name, stage).await,
    }
}

async fn write_channel(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    channel: &ChannelStatus,
) -> Result<()> {
    sqlx::query!(
        "insert into channels (user_id, name, arn, ingest_endpoint, playback_url)
         values ($1, $2, $3, $4, $5)
         on conflict (user_id) do update
         set name = $2, arn = $3, ingest_endpoint = $4, playback_url = $5, created_at = now()",
        user,
        name,
        channel.arn,
        channel.ingest_endpoint.as_deref().unwrap_or_default(),
        channel.playback_url.as_deref().unwrap_or_default(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_chat_room(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    room: &ChatRoomStatus,
) -> Result<()> {
    sqlx::query!(
        "insert into chat_rooms (user_id, name, arn, endpoint) values ($1, $2, $3, $4)
         on conflict (user_id) do update set name = $2, arn = $3, endpoint = $4, created_at = now()",
        user,
        name,
        room.arn,
        room.endpoint.as_deref().unwrap_or_default(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_stage(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    stage: &StageStatus,
) -> Result<()> {
    let endpoints = stage.endpoints.clone().unwrap_or_default();
    sqlx::query!(
        "insert into stages (user_id, name, arn, events_endpoint, whip_endpoint, rtmp_endpoint, rtmps_endpoint)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (user_id) do update
         set name = $2, arn = $3, events_endpoint = $4, whip_endpoint = $5, rtmp_endpoint = $6, rtmps_endpoint = $7,
             created_at = now()",
        user,
        name,
        stage.arn,
        endpoints.events,
        endpoints.whip,
        endpoints.rtmp,
        endpoints.rtmps,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Corrects the name and the endpoints of a recorded resource. Returns true if they differed.
pub(super) async fn correct(
    pool: &PgPool,
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
            .execute(pool)
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
            .execute(pool)
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
            .execute(pool)
            .await?
        }
    };
    Ok(corrected.rows_affected() == 1)
}
