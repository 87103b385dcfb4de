//! The orphan list: what is, or may be, in AWS and belongs to no account.

use std::{fmt, time::Duration};

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Postgres, Result, seconds, users};
use crate::{
    api::{AccountRef, ResourceKind},
    failpoint::effect,
};

/// Why something is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "orphan_reason", rename_all = "snake_case")]
pub enum OrphanReason {
    /// A person let go of its account without AWS.
    Abandoned,
    /// A sweep found it with our tag and without an account.
    Unowned,
    /// A second resource of a user, which the operator may not delete: its journal did not make it, or somebody uses it.
    Duplicate,
}

impl fmt::Display for OrphanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abandoned => "abandoned",
            Self::Unowned => "unowned",
            Self::Duplicate => "duplicate",
        })
    }
}

/// A resource that belongs to no account, or an attempt that may have made one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Which of the three.
    pub kind: ResourceKind,
    /// Its ARN; None where only the attempt is known, and not its outcome.
    pub arn: Option<String>,
    /// The attempt that made it, or may have; None where that is not known.
    pub attempt: Option<Uuid>,
    /// The user it was made for.
    pub user: Option<Uuid>,
    /// The account it was made for.
    pub account: Option<AccountRef>,
    /// Its name, which is the user's.
    pub username: Option<String>,
    /// Why it is on the list.
    pub reason: OrphanReason,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanRow {
    /// Id of the row.
    pub id: Uuid,
    /// What it is.
    pub orphan: Orphan,
    /// When it came onto the list, as RFC 3339 writes it (UTC).
    pub first_seen: String,
    /// For how long sweeps have not found it, by the database's clock; None when the last one did.
    pub unseen: Option<Duration>,
}

/// What a sweep changes of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrphanChanges {
    /// Found for the first time.
    pub added: Vec<Orphan>,
    /// Rows of attempts that turned out to have made something: its ARN.
    pub named: Vec<(Uuid, String)>,
    /// Rows of what was not found, and had been before.
    pub unseen: Vec<Uuid>,
    /// Rows of what was found again.
    pub seen: Vec<Uuid>,
    /// Rows of what has not been found for long.
    pub gone: Vec<Uuid>,
}

/// Whom a person lets go of without AWS.
#[derive(Debug)]
pub struct Abandonment<'a> {
    /// The account.
    pub account: &'a AccountRef,
    /// UID of its object.
    pub uid: &'a str,
    /// The user that the object holds.
    pub user: Uuid,
    /// What other records than the database (status, tags) know of its resources.
    pub elsewhere: Vec<Orphan>,
}

/// The orphan list.
pub trait Orphans: Send + Sync + 'static {
    /// The rows of one namespace's accounts, or all of them, the oldest first.
    fn orphans(&self, namespace: Option<&str>) -> impl Future<Output = Result<Vec<OrphanRow>>> + Send;

    /// Writes what a sweep has found. Two that write at the same time come to the same list.
    fn change_orphans(&self, changes: &OrphanChanges) -> impl Future<Output = Result<()>> + Send;

    /// Deletes the user of an object and all rows that hang on it, and in the same transaction writes all that is known
    /// of its resources onto the list; what is now on the list of that account and user. None when the user is not that
    /// object's: then nothing is done.
    fn abandon(&self, whom: &Abandonment<'_>) -> impl Future<Output = Result<Option<Vec<Orphan>>>> + Send;
}

impl Orphans for Postgres {
    async fn orphans(&self, namespace: Option<&str>) -> Result<Vec<OrphanRow>> {
        rows(&self.pool, namespace).await
    }

    async fn change_orphans(&self, changes: &OrphanChanges) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        for orphan in &changes.added {
            add(&mut transaction, orphan).await?;
        }
        for (id, arn) in &changes.named {
            sqlx::query!(
                "update orphans set arn = $2, unseen_since = null
                 where id = $1 and not exists (select from orphans where arn = $2)",
                id,
                arn,
            )
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query!(
            "update orphans set unseen_since = case when id = any($1) then now() end where id = any($1) or id = any($2)",
            &changes.unseen,
            &changes.seen,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!("delete from orphans where id = any($1)", &changes.gone)
            .execute(&mut *transaction)
            .await?;
        effect("change_orphans", transaction.commit()).await?;
        Ok(())
    }

    async fn abandon(&self, whom: &Abandonment<'_>) -> Result<Option<Vec<Orphan>>> {
        let mut transaction = self.pool.begin().await?;
        if !hold(&mut transaction, whom.user, whom.uid).await? {
            return Ok(None);
        }
        add_all_of(&mut transaction, whom.user).await?;
        users::delete(&mut transaction, whom.user, whom.uid, true).await?;
        for orphan in &whom.elsewhere {
            add(&mut transaction, orphan).await?;
        }
        let listed = rows(&mut *transaction, Some(&whom.account.namespace)).await?;
        effect("abandon", transaction.commit()).await?;
        let is_whose = |orphan: &Orphan| {
            orphan.account.as_ref() == Some(whom.account)
                && orphan.user == Some(whom.user)
                && orphan.reason == OrphanReason::Abandoned
        };
        Ok(Some(listed.into_iter().map(|row| row.orphan).filter(is_whose).collect()))
    }
}

async fn rows(executor: impl PgExecutor<'_>, namespace: Option<&str>) -> Result<Vec<OrphanRow>> {
    let rows = sqlx::query!(
        r#"select id, kind as "kind: ResourceKind", arn, attempt, user_id, account_namespace, account_name, username,
                  reason as "reason: OrphanReason",
                  to_char(first_seen at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "first_seen!",
                  greatest(extract(epoch from now() - unseen_since), 0)::float8 as unseen_for,
                  unseen_since is not null as "is_unseen!"
           from orphans
           where $1::text is null or account_namespace = $1
           order by first_seen, account_namespace, account_name, kind, arn"#,
        namespace,
    )
    .fetch_all(executor)
    .await?;
    let row = rows.into_iter().map(|row| OrphanRow {
        id: row.id,
        orphan: Orphan {
            kind: row.kind,
            arn: row.arn,
            attempt: row.attempt,
            user: row.user_id,
            account: row
                .account_namespace
                .zip(row.account_name)
                .map(|(namespace, name)| AccountRef { namespace, name }),
            username: row.username,
            reason: row.reason,
        },
        first_seen: row.first_seen,
        unseen: row.is_unseen.then(|| seconds(row.unseen_for.unwrap_or_default())),
    });
    Ok(row.collect())
}

/// Puts one onto the list. One that is there already stays, but a person's word counts for more than a sweep's.
async fn add(connection: &mut PgConnection, orphan: &Orphan) -> Result<()> {
    let account = orphan.account.as_ref();
    sqlx::query!(
        "insert into orphans (kind, arn, attempt, user_id, account_namespace, account_name, username, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (arn) do update set reason = 'abandoned'
         where excluded.reason = 'abandoned' and orphans.reason <> 'abandoned'",
        orphan.kind as ResourceKind,
        orphan.arn.as_deref(),
        orphan.attempt,
        orphan.user,
        account.map(|account| account.namespace.as_str()),
        account.map(|account| account.name.as_str()),
        orphan.username.as_deref(),
        orphan.reason as OrphanReason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Holds the row of a user until the transaction ends, so that nobody records anything more of it; false when it is not
/// this object's: the id comes from a status or a tag, which may be out of date.
async fn hold(connection: &mut PgConnection, user: Uuid, uid: &str) -> Result<bool> {
    let held = sqlx::query!("select id from users where id = $1 and account_uid = $2 for update", user, uid)
        .fetch_optional(connection)
        .await?;
    Ok(held.is_some())
}

/// Puts all that the database knows of a user's resources onto the list: the recorded ones, and the attempts whose
/// outcome is unknown, which count as unseen from their deadline on.
async fn add_all_of(connection: &mut PgConnection, user: Uuid) -> Result<()> {
    sqlx::query!(
        "insert into orphans (kind, arn, user_id, account_namespace, account_name, username, reason)
         select r.kind, r.arn, u.id, u.account_namespace, u.account_name, u.username, 'abandoned'
         from users u join resources r on r.user_id = u.id
         where u.id = $1
         on conflict (arn) do update set reason = 'abandoned'",
        user,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into orphans
           (kind, attempt, user_id, account_namespace, account_name, username, reason, unseen_since)
         select a.kind, a.nonce, u.id, u.account_namespace, u.account_name, u.username, 'abandoned', a.deadline
         from attempts a join users u on u.id = a.user_id
         where u.id = $1 and a.state = 'open'
         on conflict (attempt) where arn is null do nothing",
        user,
    )
    .execute(connection)
    .await?;
    Ok(())
}
