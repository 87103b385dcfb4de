//! The recorded resources of users, and the state of their attempts and updates.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::TryStreamExt;
use uuid::Uuid;

use super::{
    InFlight, Missing, PendingUpdate, Postgres, Result, drift_history, pending_updates,
    rows::{self, texts},
    seconds,
};
use crate::{
    api::{
        AccountRef, AppliedFields, Arn, ByKind, CompactId, Field, FieldDifference, ResourceKind,
        ResourceStatus,
    },
    failpoint::effect,
};

/// Everything that the database knows about one kind of a user's resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRecord {
    /// Recorded ARN.
    pub arn: Option<String>,
    /// Time since it was recorded, by the database's clock.
    pub age: Duration,
    /// True if the journal has an attempt, whatever its outcome.
    pub is_tried: bool,
    /// True if the user was deleted before and its resources stayed: it was abandoned, or retained.
    pub is_abandoned: bool,
    /// The open attempt.
    pub attempt: Option<InFlight>,
    /// ARNs that were recorded earlier, the earliest first.
    pub former: Vec<String>,
    /// Evidence that recorded resources are absent.
    pub missing: Vec<Missing>,
    /// Update of settings or tags that is not verified yet.
    pub pending_update: Option<PendingUpdate>,
    /// Number of updates within 24 h that changed back what somebody else had changed.
    pub corrections: u32,
    /// The fields that the spec names, or has named.
    pub applied_fields: AppliedFields,
}

impl ResourceRecord {
    /// Returns the time until the open attempt has ended and AWS returns its resource. None if that time has
    /// passed, or if no attempt is open.
    #[must_use]
    pub fn remaining(&self, grace: Duration) -> Option<Duration> {
        self.attempt.as_ref()?.remaining(grace)
    }
}

/// A user with recorded resources, and the account that owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedUser {
    /// Id of the user.
    pub user: Uuid,
    /// Account that owns the user.
    pub account: AccountRef,
    /// UID of the account's object.
    pub uid: Option<CompactId>,
    /// True if the account was deleted with deletionPolicy Retain.
    pub retained: bool,
    /// True if the user's resources are being deleted.
    pub deleting: bool,
}

/// A recorded resource. A resync holds all of them, so the resources of a user share what describes the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedResource {
    /// The user.
    pub owner: Arc<RecordedUser>,
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// ARN of the resource.
    pub arn: Arn,
    /// Time since it was recorded, by the database's clock.
    pub age: Duration,
    /// Update of settings or tags that is not verified yet.
    pub pending_update: Option<Box<PendingUpdate>>,
}

/// The recorded resources.
pub trait Resources: Send + Sync + 'static {
    /// Returns everything that the database knows about a user's resources.
    fn recorded(&self, user: Uuid) -> impl Future<Output = Result<ByKind<ResourceRecord>>> + Send;

    /// Records a resource that was found (adopted, or known from another record), and ends the open attempt,
    /// in one transaction. Returns false if the recorded ARN or the open attempt no longer matches `known`:
    /// another reconcile was faster.
    fn record(
        &self,
        user: Uuid,
        name: &str,
        known: &ResourceRecord,
        resource: &ResourceStatus,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Returns true if the ARN is recorded for another user.
    fn is_anothers(&self, user: Uuid, arn: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Corrects the name and the endpoints of a recorded resource to what AWS returned. Returns true if they
    /// differed.
    fn correct(
        &self,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Records an update that ends within `lasts`, in place of an earlier one, and returns its nonce. Adds
    /// the fields that it sets to those that the spec has named. `repeats`: see [`PendingUpdate`]. None if
    /// the user does not exist.
    fn begin_update(
        &self,
        user: Uuid,
        kind: ResourceKind,
        lasts: Duration,
        repeats: u32,
        fields: &AppliedFields,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Replaces the fields that the spec names, or has named. Returns false, and does nothing, if they are no
    /// longer the known ones, or if an update is pending or an attempt is open, which may set others.
    fn replace_applied_fields(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: &AppliedFields,
        fields: &AppliedFields,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Adds drift to the history. `is_corrected`: false if it was only reported.
    fn note_drift(
        &self,
        user: Uuid,
        kind: ResourceKind,
        found: &[FieldDifference],
        is_corrected: bool,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Removes an update that was verified, unless a later one has replaced it.
    fn end_update(&self, nonce: Uuid) -> impl Future<Output = Result<()>> + Send;

    /// Reads all recorded resources for a resync, and passes each to `handle`. A failed read may have passed
    /// some.
    fn all_recorded(
        &self,
        handle: impl FnMut(RecordedResource) + Send,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl Resources for Postgres {
    async fn recorded(&self, user: Uuid) -> Result<ByKind<ResourceRecord>> {
        let rows = sqlx::query!(
            r#"select
                 wanted.kind as "kind!: ResourceKind",
                 r.arn as "arn?",
                 coalesce(greatest(extract(epoch from now() - r.created_at), 0), 0)::float8 as "age!",
                 exists (select from create_attempts t where t.user_id = $1 and t.kind = wanted.kind)
                   as "is_tried!",
                 exists (select from user_tombstones where id = $1 and resources_kept) as "is_abandoned!",
                 a.nonce as "nonce?",
                 coalesce(extract(epoch from a.deadline - now()), 0)::float8 as "due_in!",
                 array(select f.arn from former_resources f
                       where f.user_id = $1 and f.kind = wanted.kind and f.arn <> r.arn
                         and f.recorded_at < coalesce(
                           (select c.recorded_at from former_resources c
                            where (c.user_id, c.kind, c.arn) = (r.user_id, r.kind, r.arn)), r.created_at)
                       order by f.recorded_at) as "former!",
                 m.arns as "missing_arns?", m.unlisted_for as "unlisted_for?: Vec<Option<f64>>",
                 m.released as "released?", m.deletion_requested as "deletion_requested?",
                 p.nonce as "update_nonce?",
                 coalesce(p.repeats, 0) as "update_repeats!",
                 coalesce(extract(epoch from p.deadline - now()), 0)::float8 as "update_due_in!",
                 (select count(distinct h.found_at) from drift_history h
                  where h.user_id = $1 and h.kind = wanted.kind and h.corrected
                    and h.found_at > now() - interval '24 hours')
                   as "corrections!",
                 coalesce(f.fields, '{}') as "applied_fields!"
               from unnest($2::resource_kind[]) as wanted (kind)
               left join resources r on r.user_id = $1 and r.kind = wanted.kind
               left join create_attempts a on a.user_id = $1 and a.kind = wanted.kind and a.state = 'open'
               left join lateral (
                 select array_agg(arn) as arns,
                        array_agg(extract(epoch from unlisted_until - unlisted_since)::float8) as unlisted_for,
                        array_agg(coalesce(unlisted_since <= released_at, false)) as released,
                        array_agg(deletion_requested) as deletion_requested
                 from missing_resources left join brake_releases b on b.kind = missing_resources.kind
                 where user_id = $1 and missing_resources.kind = wanted.kind
               ) m on true
               left join pending_updates p on p.user_id = $1 and p.kind = wanted.kind
               left join applied_fields f on f.user_id = $1 and f.kind = wanted.kind"#,
            user,
            &ResourceKind::ALL as &[ResourceKind],
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let mut records: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| {
                let arns = row.missing_arns.unwrap_or_default().into_iter();
                let evidence = row.unlisted_for.unwrap_or_default().into_iter();
                let flags = row.released.unwrap_or_default().into_iter();
                let flags = flags.zip(row.deletion_requested.unwrap_or_default());
                let missing = arns.zip(evidence).zip(flags).map(
                    |((arn, unlisted_for), (released, deletion_requested))| Missing {
                        arn,
                        unlisted_for: unlisted_for.map(seconds),
                        released,
                        deletion_requested,
                    },
                );
                let record = ResourceRecord {
                    arn: row.arn,
                    age: seconds(row.age),
                    is_tried: row.is_tried,
                    is_abandoned: row.is_abandoned,
                    attempt: row.nonce.map(|nonce| InFlight::new(nonce, row.due_in)),
                    former: row.former,
                    missing: missing.collect(),
                    pending_update: row
                        .update_nonce
                        .map(|nonce| PendingUpdate::new(nonce, row.update_due_in, row.update_repeats)),
                    corrections: u32::try_from(row.corrections).unwrap_or(u32::MAX),
                    applied_fields: row.applied_fields.into_iter().map(Field::from).collect(),
                };
                (row.kind, record)
            })
            .collect();
        // The query returns a row for each kind.
        Ok(ByKind::new(|kind| records.remove(&kind).unwrap_or_default()))
    }

    async fn record(
        &self,
        user: Uuid,
        name: &str,
        known: &ResourceRecord,
        resource: &ResourceStatus,
    ) -> Result<bool> {
        let record = sqlx::query_scalar!(
            r#"select record_found($1, $2, $3, $4, $5, $6, $7::text::jsonb) as "is_recorded!""#,
            user,
            resource.kind() as ResourceKind,
            known.arn.as_deref(),
            known.attempt.as_ref().map(|attempt| attempt.nonce),
            name,
            resource.arn(),
            rows::details(resource).to_string(),
        );
        Ok(effect("record", record.fetch_one(&mut *self.pool.acquire().await?)).await?)
    }

    async fn is_anothers(&self, user: Uuid, arn: &str) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from resources where arn = $1 and user_id <> $2) as "found!""#,
            arn,
            user,
        );
        Ok(found.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    async fn correct(&self, user: Uuid, name: &str, resource: &ResourceStatus) -> Result<bool> {
        effect("correct", rows::correct(&mut *self.pool.acquire().await?, user, name, resource)).await
    }

    async fn begin_update(
        &self,
        user: Uuid,
        kind: ResourceKind,
        lasts: Duration,
        repeats: u32,
        fields: &AppliedFields,
    ) -> Result<Option<Uuid>> {
        effect(
            "begin_update",
            pending_updates::begin(&mut *self.pool.acquire().await?, user, kind, lasts, repeats, fields),
        )
        .await
    }

    async fn replace_applied_fields(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: &AppliedFields,
        fields: &AppliedFields,
    ) -> Result<bool> {
        let replace = sqlx::query_scalar!(
            r#"select replace_applied_fields($1, $2, $3, $4) as "is_replaced!""#,
            user,
            kind as ResourceKind,
            &texts(known),
            &texts(fields),
        );
        Ok(effect("replace_applied_fields", replace.fetch_one(&mut *self.pool.acquire().await?)).await?)
    }

    async fn note_drift(
        &self,
        user: Uuid,
        kind: ResourceKind,
        found: &[FieldDifference],
        is_corrected: bool,
    ) -> Result<()> {
        drift_history::add(&mut *self.pool.acquire().await?, user, kind, found, is_corrected).await
    }

    async fn end_update(&self, nonce: Uuid) -> Result<()> {
        effect("end_update", pending_updates::end(&mut *self.pool.acquire().await?, nonce)).await
    }

    async fn all_recorded(&self, mut handle: impl FnMut(RecordedResource) + Send) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        let mut rows = sqlx::query!(
            r#"select u.id as "user!", u.account_namespace as "namespace!", u.account_name as "name!", u.account_uid, u.retained, u.deleting,
                 r.kind as "kind!: ResourceKind", r.arn as "arn!",
                 greatest(extract(epoch from now() - r.created_at), 0)::float8 as "age!",
                 p.nonce as "update_nonce?",
                 coalesce(p.repeats, 0) as "update_repeats!",
                 coalesce(extract(epoch from p.deadline - now()), 0)::float8 as "update_due_in!"
               from users u
               join resources r on r.user_id = u.id
               left join pending_updates p on p.user_id = r.user_id and p.kind = r.kind"#,
        )
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let owner = RecordedUser {
                user: row.user,
                account: AccountRef { namespace: row.namespace, name: row.name },
                uid: row.account_uid.as_deref().map(CompactId::from),
                retained: row.retained,
                deleting: row.deleting,
            };
            let pending_update = row
                .update_nonce
                .map(|nonce| Box::new(PendingUpdate::new(nonce, row.update_due_in, row.update_repeats)));
            handle(RecordedResource {
                owner: owner.into(),
                kind: row.kind,
                arn: row.arn.as_str().into(),
                age: seconds(row.age),
                pending_update,
            });
        }
        Ok(())
    }
}
