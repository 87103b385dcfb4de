//! How a user comes into the database.

use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgExecutor, postgres::types::PgInterval};
use uuid::Uuid;

use super::{Addition, NewRegistrant, Registrant, Result};

/// The constraint by which an Idempotency-Key is one user's.
const KEY: &str = "registrations_idempotency_key";

/// The user, the intention and the row of the audit log, in one statement.
pub(super) async fn insert(executor: impl PgExecutor<'_>, new: &NewRegistrant<'_>) -> Result<Addition> {
    let inserted = sqlx::query_scalar!(
        "with added as (
           insert into users (username, password_hash, account_namespace, account_name)
           values ($1, $2, $3, $4)
           on conflict (username_key(username)) do nothing
           returning id, username
         ), intended as (
           insert into registrations (user_id, idempotency_key, due_at)
           select id, $5, now() + interval '15 seconds' from added
         ), noted as (
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
        unwanted: false,
        turn: 1,
    }
}

pub(super) async fn is_held_back(
    connection: &mut PgConnection,
    username: &str,
    time: Duration,
) -> Result<bool> {
    let time = PgInterval::try_from(time).map_err(sqlx::Error::Encode)?;
    let held = sqlx::query_scalar!(
        r#"select exists (select from former_usernames
                          where username = username_key($1) and freed_at > now() - $2::interval) as "held!""#,
        username,
        time,
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}
