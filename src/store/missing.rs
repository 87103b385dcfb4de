//! Absences: resources that a record names and that AWS does not show, and what was recorded before them.

use std::{collections::BTreeMap, time::Duration};

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Postgres, Result, seconds};
use crate::{
    api::{ResourceKind, ResourceStatus},
    failpoint::effect,
};

/// Evidence of the absence of one resource that a record names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Its ARN.
    pub arn: String,
    /// Time between the begin of the first complete list without it and the begin of the latest one; None while every list
    /// shows it.
    pub unlisted_for: Option<Duration>,
    /// True if a person has released the brake since it went missing.
    pub released: bool,
    /// True if we have asked AWS to delete it, so that its absence explains itself.
    pub deletion_requested: bool,
}

/// A row of evidence, with the user whose resource it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRow {
    /// The user.
    pub user: Uuid,
    /// The kind of the resource.
    pub kind: ResourceKind,
    /// The evidence.
    pub missing: Missing,
}

/// All absences, as a resync reads them.
#[derive(Clone, Debug, Default)]
pub struct Absences {
    /// The evidence that is noted.
    pub rows: Vec<MissingRow>,
    /// Number of resources of each kind that were replaced within the last 24 hours because they were missing, without those
    /// that went missing before a person released the brake.
    pub replaced: BTreeMap<ResourceKind, usize>,
}

/// What a resync changes of the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbsenceChanges {
    /// Resources that the list does not show: user, kind and ARN.
    pub unlisted: Vec<(Uuid, ResourceKind, String)>,
    /// ARNs that the list shows again.
    pub listed: Vec<String>,
}

impl AbsenceChanges {
    /// Returns true if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unlisted.is_empty() && self.listed.is_empty()
    }
}

/// The evidence of absences.
pub trait Evidence: Send + Sync + 'static {
    /// All absences.
    fn absences(&self) -> impl Future<Output = Result<Absences>> + Send;

    /// Notes what a complete list that began `age` ago shows of the resources that records name.
    fn note_absences(
        &self,
        changes: &AbsenceChanges,
        age: Duration,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Notes, before the call, that AWS is asked to delete a recorded resource; or after it, that AWS has refused.
    fn note_deletion(
        &self,
        user: Uuid,
        kind: ResourceKind,
        arn: &str,
        is_requested: bool,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl Evidence for Postgres {
    async fn absences(&self) -> Result<Absences> {
        let rows = sqlx::query!(
            r#"select user_id, m.kind as "kind: ResourceKind", arn, deletion_requested,
                      extract(epoch from unlisted_until - unlisted_since)::float8 as unlisted_for,
                      coalesce(unlisted_since <= released_at, false) as "released!"
               from missing_resources m left join brake_releases b on b.kind = m.kind"#,
        );
        let replaced = sqlx::query!(
            r#"select f.kind as "kind: ResourceKind", count(*) as "count!"
               from former_resources f left join brake_releases b on b.kind = f.kind
               where missing_since is not null and replaced_at > now() - interval '24 hours'
                 and (released_at is null or missing_since > released_at)
                 and not exists (select from resources r where r.arn = f.arn)
               group by f.kind"#,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter().map(|row| MissingRow {
            user: row.user_id,
            kind: row.kind,
            missing: Missing {
                arn: row.arn,
                unlisted_for: row.unlisted_for.map(seconds),
                released: row.released,
                deletion_requested: row.deletion_requested,
            },
        });
        let replaced = replaced.fetch_all(&self.pool).await?;
        let replaced =
            replaced.into_iter().map(|row| (row.kind, usize::try_from(row.count).unwrap_or_default()));
        Ok(Absences { rows: rows.collect(), replaced: replaced.collect() })
    }

    async fn note_absences(&self, changes: &AbsenceChanges, age: Duration) -> Result<()> {
        let users: Vec<_> = changes.unlisted.iter().map(|(user, ..)| *user).collect();
        let kinds: Vec<_> = changes.unlisted.iter().map(|(_, kind, _)| *kind).collect();
        let arns: Vec<_> = changes.unlisted.iter().map(|(.., arn)| arn.clone()).collect();
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "insert into missing_resources as m (user_id, kind, arn, unlisted_since, unlisted_until)
             select id, kind, arn, now() - make_interval(secs => $4), now() - make_interval(secs => $4)
             from unnest($1::uuid[], $2::resource_kind[], $3::text[]) as unlisted (user_id, kind, arn)
             join users on id = user_id
             on conflict (user_id, kind, arn) do update
             set unlisted_since = coalesce(m.unlisted_since, excluded.unlisted_since),
                 unlisted_until = excluded.unlisted_until",
            &users,
            &kinds as &[ResourceKind],
            &arns,
            age.as_secs_f64(),
        )
        .execute(&mut *transaction)
        .await?;
        // That AWS was asked to delete it stays true while a list is behind.
        sqlx::query!(
            "update missing_resources set unlisted_since = null, unlisted_until = null
             where arn = any($1) and deletion_requested",
            &changes.listed,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "delete from missing_resources where arn = any($1) and not deletion_requested",
            &changes.listed
        )
        .execute(&mut *transaction)
        .await?;
        effect("note_absences", transaction.commit()).await?;
        Ok(())
    }

    async fn note_deletion(
        &self,
        user: Uuid,
        kind: ResourceKind,
        arn: &str,
        is_requested: bool,
    ) -> Result<()> {
        let note = sqlx::query!(
            "insert into missing_resources (user_id, kind, arn, deletion_requested)
             select id, $2, $3, $4 from users where id = $1
             on conflict (user_id, kind, arn) do update set deletion_requested = $4",
            user,
            kind as ResourceKind,
            arn,
            is_requested,
        );
        effect("note_deletion", note.execute(&self.pool)).await?;
        Ok(())
    }
}

impl Postgres {
    /// Releases the brake of these kinds: what is missing by now is gone, as a person says.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub async fn release_brake(&self, kinds: &[ResourceKind]) -> Result<()> {
        sqlx::query!(
            "insert into brake_releases (kind) select unnest($1::resource_kind[])
             on conflict (kind) do update set released_at = now()",
            kinds as &[ResourceKind],
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Forgets the absences of one kind of a user's resources as this one is recorded, and remembers the one recorded before it.
pub(super) async fn replace(
    executor: impl PgExecutor<'_>,
    user: Uuid,
    resource: &ResourceStatus,
) -> Result<()> {
    sqlx::query!(
        "with former as (
             insert into former_resources (user_id, kind, arn, recorded_at, missing_since)
             select r.user_id, r.kind, r.arn, r.created_at, m.unlisted_since
             from resources r
             left join missing_resources m
               on (m.user_id, m.kind, m.arn) = (r.user_id, r.kind, r.arn) and not m.deletion_requested
             where r.user_id = $1 and r.kind = $2 and r.arn <> $3
             on conflict (user_id, kind, arn) do update
             set replaced_at = now(), missing_since = excluded.missing_since
         )
         delete from missing_resources where user_id = $1 and kind = $2",
        user,
        resource.kind() as ResourceKind,
        resource.arn(),
    )
    .execute(executor)
    .await?;
    Ok(())
}
