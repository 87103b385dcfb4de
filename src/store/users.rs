//! Users: identity that outlives the object.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ClusterIdentity, Postgres, Result};
use crate::{api::AccountRef, failpoint::effect};

/// The row of the user that has a username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: Uuid,
    /// The username as it was first written, which is the name of the user's resources.
    pub username: String,
    /// The account that holds it.
    pub account: AccountRef,
    /// UID of the object that holds it; None where none has yet.
    pub uid: Option<String>,
    /// The cluster of that object, where it is known.
    pub cluster: Option<String>,
    /// Whether that cluster was seen so short a while ago that it may still work.
    pub is_cluster_live: bool,
    /// Whether a person registered it with a password.
    pub registered: bool,
    /// Whether the account was deleted with the policy Retain.
    pub retained: bool,
}

/// The answer to a claim. Only [`Claim::Held`] gives a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The user is this object's.
    Held(Holder),
    /// The username is not this object's, and neither is any user.
    Refused(Refusal),
}

/// The reason why a claim is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The account has the username, but under another spelling, which is the name of its resources.
    Spelled(Other),
    /// Another account has it.
    Taken(Other),
    /// It was registered by a person with a password, and this account was not made for that registration.
    Registered,
    /// What this object had was taken away already: it never holds anything again.
    Released,
    /// The row is held by an object of this other cluster, which may still work; or this object is being deleted.
    OtherCluster(String),
}

/// The row of somebody else. It tells whose it is, and is no claim to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other(Holder);

impl Other {
    /// The row of somebody else.
    #[must_use]
    pub fn new(holder: Holder) -> Self {
        Self(holder)
    }

    /// The username as it was first written.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// The account that holds it.
    #[must_use]
    pub fn account(&self) -> &AccountRef {
        &self.0.account
    }

    /// The row, for the check whether it is out of date, and for nothing else.
    pub(crate) fn row(&self) -> &Holder {
        &self.0
    }
}

/// The object that wants a username.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The name wanted.
    pub username: &'a str,
    /// The account that wants it.
    pub account: &'a AccountRef,
    /// UID of that account's object.
    pub uid: &'a str,
    /// The user's id, where another record (status, tags) has it: a new row gets it, so that the user's resources are
    /// still its own after a restore. A row that exists is not changed by it.
    pub known: Option<Uuid>,
    /// The id of the registration that made the account, by its annotation.
    pub registration: Option<Uuid>,
    /// The cluster of the object.
    pub cluster: &'a ClusterIdentity,
    /// Whether the object is being deleted: then nothing is taken over from another cluster.
    pub is_deleted: bool,
}

impl Claimant<'_> {
    /// The answer, given the row: the object that it names holds it, whatever else is said.
    fn judge(&self, holder: Holder) -> Claim {
        if holder.uid.as_deref() == Some(self.uid) {
            return Claim::Held(holder);
        }
        Claim::Refused(if holder.account != *self.account {
            Refusal::Taken(Other(holder))
        } else if holder.registered && self.registration != Some(holder.user) {
            Refusal::Registered
        } else if holder.username != *self.username {
            Refusal::Spelled(Other(holder))
        } else if self.is_of_another_cluster(&holder) {
            Refusal::OtherCluster(holder.cluster.unwrap_or_default())
        } else {
            return Claim::Held(holder);
        })
    }

    /// Whether a row is held by an object of another cluster from which it may not be taken over.
    #[must_use]
    pub fn is_of_another_cluster(&self, holder: &Holder) -> bool {
        let is_other = holder.cluster.as_ref().is_some_and(|cluster| *cluster != self.cluster.id);
        is_other && (self.is_deleted || holder.is_cluster_live)
    }
}

/// The users, as the controller sees them.
pub trait Users: Send + Sync + 'static {
    /// Whether somebody has a username, or one that looks like it.
    fn is_held(&self, username: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Makes the username this object's, if it is nobody's and the object has no user. An id that another user has, or that
    /// a released one had, is not used again.
    fn claim(&self, claimant: Claimant<'_>) -> impl Future<Output = Result<Claim>> + Send;

    /// Hands a user on from an earlier object of the account to the one that is there now; false when it is not that
    /// earlier object's any more, or the object that is there now was barred.
    fn inherit(
        &self,
        user: Uuid,
        from: Option<&str>,
        uid: &str,
        cluster: &str,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// From here on no attempt is opened for this object's user; false when it is not this object's.
    fn leave(&self, user: Uuid, uid: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Notes that this object's user stays without its account (the policy Retain); false when it has nothing that
    /// could stay.
    fn retain(&self, user: Uuid, uid: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes a user that is this object's, with all rows that hang on it, and remembers both as released; false when it is not
    /// this object's: then nothing is done. `kept`: what it may still have in AWS stays (the policy Retain, with a database that
    /// does not know of it any more).
    fn release(&self, user: Uuid, uid: &str, kept: bool) -> impl Future<Output = Result<bool>> + Send;

    /// From here on this object, which has no user, gets none: a claim of its that comes late finds it released. The user that it
    /// has all the same, if it has one; then nothing is done.
    fn bar(&self, uid: &str) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Deletes the row of a user that another record has shown to be out of date; one that has changed since stays. With
    /// `idle_for` so does one for whom something was made within that time, or is being made until that long after its deadline: of
    /// this very object's own user another controller may be making something.
    fn evict(&self, holder: &Holder, idle_for: Option<Duration>) -> impl Future<Output = Result<()>> + Send;

    /// Which of these users were released and are nobody's now, so that what is found of theirs came too late. Those that
    /// a person let go of, or whose policy was Retain, are not among them: what they left stays.
    fn released(&self, users: &[Uuid]) -> impl Future<Output = Result<Vec<Uuid>>> + Send;
}

impl Users for Postgres {
    async fn is_held(&self, username: &str) -> Result<bool> {
        let held = sqlx::query_scalar!(
            r#"select exists (select from users where username_key(username) = username_key($1)) as "held!""#,
            username,
        );
        Ok(held.fetch_one(&self.pool).await?)
    }

    async fn claim(&self, claimant: Claimant<'_>) -> Result<Claim> {
        let mut transaction = self.pool.begin().await?;
        lock_object(&mut transaction, claimant.uid).await?;
        insert(&mut transaction, &claimant).await?;
        // Asked after the insert: if that waited for the row's deletion, the release is seen here.
        let released = sqlx::query_scalar!(
            r#"select exists (select from released_users where account_uid = $1) as "released!""#,
            claimant.uid,
        )
        .fetch_one(&mut *transaction)
        .await?;
        if released {
            return Ok(Claim::Refused(Refusal::Released));
        }
        let holder = holder(&mut transaction, &claimant).await?.ok_or(sqlx::Error::RowNotFound)?;
        effect("claim", transaction.commit()).await?;
        Ok(claimant.judge(holder))
    }

    async fn inherit(&self, user: Uuid, from: Option<&str>, uid: &str, cluster: &str) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        // Of an object that was barred meanwhile, this sees it.
        lock_object(&mut transaction, uid).await?;
        let handed_on = sqlx::query!(
            "update users set account_uid = $3, account_cluster = $4, leaving = false, retained = false
             where id = $1 and account_uid is not distinct from $2
               and not exists (select from released_users where account_uid = $3)",
            user,
            from,
            uid,
            cluster,
        )
        .execute(&mut *transaction)
        .await?;
        // What AWS was asked to delete for the earlier object proves nothing to this one.
        sqlx::query!(
            "update missing_resources set deletion_requested = false
             where user_id = $1 and deletion_requested
               and exists (select from users where id = $1 and account_uid = $2)",
            user,
            uid,
        )
        .execute(&mut *transaction)
        .await?;
        effect("inherit", transaction.commit()).await?;
        Ok(handed_on.rows_affected() == 1)
    }

    async fn leave(&self, user: Uuid, uid: &str) -> Result<bool> {
        let leave =
            sqlx::query!("update users set leaving = true where id = $1 and account_uid = $2", user, uid);
        let leaving = effect("leave", leave.execute(&self.pool)).await?;
        Ok(leaving.rows_affected() == 1)
    }

    async fn retain(&self, user: Uuid, uid: &str) -> Result<bool> {
        let retain = sqlx::query!(
            "update users set retained = true
             where id = $1 and account_uid = $2
               and (exists (select from resources where user_id = $1)
                 or exists (select from attempts where user_id = $1 and state = 'open'))",
            user,
            uid,
        );
        let retained = effect("retain", retain.execute(&self.pool)).await?;
        Ok(retained.rows_affected() == 1)
    }

    async fn release(&self, user: Uuid, uid: &str, kept: bool) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let is_its = delete(&mut transaction, user, uid, kept).await?;
        effect("release", transaction.commit()).await?;
        Ok(is_its)
    }

    async fn bar(&self, uid: &str) -> Result<Option<Uuid>> {
        let mut transaction = self.pool.begin().await?;
        lock_object(&mut transaction, uid).await?;
        let user = sqlx::query_scalar!("select id from users where account_uid = $1", uid)
            .fetch_optional(&mut *transaction)
            .await?;
        if user.is_some() {
            return Ok(user);
        }
        sqlx::query!(
            "insert into released_users (id, account_uid)
             select gen_random_uuid(), $1 where not exists (select from released_users where account_uid = $1)",
            uid,
        )
        .execute(&mut *transaction)
        .await?;
        effect("bar", transaction.commit()).await?;
        Ok(None)
    }

    async fn evict(&self, holder: &Holder, idle_for: Option<Duration>) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        // Whoever opens an attempt at the same time is waited for, and seen by what comes next; or finds the row gone.
        sqlx::query!("select id from users where id = $1 for update", holder.user)
            .fetch_optional(&mut *transaction)
            .await?;
        sqlx::query!(
            "delete from users
             where id = $1 and account_uid is not distinct from $2 and not registered and not retained
               and ($3::float8 is null
                    or not exists (select from attempts where user_id = $1 and state = 'open'
                                                          and deadline > now() - make_interval(secs => $3))
                   and not exists (select from resources where user_id = $1
                                                           and created_at > now() - make_interval(secs => $3)))",
            holder.user,
            holder.uid,
            idle_for.map(|time| time.as_secs_f64()),
        )
        .execute(&mut *transaction)
        .await?;
        effect("evict", transaction.commit()).await?;
        Ok(())
    }

    async fn released(&self, users: &[Uuid]) -> Result<Vec<Uuid>> {
        let released = sqlx::query_scalar!(
            "select distinct id from released_users where id = any($1) and not resources_kept and id not in (select id from users)",
            users,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(released)
    }
}

/// Of a claim of an object and its being barred, the second one sees what the first has done.
async fn lock_object(connection: &mut PgConnection, uid: &str) -> Result<()> {
    let lock = sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended($1, 0))::text as "lock""#, uid);
    lock.fetch_one(connection).await?;
    Ok(())
}

/// A row for who has none, if the username is nobody's.
async fn insert(connection: &mut PgConnection, claimant: &Claimant<'_>) -> Result<()> {
    sqlx::query!(
        "insert into users (id, username, account_namespace, account_name, account_uid, account_cluster)
         select coalesce(
                  (select $1::uuid
                   where not exists (select from users where id = $1)
                     and not exists (select from released_users where id = $1 and not resources_kept)),
                  gen_random_uuid()),
                $2, $3, $4, $5, $6
         where not exists (select from users where account_uid = $5)
         on conflict (username_key(username)) do nothing",
        claimant.known,
        claimant.username,
        claimant.account.namespace,
        claimant.account.name,
        claimant.uid,
        claimant.cluster.id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The row that this object holds; else the one of the username.
async fn holder(connection: &mut PgConnection, claimant: &Claimant<'_>) -> Result<Option<Holder>> {
    let row = sqlx::query!(
        r#"select id, username, account_namespace, account_name, account_uid, account_cluster, retained,
                  registered as "registered!",
                  exists (select from clusters
                          where id = account_cluster
                            and greatest(seen_at + make_interval(secs => $3), expires_at) > now()) as "is_cluster_live!"
           from users where username_key(username) = username_key($1) or account_uid = $2
           order by account_uid is not distinct from $2 desc limit 1"#,
        claimant.username,
        claimant.uid,
        claimant.cluster.takeover_after.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Holder {
        user: row.id,
        username: row.username,
        account: AccountRef { namespace: row.account_namespace, name: row.account_name },
        uid: row.account_uid,
        cluster: row.account_cluster,
        is_cluster_live: row.is_cluster_live,
        registered: row.registered,
        retained: row.retained,
    }))
}

/// Deletes a user that is this object's, with all rows that hang on it, and remembers both, and the username, which the
/// registration may hold back; false when it is not this object's. Nobody else's user is remembered as released.
pub(super) async fn delete(
    connection: &mut PgConnection,
    user: Uuid,
    uid: &str,
    resources_kept: bool,
) -> Result<bool> {
    let gone = sqlx::query_scalar!(
        r#"with gone as (delete from users where id = $1 and account_uid = $2 returning id, username),
           freed as (
             insert into former_usernames (username) select username_key(username) from gone
             on conflict (username) do update set freed_at = now()),
           remembered as (
             insert into released_users (id, account_uid, resources_kept) select id, $2, $3 from gone
             on conflict do nothing)
           select count(*) as "gone!" from gone"#,
        user,
        uid,
        resources_kept,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!("delete from released_users where released_at < now() - interval '30 days'")
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from former_usernames where freed_at < now() - interval '1 year'")
        .execute(connection)
        .await?;
    Ok(gone == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(id: &str) -> ClusterIdentity {
        ClusterIdentity { id: id.to_owned(), takeover_after: Duration::from_mins(1) }
    }

    fn account() -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: "todd".to_owned() }
    }

    fn row() -> Holder {
        Holder {
            user: Uuid::from_u128(1),
            username: "todd".to_owned(),
            account: account(),
            uid: Some("earlier".to_owned()),
            cluster: Some("here".to_owned()),
            is_cluster_live: true,
            registered: false,
            retained: false,
        }
    }

    /// The answer to an object `later` of the same account in a cluster.
    fn answer(holder: Holder, of: &str, is_deleted: bool) -> Claim {
        let (account, cluster) = (account(), cluster(of));
        let (username, uid, known, registration) = ("todd", "later", None, None);
        let claimant =
            Claimant { username, account: &account, uid, known, registration, cluster: &cluster, is_deleted };
        claimant.judge(holder)
    }

    #[test]
    fn a_row_that_names_the_object_is_held_without_annotation_or_spelling() {
        let own = Holder { uid: Some("later".to_owned()), registered: true, ..row() };
        for username in ["todd", "Todd"] {
            let own = Holder { username: username.to_owned(), ..own.clone() };
            assert_eq!(answer(own.clone(), "here", true), Claim::Held(own));
        }
    }

    #[test]
    fn a_row_of_an_earlier_object_is_held_only_if_all_fits() {
        assert_eq!(answer(row(), "here", true), Claim::Held(row()));
        let registered = Holder { registered: true, ..row() };
        for uid in [None, Some("earlier".to_owned())] {
            let registered = Holder { uid, ..registered.clone() };
            assert_eq!(answer(registered, "here", false), Claim::Refused(Refusal::Registered));
        }
        let spelled = Holder { username: "Todd".to_owned(), ..row() };
        let refused = Claim::Refused(Refusal::Spelled(Other(spelled.clone())));
        assert_eq!(answer(spelled, "here", false), refused);
        let other = AccountRef { name: "other".to_owned(), ..account() };
        let taken = Holder { account: other, ..row() };
        assert_eq!(answer(taken.clone(), "here", false), Claim::Refused(Refusal::Taken(Other(taken))));
    }

    #[test]
    fn a_row_of_another_cluster_is_held_once_that_expired_and_not_to_delete() {
        let expired = Holder { is_cluster_live: false, ..row() };
        let refused = Claim::Refused(Refusal::OtherCluster("here".to_owned()));
        assert_eq!(answer(row(), "there", false), refused);
        assert_eq!(answer(expired.clone(), "there", true), refused);
        assert_eq!(answer(expired.clone(), "there", false), Claim::Held(expired));
        let unknown = Holder { cluster: None, ..row() };
        assert_eq!(answer(unknown.clone(), "there", true), Claim::Held(unknown));
    }
}
