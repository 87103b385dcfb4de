//! What was made for a user, of each kind.

use std::time::Duration;

use uuid::Uuid;

use super::{Edit, Missing, Postgres, Result, Unsettled, edits, journal::end_open, rows, seconds};
use crate::{
    api::{AccountRef, ResourceKind, ResourceStatus},
    failpoint::effect,
};

/// What is known of one kind of a user's resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The ARN recorded.
    pub arn: Option<String>,
    /// How long ago it was recorded, by the database's clock.
    pub age: Duration,
    /// Whether the journal knows of an attempt, however it ended.
    pub is_tried: bool,
    /// Whether the user was released before and may have left something behind: a person let go, or the policy was Retain.
    pub is_abandoned: bool,
    /// The attempt that is open.
    pub attempt: Option<Unsettled>,
    /// ARNs that were recorded before this one, the earliest first.
    pub former: Vec<String>,
    /// Evidence of absence of the resources that records name.
    pub missing: Vec<Missing>,
    /// The change of settings or tags that was not seen to stay yet.
    pub edit: Option<Edit>,
}

impl Recorded {
    /// How long until the open attempt must have ended and AWS must show what it made; None when that is so, or none is open.
    #[must_use]
    pub fn settles_in(&self, grace: Duration) -> Option<Duration> {
        self.attempt.as_ref()?.settles_in(grace)
    }
}

/// One recorded ARN, and the account whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub user: Uuid,
    /// The account.
    pub account: AccountRef,
    /// UID of its object.
    pub uid: Option<String>,
    /// Which of the three.
    pub kind: ResourceKind,
    /// Its ARN.
    pub arn: String,
    /// Time since it was recorded, by the database's clock.
    pub age: Duration,
    /// Whether the account was deleted with the policy Retain.
    pub retained: bool,
    /// Whether what the user has is being taken away.
    pub leaving: bool,
    /// The change of settings or tags that was not seen to stay yet.
    pub edit: Option<Edit>,
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
        resource: &ResourceStatus,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Returns true if an ARN is recorded of another user than this.
    fn is_anothers(&self, user: Uuid, arn: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Writes the name and the addresses of a recorded resource, as AWS has shown them, where its row has others; whether it had.
    fn correct(
        &self,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Notes that settings or tags are being changed, which ends within `lasts`; the id of the note, which takes the place of an
    /// earlier one. `repeats`: see [`Edit`]. None when the user is gone.
    fn begin_edit(
        &self,
        user: Uuid,
        kind: ResourceKind,
        lasts: Duration,
        repeats: u32,
    ) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Forgets a change that was seen to stay, unless there has been another since.
    fn end_edit(&self, nonce: Uuid) -> impl Future<Output = Result<()>> + Send;

    /// Everything recorded, in one read, for the sweep.
    fn all_recorded(&self) -> impl Future<Output = Result<Vec<UserRecord>>> + Send;
}

impl Resources for Postgres {
    async fn recorded(&self, user: Uuid, kind: ResourceKind) -> Result<Recorded> {
        let row = sqlx::query!(
            r#"select
                 r.arn as "arn?",
                 coalesce(greatest(extract(epoch from now() - r.created_at), 0), 0)::float8 as "age!",
                 exists (select from attempts t where t.user_id = wanted.user_id and t.kind = wanted.kind)
                   as "is_tried!",
                 exists (select from released_users where id = wanted.user_id and resources_kept) as "is_abandoned!",
                 a.nonce as "nonce?",
                 coalesce(extract(epoch from a.deadline - now()), 0)::float8 as "due_in!",
                 array(select f.arn from former_resources f
                       where f.user_id = wanted.user_id and f.kind = wanted.kind and f.arn <> r.arn
                         and f.recorded_at < coalesce(
                           (select c.recorded_at from former_resources c
                            where (c.user_id, c.kind, c.arn) = (r.user_id, r.kind, r.arn)), r.created_at)
                       order by f.recorded_at) as "former!",
                 m.arns as "missing_arns?", m.unlisted_for as "unlisted_for?: Vec<Option<f64>>",
                 m.released as "released?", m.deletion_requested as "deletion_requested?",
                 e.nonce as "edit?",
                 coalesce(e.repeats, 0) as "edit_repeats!",
                 coalesce(extract(epoch from e.deadline - now()), 0)::float8 as "edit_due_in!"
               from (values ($1::uuid, $2::resource_kind)) as wanted (user_id, kind)
               left join resources r on r.user_id = wanted.user_id and r.kind = wanted.kind
               left join attempts a on a.user_id = wanted.user_id and a.kind = wanted.kind and a.state = 'open'
               left join lateral (
                 select array_agg(arn) as arns,
                        array_agg(extract(epoch from unlisted_until - unlisted_since)::float8) as unlisted_for,
                        array_agg(coalesce(unlisted_since <= released_at, false)) as released,
                        array_agg(deletion_requested) as deletion_requested
                 from missing_resources left join brake_releases b on b.kind = missing_resources.kind
                 where user_id = wanted.user_id and missing_resources.kind = wanted.kind
               ) m on true
               left join edits e on e.user_id = wanted.user_id and e.kind = wanted.kind"#,
            user,
            kind as ResourceKind,
        )
        .fetch_one(&self.pool)
        .await?;
        let arns = row.missing_arns.unwrap_or_default().into_iter();
        let evidence = row.unlisted_for.unwrap_or_default().into_iter();
        let flags = row.released.unwrap_or_default().into_iter();
        let flags = flags.zip(row.deletion_requested.unwrap_or_default());
        let missing =
            arns.zip(evidence).zip(flags).map(|((arn, unlisted_for), (released, deletion_requested))| {
                Missing { arn, unlisted_for: unlisted_for.map(seconds), released, deletion_requested }
            });
        Ok(Recorded {
            arn: row.arn,
            age: seconds(row.age),
            is_tried: row.is_tried,
            is_abandoned: row.is_abandoned,
            attempt: row.nonce.map(|nonce| Unsettled::new(nonce, row.due_in)),
            former: row.former,
            missing: missing.collect(),
            edit: row.edit.map(|nonce| Edit::new(nonce, row.edit_due_in, row.edit_repeats)),
        })
    }

    async fn record(
        &self,
        user: Uuid,
        name: &str,
        known: &Recorded,
        resource: &ResourceStatus,
    ) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        // Of two who record or open an attempt at the same time, the second sees what the first has written.
        sqlx::query!("select id from users where id = $1 for no key update", user)
            .fetch_optional(&mut *transaction)
            .await?;
        let kind = resource.kind();
        let nonce = known.attempt.as_ref().map(|attempt| attempt.nonce);
        if rows::arn(&mut transaction, user, kind).await? != known.arn
            || end_open(&mut transaction, user, kind).await? != nonce
        {
            return Ok(false);
        }
        rows::write(&mut transaction, user, name, resource).await?;
        effect("record", transaction.commit()).await?;
        Ok(true)
    }

    async fn is_anothers(&self, user: Uuid, arn: &str) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from resources where arn = $1 and user_id <> $2) as "found!""#,
            arn,
            user,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    async fn correct(&self, user: Uuid, name: &str, resource: &ResourceStatus) -> Result<bool> {
        effect("correct", rows::correct(&self.pool, user, name, resource)).await
    }

    async fn begin_edit(
        &self,
        user: Uuid,
        kind: ResourceKind,
        lasts: Duration,
        repeats: u32,
    ) -> Result<Option<Uuid>> {
        effect("begin_edit", edits::begin(&self.pool, user, kind, lasts, repeats)).await
    }

    async fn end_edit(&self, nonce: Uuid) -> Result<()> {
        effect("end_edit", edits::end(&self.pool, nonce)).await
    }

    async fn all_recorded(&self) -> Result<Vec<UserRecord>> {
        let rows = sqlx::query!(
            r#"select u.id as "user!", u.account_namespace as "namespace!", u.account_name as "name!", u.account_uid, u.retained, u.leaving,
                 r.kind as "kind!: ResourceKind", r.arn as "arn!",
                 greatest(extract(epoch from now() - r.created_at), 0)::float8 as "age!",
                 e.nonce as "edit?",
                 coalesce(e.repeats, 0) as "edit_repeats!",
                 coalesce(extract(epoch from e.deadline - now()), 0)::float8 as "edit_due_in!"
               from users u
               join resources r on r.user_id = u.id
               left join edits e on e.user_id = r.user_id and e.kind = r.kind"#,
        )
        .fetch_all(&self.pool)
        .await?;
        let records = rows.into_iter().map(|row| UserRecord {
            user: row.user,
            age: seconds(row.age),
            account: AccountRef { namespace: row.namespace, name: row.name },
            uid: row.account_uid,
            kind: row.kind,
            arn: row.arn,
            retained: row.retained,
            leaving: row.leaving,
            edit: row.edit.map(|nonce| Edit::new(nonce, row.edit_due_in, row.edit_repeats)),
        });
        Ok(records.collect())
    }
}
