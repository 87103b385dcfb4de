//! Users: identities that outlive the Kubernetes object.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ClusterIdentity, Postgres, Result, renewal_tokens::refusal, seconds};
use crate::{api::AccountRef, failpoint::effect};

/// The user that has a username, and the object that owns the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct UsernameOwner {
    /// Id of the user.
    pub user: Uuid,
    /// Username as it was first written. The user's resources have it as their name.
    pub username: String,
    /// Account that owns the user.
    pub account: AccountRef,
    /// UID of the object that owns the user. None if no object does yet.
    pub uid: Option<String>,
    /// Cluster of that object, if known.
    pub cluster: Option<String>,
    /// True if that cluster was seen recently enough that it may still be active.
    pub is_cluster_live: bool,
    /// True if a person registered the user with a password.
    pub registered: bool,
    /// True if the account was deleted with deletionPolicy Retain.
    pub retained: bool,
    /// Time since the start of the latest try of an interrupted deletion. None if the user is not being
    /// deleted, or its resources stay.
    pub interrupted_deletion: Option<Duration>,
    /// True if this claim has added the row, with a new id: nothing else was known of the user then.
    pub is_new: bool,
}

/// Result of a claim. Only [`Claim::Held`] gives the object a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The object owns the user.
    Held(UsernameOwner),
    /// The object owns neither the username nor any user.
    Refused(ClaimRefusal),
}

/// Reason why a claim is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimRefusal {
    /// The account has the username with another spelling, which is the name of its resources.
    SpellingMismatch(OtherOwner),
    /// Another account has the username.
    Taken(OtherOwner),
    /// A person registered the username with a password, and this account was not created for that
    /// registration.
    Registered,
    /// The object's user was deleted: the object never owns a user again.
    Deleted,
    /// An object of this other cluster owns the user, and that cluster may still be active or this object is
    /// being deleted.
    OtherCluster(String),
}

/// The owner of a username that another object claims. It names the owner and gives no access to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherOwner(UsernameOwner);

impl OtherOwner {
    /// Wraps the owner.
    #[must_use]
    pub fn new(owner: UsernameOwner) -> Self {
        Self(owner)
    }

    /// Returns the username as it was first written.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Returns the account that owns the user.
    #[must_use]
    pub fn account(&self) -> &AccountRef {
        &self.0.account
    }

    /// Returns the owner, only to check whether its row is stale.
    pub(crate) fn row(&self) -> &UsernameOwner {
        &self.0
    }
}

/// The object that claims a username.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The claimed username.
    pub username: &'a str,
    /// Account of the object.
    pub account: &'a AccountRef,
    /// UID of the object.
    pub uid: &'a str,
    /// Id of the user according to another record (status, tags). A new row gets this id, so that the user
    /// keeps its resources after the database was restored. An existing row keeps its own.
    pub known: Option<Uuid>,
    /// Id of the registration that created the account, from its annotation.
    pub registration: Option<Uuid>,
    /// Cluster of the object.
    pub cluster: &'a ClusterIdentity,
    /// True if the object is being deleted. Such an object takes over nothing from another cluster.
    pub is_deleted: bool,
    /// Token of this controller's Lease, which the database must have.
    pub renewal_token: Option<Uuid>,
    /// True if AWS was listed, so that `known` includes what only tags name.
    pub is_aws_listed: bool,
}

impl Claimant<'_> {
    /// Returns the result of the claim, given the current owner. A row that names the object is always its
    /// own.
    fn judge(&self, owner: UsernameOwner) -> Claim {
        if owner.uid.as_deref() == Some(self.uid) {
            return Claim::Held(owner);
        }
        Claim::Refused(if owner.account != *self.account {
            ClaimRefusal::Taken(OtherOwner(owner))
        } else if owner.registered && self.registration != Some(owner.user) {
            ClaimRefusal::Registered
        } else if owner.username != *self.username {
            ClaimRefusal::SpellingMismatch(OtherOwner(owner))
        } else if self.is_of_another_cluster(&owner) {
            ClaimRefusal::OtherCluster(owner.cluster.unwrap_or_default())
        } else {
            return Claim::Held(owner);
        })
    }

    /// Returns true if an object of another cluster owns the row and it may not be taken over.
    #[must_use]
    pub fn is_of_another_cluster(&self, owner: &UsernameOwner) -> bool {
        let is_other = owner.cluster.as_ref().is_some_and(|cluster| *cluster != self.cluster.id);
        is_other && (self.is_deleted || owner.is_cluster_live)
    }
}

/// The transfer of a user from an earlier object of the account to the current one.
#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    /// Id of the user.
    pub user: Uuid,
    /// UID of the earlier object.
    pub from: Option<&'a str>,
    /// UID of the current object.
    pub uid: &'a str,
    /// Cluster of the current object.
    pub cluster: &'a str,
    /// Minimum time since the latest try of an interrupted deletion.
    pub min_deletion_age: Duration,
}

/// The users, from the controller's point of view.
pub trait Users: Send + Sync + 'static {
    /// Returns true if a user has the username, or one with the same key.
    fn is_held(&self, username: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Returns the username of the user that the object with this UID owns.
    fn username_of(&self, uid: &str) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Gives the object the username if nobody has it and the object owns no user. The id of an existing
    /// user, or of a deleted one, is not reused. Fails with [`Error::RecordsReplaced`] if the database does
    /// not have the renewal token, and with [`Error::AwsNotListed`] if AWS may have resources of the account
    /// and was not listed.
    ///
    /// [`Error::RecordsReplaced`]: super::Error::RecordsReplaced
    /// [`Error::AwsNotListed`]: super::Error::AwsNotListed
    fn claim(&self, claimant: Claimant<'_>) -> impl Future<Output = Result<Claim>> + Send;

    /// Transfers a user. Returns false if the earlier object no longer owns the user, a try to delete it
    /// began too recently, or the current object has a tombstone.
    fn transfer(&self, transfer: Transfer<'_>) -> impl Future<Output = Result<bool>> + Send;

    /// Marks the object's user as deleting: no attempt is opened for it after this. Returns false if the
    /// object does not own it.
    fn mark_deleting(&self, user: Uuid, uid: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Marks the object's user as retained (deletionPolicy Retain). Returns false if there is nothing to
    /// retain.
    fn mark_retained(&self, user: Uuid, uid: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes the object's user with all its rows, and leaves tombstones for the user and the object.
    /// Returns false, and does nothing, if the object does not own the user. `kept`: resources that may exist
    /// in AWS stay (deletionPolicy Retain, with a database that does not know them).
    fn delete_user(&self, user: Uuid, uid: &str, kept: bool) -> impl Future<Output = Result<bool>> + Send;

    /// Leaves a tombstone for an object without a user, so that a late claim of the object is refused. If the
    /// object owns a user after all, does nothing and returns the user.
    fn tombstone(&self, uid: &str) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// Deletes the row of a user that another record has proved stale. The row stays if it has changed since.
    /// With `idle_for`, the row also stays if a resource was recorded for the user within that time, or an
    /// attempt is open whose deadline passed less than that time ago: another controller may be creating a
    /// resource for this object.
    fn delete_stale_user(
        &self,
        owner: &UsernameOwner,
        idle_for: Option<Duration>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Returns those of the users that were deleted and that no object owns: resources found for them were
    /// created too late. Abandoned and retained users are not among them, because their resources stay.
    fn deleted_users(&self, users: &[Uuid]) -> impl Future<Output = Result<Vec<Uuid>>> + Send;
}

impl Users for Postgres {
    async fn is_held(&self, username: &str) -> Result<bool> {
        let held = sqlx::query_scalar!(
            r#"select exists (select from users where username_key(username) = username_key($1)) as "held!""#,
            username,
        );
        Ok(held.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    async fn username_of(&self, uid: &str) -> Result<Option<String>> {
        let username = sqlx::query_scalar!("select username from users where account_uid = $1", uid);
        Ok(username.fetch_optional(&mut *self.pool.acquire().await?).await?)
    }

    async fn claim(&self, claimant: Claimant<'_>) -> Result<Claim> {
        // A row with this id was added by this statement, and by no other.
        let new_id = claimant.known.is_none().then(Uuid::new_v4);
        let claim = sqlx::query!(
            r#"select user_id as "user!", username as "username!", account_namespace as "namespace!", account_name as "name!",
                      account_uid, account_cluster, registered as "registered!", retained as "retained!",
                      interrupted_deletion, is_cluster_live as "is_cluster_live!"
               from claim_username($1, $2, $3, $4, $5, $6, $7, $8, $9)"#,
            claimant.known.or(new_id),
            claimant.username,
            claimant.account.namespace,
            claimant.account.name,
            claimant.uid,
            claimant.cluster.id,
            claimant.cluster.takeover_after.as_secs_f64(),
            claimant.renewal_token,
            claimant.is_aws_listed,
        );
        let claimed = effect("claim", claim.fetch_optional(&mut *self.pool.acquire().await?)).await;
        let Some(row) = claimed.map_err(|error| refusal(error.into()))? else {
            return Ok(Claim::Refused(ClaimRefusal::Deleted));
        };
        Ok(claimant.judge(UsernameOwner {
            user: row.user,
            username: row.username,
            account: AccountRef { namespace: row.namespace, name: row.name },
            uid: row.account_uid,
            cluster: row.account_cluster,
            is_cluster_live: row.is_cluster_live,
            registered: row.registered,
            retained: row.retained,
            interrupted_deletion: row.interrupted_deletion.map(seconds),
            is_new: new_id == Some(row.user),
        }))
    }

    async fn transfer(&self, transfer: Transfer<'_>) -> Result<bool> {
        let Transfer { user, from, uid, cluster, min_deletion_age } = transfer;
        let mut transaction = self.pool.begin().await?;
        // After this, a tombstone that the object got in the meantime is visible.
        lock_object(&mut transaction, uid).await?;
        let transferred = sqlx::query!(
            "update users set account_uid = $3, account_cluster = $4, deleting = false, retained = false
             where id = $1 and account_uid is not distinct from $2
               and (not deleting or retained or deletion_tried_at is null
                    or deletion_tried_at <= now() - make_interval(secs => $5))
               and not exists (select from user_tombstones where account_uid = $3)",
            user,
            from,
            uid,
            cluster,
            min_deletion_age.as_secs_f64(),
        )
        .execute(&mut *transaction)
        .await?;
        // A deletion that the earlier object requested proves nothing to this one.
        sqlx::query!(
            "update missing_resources set deletion_requested = false
             where user_id = $1 and deletion_requested
               and exists (select from users where id = $1 and account_uid = $2)",
            user,
            uid,
        )
        .execute(&mut *transaction)
        .await?;
        effect("transfer", transaction.commit()).await?;
        Ok(transferred.rows_affected() == 1)
    }

    async fn mark_deleting(&self, user: Uuid, uid: &str) -> Result<bool> {
        let mark = sqlx::query!(
            "update users set deleting = true, deletion_tried_at = now() where id = $1 and account_uid = $2",
            user,
            uid,
        );
        let marked = effect("mark_deleting", mark.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(marked.rows_affected() == 1)
    }

    async fn mark_retained(&self, user: Uuid, uid: &str) -> Result<bool> {
        let mark = sqlx::query!(
            "update users set retained = true
             where id = $1 and account_uid = $2
               and (exists (select from resources where user_id = $1)
                 or exists (select from create_attempts where user_id = $1 and state = 'open'))",
            user,
            uid,
        );
        let marked = effect("mark_retained", mark.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(marked.rows_affected() == 1)
    }

    async fn delete_user(&self, user: Uuid, uid: &str, kept: bool) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let is_deleted = delete(&mut transaction, user, uid, kept).await?;
        effect("delete_user", transaction.commit()).await?;
        Ok(is_deleted)
    }

    async fn tombstone(&self, uid: &str) -> Result<Option<Uuid>> {
        let mut transaction = self.pool.begin().await?;
        lock_object(&mut transaction, uid).await?;
        let user = sqlx::query_scalar!("select id from users where account_uid = $1", uid)
            .fetch_optional(&mut *transaction)
            .await?;
        if user.is_some() {
            return Ok(user);
        }
        sqlx::query!(
            "insert into user_tombstones (id, account_uid)
             select gen_random_uuid(), $1 where not exists (select from user_tombstones where account_uid = $1)",
            uid,
        )
        .execute(&mut *transaction)
        .await?;
        effect("tombstone", transaction.commit()).await?;
        Ok(None)
    }

    async fn delete_stale_user(&self, owner: &UsernameOwner, idle_for: Option<Duration>) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        // Waits for a concurrent transaction that opens an attempt, whose row the next statement then sees.
        // One that comes later finds the user deleted.
        sqlx::query!("select id from users where id = $1 for update", owner.user)
            .fetch_optional(&mut *transaction)
            .await?;
        sqlx::query!(
            "delete from users
             where id = $1 and account_uid is not distinct from $2 and not registered and not retained
               and ($3::float8 is null
                    or not exists (select from create_attempts where user_id = $1 and state = 'open'
                                                                 and deadline > now() - make_interval(secs => $3))
                   and not exists (select from resources where user_id = $1
                                                           and created_at > now() - make_interval(secs => $3)))",
            owner.user,
            owner.uid,
            idle_for.map(|time| time.as_secs_f64()),
        )
        .execute(&mut *transaction)
        .await?;
        effect("delete_stale_user", transaction.commit()).await?;
        Ok(())
    }

    async fn deleted_users(&self, users: &[Uuid]) -> Result<Vec<Uuid>> {
        let deleted = sqlx::query_scalar!(
            "select distinct id from user_tombstones where id = any($1) and not resources_kept and id not in (select id from users)",
            users,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(deleted)
    }
}

/// Serializes the claim and the tombstone of one object: the later one sees what the earlier one did.
async fn lock_object(connection: &mut PgConnection, uid: &str) -> Result<()> {
    let lock = sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended($1, 0))::text as "lock""#, uid);
    lock.fetch_one(connection).await?;
    Ok(())
}

/// Deletes the object's user with all its rows, and leaves tombstones for the user, the object and the
/// username. Returns false, and leaves none, if the object does not own the user.
pub(super) async fn delete(
    connection: &mut PgConnection,
    user: Uuid,
    uid: &str,
    resources_kept: bool,
) -> Result<bool> {
    let deleted = sqlx::query_scalar!(
        r#"with deleted as (delete from users where id = $1 and account_uid = $2 returning id, username),
           username_tombstone as (
             insert into username_tombstones (username) select username_key(username) from deleted
             on conflict (username) do update set deleted_at = now()),
           user_tombstone as (
             insert into user_tombstones (id, account_uid, resources_kept) select id, $2, $3 from deleted
             on conflict do nothing)
           select count(*) as "deleted!" from deleted"#,
        user,
        uid,
        resources_kept,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!("delete from user_tombstones where deleted_at < now() - interval '30 days'")
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from username_tombstones where deleted_at < now() - interval '1 year'")
        .execute(connection)
        .await?;
    Ok(deleted == 1)
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

    fn row() -> UsernameOwner {
        UsernameOwner {
            user: Uuid::from_u128(1),
            username: "todd".to_owned(),
            account: account(),
            uid: Some("earlier".to_owned()),
            cluster: Some("here".to_owned()),
            is_cluster_live: true,
            registered: false,
            retained: false,
            interrupted_deletion: None,
            is_new: false,
        }
    }

    /// Returns the result for an object `later` of the same account in a cluster.
    fn judged(owner: UsernameOwner, of: &str, is_deleted: bool) -> Claim {
        let (account, cluster) = (account(), cluster(of));
        let (username, uid, known, registration) = ("todd", "later", None, None);
        let claimant = Claimant {
            username,
            account: &account,
            uid,
            known,
            registration,
            cluster: &cluster,
            is_deleted,
            renewal_token: None,
            is_aws_listed: true,
        };
        claimant.judge(owner)
    }

    #[test]
    fn a_row_with_the_objects_uid_is_held_whatever_else_differs() {
        let own = UsernameOwner { uid: Some("later".to_owned()), registered: true, ..row() };
        for username in ["todd", "Todd"] {
            let own = UsernameOwner { username: username.to_owned(), ..own.clone() };
            assert_eq!(judged(own.clone(), "here", true), Claim::Held(own));
        }
    }

    #[test]
    fn a_row_of_an_earlier_object_is_held_only_if_everything_matches() {
        assert_eq!(judged(row(), "here", true), Claim::Held(row()));
        let registered = UsernameOwner { registered: true, ..row() };
        for uid in [None, Some("earlier".to_owned())] {
            let registered = UsernameOwner { uid, ..registered.clone() };
            assert_eq!(judged(registered, "here", false), Claim::Refused(ClaimRefusal::Registered));
        }
        let other_spelling = UsernameOwner { username: "Todd".to_owned(), ..row() };
        let refused = Claim::Refused(ClaimRefusal::SpellingMismatch(OtherOwner(other_spelling.clone())));
        assert_eq!(judged(other_spelling, "here", false), refused);
        let other = AccountRef { name: "other".to_owned(), ..account() };
        let taken = UsernameOwner { account: other, ..row() };
        assert_eq!(
            judged(taken.clone(), "here", false),
            Claim::Refused(ClaimRefusal::Taken(OtherOwner(taken)))
        );
    }

    #[test]
    fn a_row_of_an_expired_cluster_is_held_except_for_deletion() {
        let expired = UsernameOwner { is_cluster_live: false, ..row() };
        let refused = Claim::Refused(ClaimRefusal::OtherCluster("here".to_owned()));
        assert_eq!(judged(row(), "there", false), refused);
        assert_eq!(judged(expired.clone(), "there", true), refused);
        assert_eq!(judged(expired.clone(), "there", false), Claim::Held(expired));
        let unknown = UsernameOwner { cluster: None, ..row() };
        assert_eq!(judged(unknown.clone(), "there", true), Claim::Held(unknown));
    }
}
