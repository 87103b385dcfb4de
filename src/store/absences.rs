//! Absences: recorded resources that AWS does not list, and the resources that were recorded before them.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::{Postgres, Result, seconds};
use crate::{api::ResourceKind, failpoint::effect};

/// Evidence that a recorded resource is absent from AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// ARN of the resource.
    pub arn: String,
    /// Time between the end of the first complete list without it and the end of the latest one. None while
    /// every list has it.
    pub unlisted_for: Option<Duration>,
    /// True if a person has released the brake since it went missing.
    pub released: bool,
    /// True if the operator has asked AWS to delete it, which explains its absence.
    pub deletion_requested: bool,
}

/// Evidence of absence, with the user that owns the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRow {
    /// Id of the user.
    pub user: Uuid,
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// The evidence.
    pub missing: Missing,
}

/// All absences, read at once for a resync.
#[derive(Clone, Debug, Default)]
pub struct Absences {
    /// The recorded evidence.
    pub rows: Vec<MissingRow>,
    /// Number of resources of each kind that were replaced within the last 24 hours because they were
    /// missing. Those that went missing before a person released the brake do not count.
    pub replaced: BTreeMap<ResourceKind, usize>,
}

/// Changes of the evidence that a resync makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbsenceChanges {
    /// Resources that the list does not have: user, kind and ARN.
    pub unlisted: Vec<(Uuid, ResourceKind, String)>,
    /// ARNs that the list has again, or that no record names anymore.
    pub listed: Vec<String>,
}

impl AbsenceChanges {
    /// Returns true if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unlisted.is_empty() && self.listed.is_empty()
    }
}

/// The evidence of absence.
pub trait Evidence: Send + Sync + 'static {
    /// Returns all absences.
    fn absences(&self) -> impl Future<Output = Result<Absences>> + Send;

    /// Records which resources a complete list that ended `age` ago has, and which it does not have.
    fn note_absences(
        &self,
        changes: &AbsenceChanges,
        age: Duration,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Records, before the call, that AWS is asked to delete a resource; or, after the call, that AWS has
    /// refused.
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
        let rows =
            rows.fetch_all(&mut *self.pool.acquire().await?).await?.into_iter().map(|row| MissingRow {
                user: row.user_id,
                kind: row.kind,
                missing: Missing {
                    arn: row.arn,
                    unlisted_for: row.unlisted_for.map(seconds),
                    released: row.released,
                    deletion_requested: row.deletion_requested,
                },
            });
        let replaced = replaced.fetch_all(&mut *self.pool.acquire().await?).await?;
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
        // A requested deletion stays recorded, because the list may lag behind it.
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
        effect("note_deletion", note.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(())
    }
}

impl Postgres {
    /// Releases the brake of these kinds: a person confirms that everything that is missing now is gone.
    ///
    /// # Errors
    /// Returns the error from PostgreSQL.
    pub async fn release_brake(&self, kinds: &[ResourceKind]) -> Result<()> {
        sqlx::query!(
            "insert into brake_releases (kind) select unnest($1::resource_kind[])
             on conflict (kind) do update set released_at = now()",
            kinds as &[ResourceKind],
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
