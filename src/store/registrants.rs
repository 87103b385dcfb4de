//! Users who registered on the page, each with a registration: the task of creating or deleting the account.

use std::{net::IpAddr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, PgExecutor, postgres::types::PgInterval};
use uuid::Uuid;

use super::{Audit, Postgres, Result};
use crate::{api::AccountRef, failpoint::effect};

/// Unique constraint on the Idempotency-Key.
const KEY: &str = "registrations_idempotency_key";

/// SHA-256 of an Idempotency-Key.
pub type KeyHash = [u8; 32];

/// A user, from the registration page's point of view.
#[derive(Clone, Debug)]
pub struct Registrant {
    /// Id of the user.
    pub id: Uuid,
    /// Username as it was first typed.
    pub username: String,
    /// Argon2id hash in PHC string form. None for a user whose account was created with kubectl.
    pub password_hash: Option<SecretString>,
    /// Namespace of the account that owns the user.
    pub account_namespace: String,
    /// Name of that account.
    pub account_name: String,
    /// UID of its object. None until the controller has seen one.
    pub account_uid: Option<String>,
    /// Hash of the Idempotency-Key of the request that created the user.
    pub key: Option<Vec<u8>>,
    /// True if the account is still to be created or deleted.
    pub open: bool,
    /// True if the account is to be deleted, whether it was created or not.
    pub delete_requested: bool,
    /// Incremented by each lease of the registration; see [`Registrants::lease`].
    pub fencing_token: i64,
}

/// A user to be added.
#[derive(Debug)]
pub struct NewRegistrant<'a> {
    /// Username as typed.
    pub username: &'a str,
    /// Argon2id hash in PHC string form.
    pub password_hash: &'a SecretString,
    /// Namespace of the account to create.
    pub account_namespace: &'a str,
    /// Name of the account to create.
    pub account_name: &'a str,
    /// Hash of the request's Idempotency-Key.
    pub key: Option<&'a KeyHash>,
    /// Time for which the username of a deleted account cannot be registered.
    pub held_back: Option<Duration>,
    /// IP address of the client, for the audit log.
    pub address: IpAddr,
}

/// Result of adding a user.
#[derive(Debug)]
pub enum Addition {
    /// The user and the registration were added. The registration is leased to the caller.
    Added(Registrant),
    /// A user has the username.
    Exists,
    /// An account with the username was deleted recently.
    HeldBack,
    /// Another user has the Idempotency-Key.
    KeyUsed,
}

/// The users, from the registration page's point of view. The audit log records additions and rollbacks.
pub trait Registrants: Audit {
    /// Returns the user with this username, or with one that has the same key.
    fn registrant(&self, username: &str) -> impl Future<Output = Result<Option<Registrant>>> + Send;

    /// Returns the username of the user whom a request with this Idempotency-Key created.
    fn username_by_key(&self, key: &KeyHash) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Adds a user, the registration and the row of the audit log: all, or nothing.
    fn add(&self, new: &NewRegistrant<'_>) -> impl Future<Output = Result<Addition>> + Send;

    /// Leases the registration of a user for a short time. Earlier lessees can no longer complete it or roll
    /// it back. Returns None if the user does not exist, or has requested the account's deletion.
    fn lease(&self, registrant: &Registrant) -> impl Future<Output = Result<Option<Registrant>>> + Send;

    /// Leases at most `most` registrations that are due.
    fn lease_due(&self, most: i64) -> impl Future<Output = Result<Vec<Registrant>>> + Send;

    /// Marks the registration as completed, unless another process has leased it since.
    fn complete_registration(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;

    /// Delays the next attempt, with a backoff that grows with the number of leases.
    fn reschedule(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;

    /// Records that the account is to be deleted, whether it was created or not, and ends all sessions of the
    /// user. The current lessee can no longer complete the registration. Once its lease expires, the
    /// registration is due.
    fn request_deletion(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a user who never had an account, unless another process has leased the registration since.
    /// Returns true if it did.
    fn rollback_registration(&self, registrant: &Registrant) -> impl Future<Output = Result<bool>> + Send;

    /// Returns the number of registrations that are not completed.
    fn pending(&self) -> impl Future<Output = Result<i64>> + Send;
}

/// A registered user with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredUser {
    /// Id of the user.
    pub id: Uuid,
    /// Username as it was first typed.
    pub username: String,
    /// Account that owns the user.
    pub account: AccountRef,
    /// True if the spec of the account names settings or tags, or has named some.
    pub has_applied_fields: bool,
}

impl Postgres {
    /// Returns the registered users whose accounts are not being deleted, by namespace and name of the
    /// account.
    ///
    /// # Errors
    /// Returns the error from PostgreSQL.
    pub async fn registered_users(&self, namespace: Option<&str>) -> Result<Vec<RegisteredUser>> {
        let rows = sqlx::query!(
            r#"select id, username, account_namespace, account_name,
                 exists (select from applied_fields where user_id = id) as "has_applied_fields!"
             from users
             where registered and not deleting and ($1::text is null or account_namespace = $1)
             order by account_namespace, account_name"#,
            namespace,
        );
        let rows = rows.fetch_all(&mut *self.pool.acquire().await?).await?;
        let users = rows.into_iter().map(|row| {
            let account = AccountRef { namespace: row.account_namespace, name: row.account_name };
            RegisteredUser {
                id: row.id,
                username: row.username,
                account,
                has_applied_fields: row.has_applied_fields,
            }
        });
        Ok(users.collect())
    }
}

struct Row {
    id: Uuid,
    username: String,
    password_hash: Option<String>,
    account_namespace: String,
    account_name: String,
    account_uid: Option<String>,
    key: Option<Vec<u8>>,
    open: bool,
    delete_requested: bool,
    fencing_token: i64,
}

impl From<Row> for Registrant {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            username: row.username,
            password_hash: row.password_hash.map(SecretString::from),
            account_namespace: row.account_namespace,
            account_name: row.account_name,
            account_uid: row.account_uid,
            key: row.key,
            open: row.open,
            delete_requested: row.delete_requested,
            fencing_token: row.fencing_token,
        }
    }
}

impl Registrants for Postgres {
    async fn registrant(&self, username: &str) -> Result<Option<Registrant>> {
        let row = sqlx::query_as!(
            Row,
            r#"select id, username, password_hash, account_namespace, account_name, account_uid,
                      idempotency_key as "key?",
                      user_id is not null and completed_at is null as "open!",
                      coalesce(delete_requested, false) as "delete_requested!",
                      coalesce(fencing_token, 0) as "fencing_token!"
               from users left join registrations on user_id = id where username_key(username) = username_key($1)"#,
            username,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        Ok(row.map(Registrant::from))
    }

    async fn username_by_key(&self, key: &KeyHash) -> Result<Option<String>> {
        let username = sqlx::query_scalar!(
            "select username from users join registrations on user_id = id where idempotency_key = $1",
            key,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        Ok(username)
    }

    async fn add(&self, new: &NewRegistrant<'_>) -> Result<Addition> {
        let Some(delay) = new.held_back else {
            return effect("register", insert(&mut *self.pool.acquire().await?, new)).await;
        };
        let mut transaction = self.pool.begin().await?;
        let addition = insert(&mut *transaction, new).await?;
        if !matches!(addition, Addition::Added(_)) {
            return Ok(addition);
        }
        // Queried after the insert: if the insert waited for the row's deletion, the tombstone is visible
        // now.
        if is_held_back(&mut transaction, new.username, delay).await? {
            return Ok(Addition::HeldBack);
        }
        effect("register", transaction.commit()).await?;
        Ok(addition)
    }

    async fn lease(&self, registrant: &Registrant) -> Result<Option<Registrant>> {
        let token = sqlx::query_scalar!("select lease_registration($1)", registrant.id);
        let token = effect("lease", token.fetch_one(&mut *self.pool.acquire().await?)).await?;
        Ok(token.map(|fencing_token| Registrant { fencing_token, open: true, ..registrant.clone() }))
    }

    async fn lease_due(&self, most: i64) -> Result<Vec<Registrant>> {
        let rows = sqlx::query_as!(
            Row,
            r#"update registrations r set fencing_token = fencing_token + 1, due_at = now() + interval '15 seconds'
               from users
               where id = user_id and user_id in (
                 select user_id from registrations where completed_at is null and due_at <= now()
                 order by due_at limit $1 for update skip locked)
               returning id, username, password_hash, account_namespace, account_name, account_uid,
                         idempotency_key as "key?", true as "open!", delete_requested, fencing_token"#,
            most,
        );
        let rows = rows.fetch_all(&mut *self.pool.acquire().await?).await?;
        Ok(rows.into_iter().map(Registrant::from).collect())
    }

    async fn complete_registration(&self, registrant: &Registrant) -> Result<()> {
        let complete = sqlx::query!(
            "update registrations set completed_at = now(), delete_requested = false
             where user_id = $1 and fencing_token = $2",
            registrant.id,
            registrant.fencing_token,
        );
        effect("complete_registration", complete.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(())
    }

    async fn reschedule(&self, registrant: &Registrant) -> Result<()> {
        sqlx::query!(
            "update registrations set due_at = now() + interval '1 second' * least(60, 2 ^ least(fencing_token, 6))
             where user_id = $1 and fencing_token = $2",
            registrant.id,
            registrant.fencing_token,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    async fn request_deletion(&self, registrant: &Registrant) -> Result<()> {
        let request = sqlx::query!(
            "with ended as (delete from sessions where user_id = $1)
             update registrations
             set delete_requested = true, fencing_token = fencing_token + 1, completed_at = null,
                 due_at = least(due_at, now() + interval '15 seconds')
             where user_id = $1",
            registrant.id,
        );
        effect("request_deletion", request.execute(&mut *self.pool.acquire().await?)).await?;
        Ok(())
    }

    async fn rollback_registration(&self, registrant: &Registrant) -> Result<bool> {
        let rolled_back = sqlx::query_scalar!(
            r#"select rollback_registration($1, $2) as "rolled_back!""#,
            registrant.id,
            registrant.fencing_token,
        );
        Ok(effect("rollback_registration", rolled_back.fetch_one(&mut *self.pool.acquire().await?)).await?)
    }

    async fn pending(&self) -> Result<i64> {
        let pending = sqlx::query_scalar!(
            r#"select count(*) as "pending!" from registrations where completed_at is null"#
        );
        Ok(pending.fetch_one(&mut *self.pool.acquire().await?).await?)
    }
}

/// Inserts the user, the registration and the row of the audit log, in one statement.
async fn insert(executor: impl PgExecutor<'_>, new: &NewRegistrant<'_>) -> Result<Addition> {
    let inserted = sqlx::query_scalar!(
        "select add_registrant($1, $2, $3, $4, $5, $6::text::inet)",
        new.username,
        new.password_hash.expose_secret(),
        new.account_namespace,
        new.account_name,
        new.key.map(<[u8; 32]>::as_slice),
        new.address.to_string(),
    );
    match inserted.fetch_one(executor).await {
        Ok(Some(id)) => Ok(Addition::Added(added(id, new))),
        Ok(None) => Ok(Addition::Exists),
        Err(sqlx::Error::Database(error)) if error.constraint() == Some(KEY) => Ok(Addition::KeyUsed),
        Err(error) => Err(error.into()),
    }
}

fn added(id: Uuid, new: &NewRegistrant<'_>) -> Registrant {
    Registrant {
        id,
        username: new.username.to_owned(),
        password_hash: Some(new.password_hash.clone()),
        account_namespace: new.account_namespace.to_owned(),
        account_name: new.account_name.to_owned(),
        account_uid: None,
        key: new.key.map(|key| key.to_vec()),
        open: true,
        delete_requested: false,
        fencing_token: 1,
    }
}

/// Returns true if an account with this username was deleted less than `delay` ago.
async fn is_held_back(connection: &mut PgConnection, username: &str, delay: Duration) -> Result<bool> {
    let delay = PgInterval::try_from(delay).map_err(sqlx::Error::Encode)?;
    let held = sqlx::query_scalar!(
        r#"select exists (select from username_tombstones
                          where username = username_key($1) and deleted_at > now() - $2::interval) as "held!""#,
        username,
        delay,
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}
