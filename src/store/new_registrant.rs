//! Insertion of a user who registers on the page.

use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgExecutor, postgres::types::PgInterval};
use uuid::Uuid;

use super::{Addition, NewRegistrant, Registrant, Result};

/// Unique constraint on the Idempotency-Key.
const KEY: &str = "registrations_idempotency_key";

/// Inserts the user, the registration and the row of the audit log, in one statement.
pub(super) async fn insert(executor: impl PgExecutor<'_>, new: &NewRegistrant<'_>) -> Result<Addition> {
    let inserted = sqlx::query_scalar!(
        "with added as (
           insert into users (username, password_hash, account_namespace, account_name)
           values ($1, $2, $3, $4)
           on conflict (username_key(username)) do nothing
           returning id, username
         ), registration as (
           insert into registrations (user_id, idempotency_key, due_at)
           select id, $5, now() + interval '15 seconds' from added
         ), logged as (
           insert into audit_log (event, user_id, username, address)
           select 'registered', id, username, $6::text::inet from added)
         select id from added",
        new.username,
        new.password_hash.expose_secret(),
        new.account_namespace,
        new.account_name,
        new.key.map(<[u8; 32]>::as_slice),
        new.address.to_string(),
    );
    match inserted.fetch_optional(executor).await {
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
pub(super) async fn is_held_back(
    connection: &mut PgConnection,
    username: &str,
    delay: Duration,
) -> Result<bool> {
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
