//! The orphan list: resources that exist, or may exist, in AWS and belong to no account.

use std::{fmt, time::Duration};

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Postgres, Result, seconds, users};
use crate::{
    api::{AccountRef, ResourceKind},
    failpoint::effect,
};

/// Reason why a resource is on the orphan list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "orphan_reason", rename_all = "snake_case")]
pub enum OrphanReason {
    /// A person abandoned the account.
    Abandoned,
    /// A resync found the resource with the installation's tag, but no account owns it.
    Unowned,
    /// A second resource of a user that the operator may not delete: no attempt in the journal created it, or
    /// it is in use.
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

/// A resource that belongs to no account, or an attempt that may have created one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// ARN of the resource. None if only the attempt is known, and not its outcome.
    pub arn: Option<String>,
    /// Attempt that created it, or may have created it. None if unknown.
    pub attempt: Option<Uuid>,
    /// User for whom it was created.
    pub user: Option<Uuid>,
    /// Account for which it was created.
    pub account: Option<AccountRef>,
    /// Name of the resource, which is the username.
    pub username: Option<String>,
    /// Reason why it is on the list.
    pub reason: OrphanReason,
}

/// A row of the orphan list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanRow {
    /// Id of the row.
    pub id: Uuid,
    /// The orphan.
    pub orphan: Orphan,
    /// Time at which it was added to the list, in RFC 3339 format (UTC).
    pub first_seen: String,
    /// Time since the first resync that did not find it, by the database's clock. None if the latest resync
    /// found it.
    pub unseen: Option<Duration>,
}

/// Changes of the orphan list that a resync makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrphanChanges {
    /// New orphans.
    pub added: Vec<Orphan>,
    /// Rows of attempts that created a resource after all, with its ARN.
    pub named: Vec<(Uuid, String)>,
    /// Rows of orphans that the resync did not find, but the previous one did.
    pub unseen: Vec<Uuid>,
    /// Rows of orphans that were found again.
    pub seen: Vec<Uuid>,
    /// Rows of orphans that have not been found for long enough.
    pub gone: Vec<Uuid>,
}

/// An account that a person abandons.
#[derive(Debug)]
pub struct Abandonment<'a> {
    /// The account.
    pub account: &'a AccountRef,
    /// UID of the account's object.
    pub uid: &'a str,
    /// User that the object owns.
    pub user: Uuid,
    /// Resources of the user according to records outside the database (status, tags).
    pub elsewhere: Vec<Orphan>,
}

/// The orphan list.
pub trait Orphans: Send + Sync + 'static {
    /// Returns the rows of the accounts in one namespace, or all rows, the oldest first.
    fn orphans(&self, namespace: Option<&str>) -> impl Future<Output = Result<Vec<OrphanRow>>> + Send;

    /// Writes the changes of a resync. Concurrent resyncs arrive at the same list.
    fn change_orphans(&self, changes: &OrphanChanges) -> impl Future<Output = Result<()>> + Send;

    /// Deletes the object's user with all its rows, and adds all its known resources to the list, in one
    /// transaction. Returns the orphans of that account and user. Returns None, and does nothing, if the
    /// object does not own the user.
    fn abandon(
        &self,
        abandonment: &Abandonment<'_>,
    ) -> impl Future<Output = Result<Option<Vec<Orphan>>>> + Send;
}

impl Postgres {
    /// Returns true if a resource is recorded, was recorded before, or may be the result of an attempt that
    /// is still open, or if the user exists. `attempt`: the one in its tags.
    ///
    /// # Errors
    /// Returns the error from PostgreSQL.
    pub async fn is_named(&self, arn: &str, attempt: Option<Uuid>, user: Option<Uuid>) -> Result<bool> {
        let named = sqlx::query_scalar!(
            r#"select exists (select from resources where arn = $1)
                   or exists (select from former_resources where arn = $1)
                   or exists (select from create_attempts where nonce = $2 and state = 'open')
                   or exists (select from users where id = $3) as "is_named!""#,
            arn,
            attempt,
            user,
        );
        Ok(named.fetch_one(&mut *self.pool.acquire().await?).await?)
    }
}

impl Orphans for Postgres {
    async fn orphans(&self, namespace: Option<&str>) -> Result<Vec<OrphanRow>> {
        rows(&mut *self.pool.acquire().await?, namespace).await
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

    async fn abandon(&self, abandonment: &Abandonment<'_>) -> Result<Option<Vec<Orphan>>> {
        let mut transaction = self.pool.begin().await?;
        if !lock_owned_user(&mut transaction, abandonment.user, abandonment.uid).await? {
            return Ok(None);
        }
        add_all_of(&mut transaction, abandonment.user).await?;
        users::delete(&mut transaction, abandonment.user, abandonment.uid, true).await?;
        for orphan in &abandonment.elsewhere {
            add(&mut transaction, orphan).await?;
        }
        let listed = rows(&mut *transaction, Some(&abandonment.account.namespace)).await?;
        effect("abandon", transaction.commit()).await?;
        let is_of_the_user = |orphan: &Orphan| {
            orphan.account.as_ref() == Some(abandonment.account)
                && orphan.user == Some(abandonment.user)
                && orphan.reason == OrphanReason::Abandoned
        };
        Ok(Some(listed.into_iter().map(|row| row.orphan).filter(is_of_the_user).collect()))
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
           order by first_seen, account_namespace collate "C", account_name collate "C", kind, arn collate "C""#,
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

/// Adds an orphan to the list. If it is there already, it stays, but the reason "abandoned" replaces any
/// other: a person's decision outweighs what a resync found.
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

/// Locks the row of a user until the transaction ends, so that no resource is recorded for it in the
/// meantime. Returns false if the object does not own the user: the id comes from a status or a tag, which
/// may be stale.
async fn lock_owned_user(connection: &mut PgConnection, user: Uuid, uid: &str) -> Result<bool> {
    let row = sqlx::query!("select id from users where id = $1 and account_uid = $2 for update", user, uid)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Adds all resources of a user that the database knows to the list: the recorded ones, and the attempts of
/// unknown outcome, which count as unseen from their deadline on.
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
         from create_attempts a join users u on u.id = a.user_id
         where u.id = $1 and a.state = 'open'
         on conflict (attempt) where arn is null do nothing",
        user,
    )
    .execute(connection)
    .await?;
    Ok(())
}
