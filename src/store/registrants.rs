//! Users who came by the registration page, each with the intention to make their account.

use std::{net::IpAddr, time::Duration};

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Audit, Postgres, Result,
    adding::{insert, is_held_back},
};
use crate::failpoint::effect;

/// SHA-256 of an Idempotency-Key.
pub type KeyHash = [u8; 32];

/// A user, as the registration needs to know them.
#[derive(Clone, Debug)]
pub struct Registrant {
    /// Id of the row.
    pub id: Uuid,
    /// The username as it was first typed.
    pub username: String,
    /// Argon2id in PHC string form; None for a user who came by kubectl.
    pub password_hash: Option<SecretString>,
    /// Namespace of the account that holds this user.
    pub account_namespace: String,
    /// Name of that account.
    pub account_name: String,
    /// UID of its object; None until the controller has seen one.
    pub account_uid: Option<String>,
    /// The Idempotency-Key of the request that brought the user.
    pub key: Option<Vec<u8>>,
    /// Whether the account is still to be made, or to go.
    pub open: bool,
    /// Whether the account is to go, made or not.
    pub unwanted: bool,
    /// Grows whenever somebody takes up the making of the account; see [`Registrants::take_up`].
    pub turn: i64,
}

/// A user to be.
#[derive(Debug)]
pub struct NewRegistrant<'a> {
    /// The username as typed.
    pub username: &'a str,
    /// Argon2id in PHC string form.
    pub password_hash: &'a SecretString,
    /// Namespace of the account to be.
    pub account_namespace: &'a str,
    /// Name of the account to be.
    pub account_name: &'a str,
    /// The request's Idempotency-Key.
    pub key: Option<&'a KeyHash>,
    /// How long the username of a deleted account is nobody's.
    pub held_back: Option<Duration>,
    /// From where the request came, for the audit log.
    pub address: IpAddr,
}

/// What became of a user to be.
#[derive(Debug)]
pub enum Addition {
    /// The row is there, and with it the intention to make the account, taken up already.
    Added(Registrant),
    /// Somebody has the username.
    Exists,
    /// Somebody had the username until a while ago.
    HeldBack,
    /// The Idempotency-Key is another user's.
    KeyUsed,
}

/// The users, as the registration sees them; who comes and who is taken back is in the audit log.
pub trait Registrants: Audit {
    /// The user with this name, or one that looks like it.
    fn registrant(&self, username: &str) -> impl Future<Output = Result<Option<Registrant>>> + Send;

    /// The username of the user whom a request with this Idempotency-Key brought.
    fn username_by_key(&self, key: &KeyHash) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Adds a user together with the intention to make the account, and the row of the audit log: all, or nothing.
    fn add(&self, new: &NewRegistrant<'_>) -> impl Future<Output = Result<Addition>> + Send;

    /// Takes up the making of a user's account, so that nobody else does for a while, and whoever did before can no longer
    /// take the user back; None when the user is gone, or no longer wants it.
    fn take_up(&self, registrant: &Registrant) -> impl Future<Output = Result<Option<Registrant>>> + Send;

    /// Takes up at most so many intentions that nobody has at the moment.
    fn take_up_due(&self, most: i64) -> impl Future<Output = Result<Vec<Registrant>>> + Send;

    /// Notes that there is nothing left to make, unless somebody else has taken it up since.
    fn settle(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;

    /// Puts the next try off, the longer the more there were.
    fn put_off(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;

    /// Notes that a user no longer wants the account, made or not, and ends all sessions of the user. Whoever is making it can no longer settle it; once they are
    /// through, it is due.
    fn renounce(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;

    /// Takes back a user who never had an account, unless somebody else has taken it up since; whether it did.
    fn take_back(&self, registrant: &Registrant) -> impl Future<Output = Result<bool>> + Send;

    /// How many accounts are still to be made.
    fn pending(&self) -> impl Future<Output = Result<i64>> + Send;
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
    unwanted: bool,
    turn: i64,
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
            unwanted: row.unwanted,
            turn: row.turn,
        }
    }
}

impl Registrants for Postgres {
    async fn registrant(&self, username: &str) -> Result<Option<Registrant>> {
        let row = sqlx::query_as!(
            Row,
            r#"select id, username, password_hash, account_namespace, account_name, account_uid,
                      idempotency_key as "key?",
                      user_id is not null and settled_at is null as "open!",
                      coalesce(unwanted, false) as "unwanted!", coalesce(turn, 0) as "turn!"
               from users left join registrations on user_id = id where username_key(username) = username_key($1)"#,
            username,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(Registrant::from))
    }

    async fn username_by_key(&self, key: &KeyHash) -> Result<Option<String>> {
        let username = sqlx::query_scalar!(
            "select username from users join registrations on user_id = id where idempotency_key = $1",
            key,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(username)
    }

    async fn add(&self, new: &NewRegistrant<'_>) -> Result<Addition> {
        let Some(time) = new.held_back else { return effect("register", insert(&self.pool, new)).await };
        let mut transaction = self.pool.begin().await?;
        let addition = insert(&mut *transaction, new).await?;
        if !matches!(addition, Addition::Added(_)) {
            return Ok(addition);
        }
        // Asked after the insert: if that waited for the row's deletion, the freed name is seen here.
        if is_held_back(&mut transaction, new.username, time).await? {
            return Ok(Addition::HeldBack);
        }
        effect("register", transaction.commit()).await?;
        Ok(addition)
    }

    async fn take_up(&self, registrant: &Registrant) -> Result<Option<Registrant>> {
        let turn = sqlx::query_scalar!(
            "insert into registrations as r (user_id, due_at)
             select id, now() + interval '15 seconds' from users where id = $1
             on conflict (user_id) do update
             set turn = r.turn + 1, settled_at = null, due_at = excluded.due_at
             where not r.unwanted
             returning turn",
            registrant.id,
        );
        let turn = effect("take_up", turn.fetch_optional(&self.pool)).await?;
        Ok(turn.map(|turn| Registrant { turn, open: true, ..registrant.clone() }))
    }

    async fn take_up_due(&self, most: i64) -> Result<Vec<Registrant>> {
        let rows = sqlx::query_as!(
            Row,
            r#"update registrations r set turn = turn + 1, due_at = now() + interval '15 seconds'
               from users
               where id = user_id and user_id in (
                 select user_id from registrations where settled_at is null and due_at <= now()
                 order by due_at limit $1 for update skip locked)
               returning id, username, password_hash, account_namespace, account_name, account_uid,
                         idempotency_key as "key?", true as "open!", unwanted, turn"#,
            most,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(Registrant::from).collect())
    }

    async fn settle(&self, registrant: &Registrant) -> Result<()> {
        let settle = sqlx::query!(
            "update registrations set settled_at = now(), unwanted = false where user_id = $1 and turn = $2",
            registrant.id,
            registrant.turn,
        );
        effect("settle", settle.execute(&self.pool)).await?;
        Ok(())
    }

    async fn put_off(&self, registrant: &Registrant) -> Result<()> {
        sqlx::query!(
            "update registrations set due_at = now() + interval '1 second' * least(60, 2 ^ least(turn, 6))
             where user_id = $1 and turn = $2",
            registrant.id,
            registrant.turn,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn renounce(&self, registrant: &Registrant) -> Result<()> {
        let renounce = sqlx::query!(
            "with ended as (delete from sessions where user_id = $1)
             update registrations
             set unwanted = true, turn = turn + 1, settled_at = null,
                 due_at = least(due_at, now() + interval '15 seconds')
             where user_id = $1",
            registrant.id,
        );
        effect("renounce", renounce.execute(&self.pool)).await?;
        Ok(())
    }

    async fn take_back(&self, registrant: &Registrant) -> Result<bool> {
        let taken_back = sqlx::query_scalar!(
            r#"select take_back_registration($1, $2) as "taken_back!""#,
            registrant.id,
            registrant.turn,
        );
        Ok(effect("take_back", taken_back.fetch_one(&self.pool)).await?)
    }

    async fn pending(&self) -> Result<i64> {
        let pending = sqlx::query_scalar!(
            r#"select count(*) as "pending!" from registrations where settled_at is null"#
        );
        Ok(pending.fetch_one(&self.pool).await?)
    }
}
