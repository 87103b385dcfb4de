//! The journal of create attempts. Each is recorded before its call, so that after a crash the journal names
//! what may exist.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{Postgres, Result, batch::Execute, pool::Pool, renewal_tokens::refusal, rows};
use crate::{
    api::{AppliedFields, ResourceKind, ResourceStatus},
    failpoint::effect,
};

/// Outcome of an attempt that recorded no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "attempt_state", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// AWS reported that it created nothing.
    Failed,
    /// A reconcile checked AWS after the deadline, and recorded what it found, if anything.
    GivenUp,
}

impl AttemptOutcome {
    /// Returns the number of earlier attempts with this outcome that the journal keeps for one kind of a
    /// user's resources. A refused one created nothing. One that was given up names what its call may have
    /// created late, but no call is that late.
    const fn earlier_kept(self) -> i64 {
        match self {
            Self::Failed => 0,
            Self::GivenUp => 9,
        }
    }
}

/// The journal of create attempts.
pub trait Journal: Send + Sync + 'static {
    /// Opens an attempt that ends within `lasts` and returns its nonce. None if any attempt is open already,
    /// if the recorded ARN is no longer `known` (another reconcile was faster), or if the user is being
    /// deleted or does not exist. Adds the fields that the Create sets to those that the spec has named.
    /// Fails with [`Error::RecordsReplaced`] if the database does not have this renewal token.
    ///
    /// [`Error::RecordsReplaced`]: super::Error::RecordsReplaced
    fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
        renewal_token: Option<Uuid>,
        fields: &AppliedFields,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Returns the nonces of all attempts for one kind of a user's resources, the oldest first.
    fn attempts(&self, user: Uuid, kind: ResourceKind) -> impl Future<Output = Result<Vec<Uuid>>> + Send;

    /// Ends an attempt that created nothing, or whose outcome was found by a check, and deletes old ones, so
    /// that the retries of a blocked account do not fill the journal. Does nothing if it has ended.
    fn end(&self, nonce: Uuid, how: AttemptOutcome) -> impl Future<Output = Result<()>> + Send;

    /// Records the resource that an attempt created, and ends the attempt, in one transaction. Returns false
    /// if the attempt is no longer open: another reconcile took over after the deadline, and the resource has
    /// no owner.
    fn record_made(
        &self,
        nonce: Uuid,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> impl Future<Output = Result<bool>> + Send;
}

impl Journal for Postgres {
    async fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
        renewal_token: Option<Uuid>,
        fields: &AppliedFields,
    ) -> Result<Option<Uuid>> {
        let (known_arn, fields) = (known.map(str::to_owned), fields.clone());
        let request = OpenRequest { user, kind, known_arn, lasts, renewal_token, fields };
        effect("open", self.opens.submit(request)).await.map_err(refusal)
    }

    async fn attempts(&self, user: Uuid, kind: ResourceKind) -> Result<Vec<Uuid>> {
        let nonces = sqlx::query_scalar!(
            "select nonce from create_attempts where user_id = $1 and kind = $2 order by started_at, nonce",
            user,
            kind as ResourceKind,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(nonces)
    }

    async fn end(&self, nonce: Uuid, how: AttemptOutcome) -> Result<()> {
        let end = sqlx::query!(
            "with ended as (
               update create_attempts set state = $2 where nonce = $1 and state = 'open' returning user_id, kind)
             delete from create_attempts where nonce in (
               select nonce from create_attempts join ended using (user_id, kind)
               where state = $2 order by started_at desc, nonce offset $3)",
            nonce,
            how as AttemptOutcome,
            how.earlier_kept(),
        );
        effect("end", end.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(())
    }

    async fn record_made(
        &self,
        nonce: Uuid,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> Result<bool> {
        let (name, resource) = (name.to_owned(), resource.clone());
        let request = RecordRequest { nonce, user, name, resource };
        effect("record_made", self.records.submit(request)).await
    }
}

/// The parameters of [`Journal::open`].
pub(super) struct OpenRequest {
    user: Uuid,
    kind: ResourceKind,
    known_arn: Option<String>,
    lasts: Duration,
    renewal_token: Option<Uuid>,
    fields: AppliedFields,
}

/// The statement that opens attempts.
pub(super) struct OpenAttempts(pub(super) Pool);

impl Execute for OpenAttempts {
    type Request = OpenRequest;
    type Response = Option<Uuid>;

    async fn execute(&self, requests: &[OpenRequest]) -> Result<Vec<Option<Uuid>>> {
        let users: Vec<_> = requests.iter().map(|request| request.user).collect();
        let kinds: Vec<_> = requests.iter().map(|request| request.kind).collect();
        let known_arns: Vec<_> = requests.iter().map(|request| request.known_arn.as_deref()).collect();
        let durations: Vec<_> = requests.iter().map(|request| request.lasts.as_secs_f64()).collect();
        let renewal_tokens: Vec<_> = requests.iter().map(|request| request.renewal_token).collect();
        let fields: Vec<_> = requests.iter().map(|request| json!(request.fields).to_string()).collect();
        let open = sqlx::query_scalar!(
            r#"select open_attempts($1, $2, $3, $4, $5, $6::text[]::jsonb[]) as "nonces!: Vec<Option<Uuid>>""#,
            &users,
            &kinds as &[ResourceKind],
            &known_arns as &[Option<&str>],
            &durations,
            &renewal_tokens as &[Option<Uuid>],
            &fields,
        );
        Ok(open.fetch_one(&mut *self.0.acquire().await?).await?)
    }
}

/// The parameters of [`Journal::record_made`].
pub(super) struct RecordRequest {
    nonce: Uuid,
    user: Uuid,
    name: String,
    resource: ResourceStatus,
}

/// The statement that records what attempts have created.
pub(super) struct RecordCreated(pub(super) Pool);

impl Execute for RecordCreated {
    type Request = RecordRequest;
    type Response = bool;

    async fn execute(&self, requests: &[RecordRequest]) -> Result<Vec<bool>> {
        let nonces: Vec<_> = requests.iter().map(|request| request.nonce).collect();
        let users: Vec<_> = requests.iter().map(|request| request.user).collect();
        let kinds: Vec<_> = requests.iter().map(|request| request.resource.kind()).collect();
        let names: Vec<_> = requests.iter().map(|request| request.name.clone()).collect();
        let arns: Vec<_> = requests.iter().map(|request| request.resource.arn().to_owned()).collect();
        let details: Vec<_> =
            requests.iter().map(|request| rows::details(&request.resource).to_string()).collect();
        let record = sqlx::query_scalar!(
            r#"select record_created($1, $2, $3, $4, $5, $6::text[]::jsonb[]) as "is_recorded!: Vec<bool>""#,
            &nonces,
            &users,
            &kinds as &[ResourceKind],
            &names,
            &arns,
            &details,
        );
        Ok(record.fetch_one(&mut *self.0.acquire().await?).await?)
    }
}
