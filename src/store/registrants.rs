//! Users who came by the registration page: found, added, taken back.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Postgres, Result};

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
    /// Changes whenever the row does; see [`Registrants::hold`].
    pub revision: String,
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
}

/// The users, as the registration sees them.
pub trait Registrants: Send + Sync + 'static {
    /// The user with this name, without regard to case.
    fn registrant(&self, username: &str) -> impl Future<Output = Result<Option<Registrant>>> + Send;

    /// Adds a user; None when somebody has the name already.
    fn add(&self, new: &NewRegistrant<'_>) -> impl Future<Output = Result<Option<Registrant>>> + Send;

    /// Marks the row as used by a second request of the same person, so that the first can no longer take it back;
    /// false when it is gone.
    fn hold(&self, registrant: &Registrant) -> impl Future<Output = Result<bool>> + Send;

    /// Takes back a user just added, unless the row has changed since: then somebody relies on it.
    fn take_back(&self, registrant: &Registrant) -> impl Future<Output = Result<()>> + Send;
}

impl Registrants for Postgres {
    async fn registrant(&self, username: &str) -> Result<Option<Registrant>> {
        let row = sqlx::query!(
            r#"select id, username, password_hash, account_namespace, account_name, xmin::text as "revision!"
               from users where lower(username) = lower($1)"#,
            username,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Registrant {
            id: row.id,
            username: row.username,
            password_hash: row.password_hash.map(SecretString::from),
            account_namespace: row.account_namespace,
            account_name: row.account_name,
            revision: row.revision,
        }))
    }

    async fn add(&self, new: &NewRegistrant<'_>) -> Result<Option<Registrant>> {
        let row = sqlx::query!(
            r#"insert into users (username, password_hash, account_namespace, account_name)
               values ($1, $2, $3, $4)
               on conflict (lower(username)) do nothing
               returning id, xmin::text as "revision!""#,
            new.username,
            new.password_hash.expose_secret(),
            new.account_namespace,
            new.account_name,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Registrant {
            id: row.id,
            username: new.username.to_owned(),
            password_hash: Some(new.password_hash.clone()),
            account_namespace: new.account_namespace.to_owned(),
            account_name: new.account_name.to_owned(),
            revision: row.revision,
        }))
    }

    async fn hold(&self, registrant: &Registrant) -> Result<bool> {
        // Writing the same value again gives the row a new xmin, which is all that is wanted.
        let held = sqlx::query!("update users set username = username where id = $1", registrant.id,)
            .execute(&self.pool)
            .await?;
        Ok(held.rows_affected() == 1)
    }

    async fn take_back(&self, registrant: &Registrant) -> Result<()> {
        sqlx::query!(
            "delete from users where id = $1 and xmin::text = $2",
            registrant.id,
            registrant.revision,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
