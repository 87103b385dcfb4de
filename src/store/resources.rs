//! What was made for a user, of each kind.

use std::time::Duration;

use uuid::Uuid;

use super::{Edit, Missing, Postgres, Result, Unsettled, edits, journal::end_open, missing, rows};
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
    pub is_let_go: bool,
    /// The attempt that is open.
    pub attempt: Option<Unsettled>,
    /// The one that AWS did not show when it was last looked at.
    pub missing: Option<Missing>,
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
    /// The account.
    pub account: AccountRef,
    /// UID of its object.
    pub uid: Option<String>,
    /// Which of the three.
    pub kind: ResourceKind,
    /// Its ARN.
    pub arn: String,
    /// Whether the account was deleted with the policy Retain.
    pub retained: bool,
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

    /// Writes the name and the addresses of a recorded resource, as AWS has shown them, where its row has others; whether it had.
    fn correct(
        &self,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
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
                 exists (select from released_users where id = wanted.user_id and let_go) as "is_let_go!",
                 a.nonce as "nonce?",
                 coalesce(extract(epoch from a.deadline - now()), 0)::float8 as "due_in!",
                 m.arn as "missing_arn?",
                 coalesce(greatest(extract(epoch from now() - m.since), 0), 0)::float8 as "missing_age!",
                 e.nonce as "edit?",
                 coalesce(e.repeats, 0) as "edit_repeats!",
                 coalesce(extract(epoch from e.deadline - now()), 0)::float8 as "edit_due_in!"
               from (values ($1::uuid, $2::resource_kind)) as wanted (user_id, kind)
               left join resources r on r.user_id = wanted.user_id and r.kind = wanted.kind
               left join attempts a on a.user_id = wanted.user_id and a.kind = wanted.kind and a.state = 'open'
               left join missing_resources m on m.user_id = wanted.user_id and m.kind = wanted.kind
               left join edits e on e.user_id = wanted.user_id and e.kind = wanted.kind"#,
            user,
            kind as ResourceKind,
        )
        .fetch_one(&self.pool)
        .await?;
        let seconds = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Ok(Recorded {
            arn: row.arn,
            age: seconds(row.age),
            is_tried: row.is_tried,
            is_let_go: row.is_let_go,
            attempt: row.nonce.map(|nonce| Unsettled::new(nonce, row.due_in)),
            missing: row.missing_arn.map(|arn| Missing { arn, age: seconds(row.missing_age) }),
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

    async fn correct(&self, user: Uuid, name: &str, resource: &ResourceStatus) -> Result<bool> {
        effect("correct", rows::correct(&self.pool, user, name, resource)).await
    }

    async fn note_missing(&self, user: Uuid, kind: ResourceKind, arn: &str) -> Result<()> {
        effect("note_missing", missing::note(&self.pool, user, kind, arn)).await
    }

    async fn note_seen(&self, user: Uuid, kind: ResourceKind) -> Result<()> {
        effect("note_seen", missing::forget(&self.pool, user, kind)).await
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
            r#"select u.account_namespace as "namespace!", u.account_name as "name!", u.account_uid, u.retained,
                 r.kind as "kind!: ResourceKind", r.arn as "arn!",
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
            account: AccountRef { namespace: row.namespace, name: row.name },
            uid: row.account_uid,
            kind: row.kind,
            arn: row.arn,
            retained: row.retained,
            edit: row.edit.map(|nonce| Edit::new(nonce, row.edit_due_in, row.edit_repeats)),
        });
        Ok(records.collect())
    }
}
