//! What was made for a user: one row in each of channels, chat_rooms, stages.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Missing, OpenAttempt, Postgres, Result,
    journal::{KindName, end_open},
    missing,
};
use crate::{
    api::{AccountRef, ChannelStatus, ChatRoomStatus, ResourceKind, StageStatus},
    failpoint::effect,
};

/// A resource as it is recorded: what the application shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A channel.
    Channel {
        /// Its ARN.
        arn: String,
        /// Host that an encoder sends to.
        ingest_endpoint: String,
        /// URL that a player plays.
        playback_url: String,
    },
    /// A chat room.
    ChatRoom {
        /// Its ARN.
        arn: String,
        /// Endpoint that chat clients connect to.
        endpoint: String,
    },
    /// A stage.
    Stage {
        /// Its ARN.
        arn: String,
    },
}

impl From<&ChannelStatus> for Resource {
    fn from(status: &ChannelStatus) -> Self {
        Self::Channel {
            arn: status.arn.clone(),
            ingest_endpoint: status.ingest_endpoint.clone().unwrap_or_default(),
            playback_url: status.playback_url.clone().unwrap_or_default(),
        }
    }
}

impl From<&ChatRoomStatus> for Resource {
    fn from(status: &ChatRoomStatus) -> Self {
        Self::ChatRoom { arn: status.arn.clone(), endpoint: status.endpoint.clone().unwrap_or_default() }
    }
}

impl From<&StageStatus> for Resource {
    fn from(status: &StageStatus) -> Self {
        Self::Stage { arn: status.arn.clone() }
    }
}

impl Resource {
    /// Which of the three it is.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Channel { .. } => ResourceKind::Channel,
            Self::ChatRoom { .. } => ResourceKind::ChatRoom,
            Self::Stage { .. } => ResourceKind::Stage,
        }
    }

    /// Writes the row of this user; one that was there before is replaced, and not missed any more.
    pub(super) async fn write(&self, connection: &mut PgConnection, user: Uuid, name: &str) -> Result<()> {
        missing::forget(&mut *connection, user, self.kind()).await?;
        match self {
            Self::Channel { arn, ingest_endpoint, playback_url } => {
                write_channel(connection, user, name, [arn, ingest_endpoint, playback_url]).await
            }
            Self::ChatRoom { arn, endpoint } => write_chat_room(connection, user, name, arn, endpoint).await,
            Self::Stage { arn } => write_stage(connection, user, name, arn).await,
        }
    }
}

async fn write_channel(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    [arn, ingest_endpoint, playback_url]: [&str; 3],
) -> Result<()> {
    sqlx::query!(
        "insert into channels (user_id, name, arn, ingest_endpoint, playback_url)
         values ($1, $2, $3, $4, $5)
         on conflict (user_id) do update
         set name = $2, arn = $3, ingest_endpoint = $4, playback_url = $5, created_at = now()",
        user,
        name,
        arn,
        ingest_endpoint,
        playback_url,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_chat_room(
    connection: &mut PgConnection,
    user: Uuid,
    name: &str,
    arn: &str,
    endpoint: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into chat_rooms (user_id, name, arn, endpoint) values ($1, $2, $3, $4)
         on conflict (user_id) do update set name = $2, arn = $3, endpoint = $4, created_at = now()",
        user,
        name,
        arn,
        endpoint,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_stage(connection: &mut PgConnection, user: Uuid, name: &str, arn: &str) -> Result<()> {
    sqlx::query!(
        "insert into stages (user_id, name, arn) values ($1, $2, $3)
         on conflict (user_id) do update set name = $2, arn = $3, created_at = now()",
        user,
        name,
        arn,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The ARN recorded of one kind of a user's resources.
pub(super) async fn recorded_arn(
    connection: &mut PgConnection,
    user: Uuid,
    kind: ResourceKind,
) -> Result<Option<String>> {
    let arn = match kind {
        ResourceKind::Channel => {
            sqlx::query_scalar!("select arn from channels where user_id = $1", user)
                .fetch_optional(connection)
                .await?
        }
        ResourceKind::ChatRoom => {
            sqlx::query_scalar!("select arn from chat_rooms where user_id = $1", user)
                .fetch_optional(connection)
                .await?
        }
        ResourceKind::Stage => {
            sqlx::query_scalar!("select arn from stages where user_id = $1", user)
                .fetch_optional(connection)
                .await?
        }
    };
    Ok(arn)
}

/// What is known of one kind of a user's resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The ARN recorded.
    pub arn: Option<String>,
    /// How long ago it was recorded, by the database's clock.
    pub age: Duration,
    /// The attempt that is open.
    pub attempt: Option<OpenAttempt>,
    /// The one that AWS did not show when it was last looked at.
    pub missing: Option<Missing>,
}

/// One recorded ARN, and the account whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The account.
    pub account: AccountRef,
    /// Which of the three.
    pub kind: ResourceKind,
    /// Its ARN.
    pub arn: String,
    /// Whether the account was deleted with the policy Retain.
    pub retained: bool,
}

/// The recorded resources.
pub trait Resources: Send + Sync + 'static {
    /// What is known of one kind of a user's resources.
    fn recorded(&self, user: Uuid, kind: ResourceKind) -> impl Future<Output = Result<Recorded>> + Send;

    /// Records a resource that was found and not made (adopted, or known from another record), and ends the attempt whose
    /// outcome that is, in one transaction. False when the recorded ARN or the open attempt is not the one in `known` any
    /// more: somebody else was faster.
    fn record(
        &self,
        user: Uuid,
        name: &str,
        known: &Recorded,
        resource: &Resource,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Notes that AWS does not show a resource that is known of this user; since when stays as it was first noted.
    fn note_missing(
        &self,
        user: Uuid,
        kind: ResourceKind,
        arn: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Notes that AWS shows it again.
    fn note_seen(&self, user: Uuid, kind: ResourceKind) -> impl Future<Output = Result<()>> + Send;

    /// Everything recorded, in one read, for the sweep.
    fn all_recorded(&self) -> impl Future<Output = Result<Vec<UserRecord>>> + Send;
}

impl Resources for Postgres {
    async fn recorded(&self, user: Uuid, kind: ResourceKind) -> Result<Recorded> {
        let row = sqlx::query!(
            r#"select
                 r.arn as "arn?",
                 coalesce(greatest(extract(epoch from now() - r.created_at), 0), 0)::float8 as "age!",
                 a.nonce as "nonce?",
                 coalesce(greatest(extract(epoch from a.deadline - now()), 0), 0)::float8 as "due_in!",
                 coalesce(greatest(extract(epoch from now() - a.deadline), 0), 0)::float8 as "overdue!",
                 m.arn as "missing_arn?",
                 coalesce(greatest(extract(epoch from now() - m.since), 0), 0)::float8 as "missing_age!"
               from (values ($1::uuid, $2::resource_kind)) as wanted (user_id, kind)
               left join (
                 select user_id, 'channel'::resource_kind as kind, arn, created_at from channels
                 union all select user_id, 'chat_room', arn, created_at from chat_rooms
                 union all select user_id, 'stage', arn, created_at from stages
               ) r on r.user_id = wanted.user_id and r.kind = wanted.kind
               left join attempts a on a.user_id = wanted.user_id and a.kind = wanted.kind and a.state = 'open'
               left join missing_resources m on m.user_id = wanted.user_id and m.kind = wanted.kind"#,
            user,
            KindName::from(kind) as KindName,
        )
        .fetch_one(&self.pool)
        .await?;
        let seconds = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let attempt = row.nonce.map(|nonce| OpenAttempt {
            nonce,
            due_in: seconds(row.due_in),
            overdue: seconds(row.overdue),
        });
        let missing = row.missing_arn.map(|arn| Missing { arn, age: seconds(row.missing_age) });
        Ok(Recorded { arn: row.arn, age: seconds(row.age), attempt, missing })
    }

    async fn record(&self, user: Uuid, name: &str, known: &Recorded, resource: &Resource) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        // Of two who record or open an attempt at the same time, the second sees what the first has written.
        sqlx::query!("select id from users where id = $1 for no key update", user)
            .fetch_optional(&mut *transaction)
            .await?;
        let kind = resource.kind();
        let nonce = known.attempt.as_ref().map(|attempt| attempt.nonce);
        if recorded_arn(&mut transaction, user, kind).await? != known.arn
            || end_open(&mut transaction, user, kind).await? != nonce
        {
            return Ok(false);
        }
        resource.write(&mut transaction, user, name).await?;
        effect("record", transaction.commit()).await?;
        Ok(true)
    }

    async fn note_missing(&self, user: Uuid, kind: ResourceKind, arn: &str) -> Result<()> {
        effect("note_missing", missing::note(&self.pool, user, kind, arn)).await
    }

    async fn note_seen(&self, user: Uuid, kind: ResourceKind) -> Result<()> {
        effect("note_seen", missing::forget(&self.pool, user, kind)).await
    }

    async fn all_recorded(&self) -> Result<Vec<UserRecord>> {
        let rows = sqlx::query!(
            r#"select u.account_namespace as "namespace!", u.account_name as "name!", u.retained, r.kind as "kind!: KindName", r.arn as "arn!"
               from users u join (
                 select user_id, 'channel'::resource_kind as kind, arn from channels
                 union all select user_id, 'chat_room', arn from chat_rooms
                 union all select user_id, 'stage', arn from stages
               ) r on r.user_id = u.id"#,
        )
        .fetch_all(&self.pool)
        .await?;
        let records = rows.into_iter().map(|row| UserRecord {
            account: AccountRef { namespace: row.namespace, name: row.name },
            kind: row.kind.into(),
            arn: row.arn,
            retained: row.retained,
        });
        Ok(records.collect())
    }
}
