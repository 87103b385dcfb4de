//! Sessions of PostgreSQL: each connection must keep one of its own.
//!
//! A pooler can lend the same session to several clients, one transaction or one statement at a time. sqlx
//! prepares statements under names that start from 1 in each connection, so a client would run a statement
//! that another has prepared. Therefore each session is marked with a setting: a new session that is marked
//! already, and a session that has lost its mark, are shared.

use std::{io::ErrorKind, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgConnectOptions};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Error, Result};

/// Setting that marks a session.
pub(super) const SETTING: &str = "streamcat.session";

/// Number of times that the check makes the pooler choose again. While the pool is idle, once is enough;
/// other clients can interfere by chance.
const ROUNDS: usize = 3;

/// Delay between two attempts to reach a server that starts.
const CONNECT_RETRY_DELAY: Duration = Duration::from_millis(250);

/// Begins the session of a new connection: marks it, and sets its limits.
///
/// # Errors
/// [`Error::Shared`] if another client has used the session.
pub(super) async fn begin(
    connection: &mut PgConnection,
    mark: Uuid,
    settings: &[(String, String)],
) -> Result<()> {
    // One simple query, which no pooler divides. Neither a slow statement nor a process that stalls inside a
    // transaction blocks others for longer than the limits.
    let begin = format!(
        "select current_setting('{SETTING}', true);
         select set_config('{SETTING}', '{mark}', false), set_config('statement_timeout', '15s', false),
                set_config('idle_in_transaction_session_timeout', '15s', false)"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(begin)).fetch_all(&mut *connection).await?;
    let earlier: Option<String> = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
    // A setting that was reset is empty.
    if earlier.is_some_and(|mark| !mark.is_empty()) {
        return Err(Error::Shared);
    }
    for (name, value) in settings {
        let set = sqlx::query("select set_config($1, $2, false)").bind(name).bind(value);
        // The message of PostgreSQL repeats the name or the value, which are a part of the URL.
        set.persistent(false).execute(&mut *connection).await.map_err(|error| match error {
            sqlx::Error::Database(_) => Error::Options,
            error => error.into(),
        })?;
    }
    Ok(())
}

/// Checks that the connection still has the session that it began with.
///
/// # Errors
/// [`Error::Shared`] if it has another one.
pub(super) async fn check(connection: &mut PgConnection, mark: Uuid) -> Result<()> {
    let query = format!("select current_setting('{SETTING}', true)");
    let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(connection).await?;
    let found: Option<String> = row.try_get(0)?;
    if found.is_some_and(|found| found == mark.to_string()) { Ok(()) } else { Err(Error::Shared) }
}

/// Checks, with two connections outside of the pool, that a pooler (if there is one) gives each connection a
/// session of its own. `patience` is the time to wait for the server.
///
/// # Errors
/// [`Error::Shared`] if it does not, [`Error::Options`], or the error from PostgreSQL.
pub(super) async fn check_isolation(
    options: &PgConnectOptions,
    settings: &[(String, String)],
    patience: Duration,
) -> Result<()> {
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let begun = tokio::time::timeout(patience, async {
        let mut first = connect(options, patience).await?;
        begin(&mut first, one, settings).await?;
        Ok::<_, Error>(first)
    });
    let mut first = begun.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    let begun = tokio::time::timeout(patience, async {
        let mut second = PgConnection::connect_with(options).await?;
        begin(&mut second, other, settings).await?;
        Ok(second)
    });
    let checked = match begun.await {
        Ok(Ok(mut second)) => {
            let compared = tokio::time::timeout(patience, compare(&mut first, one, &mut second, other)).await;
            let _ = second.close().await;
            compared.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
        }
        // PostgreSQL itself has no second session, so nobody can share the first one.
        Ok(Err(Error::Sql(sqlx::Error::Database(error))))
            if error.code().as_deref() == Some(TOO_MANY_CONNECTIONS) =>
        {
            Ok(())
        }
        // A pooler's refusal says nothing about the sessions behind it.
        Ok(Err(error)) => Err(error),
        Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
    };
    let _ = first.close().await;
    checked
}

/// Connects. Waits for a server that starts, as the pool does.
async fn connect(options: &PgConnectOptions, patience: Duration) -> sqlx::Result<PgConnection> {
    let deadline = Instant::now() + patience.saturating_sub(CONNECT_RETRY_DELAY);
    loop {
        let connected = PgConnection::connect_with(options).await;
        let is_starting = match &connected {
            Err(sqlx::Error::Io(error)) => error.kind() == ErrorKind::ConnectionRefused,
            Err(sqlx::Error::Database(error)) => error.is_transient_in_connect_phase(),
            _ => false,
        };
        if !is_starting || Instant::now() >= deadline {
            return connected;
        }
        tokio::time::sleep(CONNECT_RETRY_DELAY).await;
    }
}

/// Makes a pooler choose a session for each of two connections, again and again. Both keep theirs only if no
/// other client can get it.
async fn compare(first: &mut PgConnection, mark: Uuid, second: &mut PgConnection, other: Uuid) -> Result<()> {
    for _ in 0..ROUNDS {
        check(first, mark).await?;
        check(second, other).await?;
        // Both hold a session for the time of a transaction, and give it back in this order. A pooler that
        // lends the session that was given back last then has the second one's for the first.
        transaction(first, "begin").await?;
        check(first, mark).await?;
        transaction(second, "begin").await?;
        check(second, other).await?;
        transaction(first, "commit").await?;
        transaction(second, "commit").await?;
        // A pooler that lends its sessions in turn has another one for the second of these.
        check(first, mark).await?;
        check(first, mark).await?;
        check(second, other).await?;
    }
    Ok(())
}

/// Begins or commits a transaction. A pooler that shares sessions by statement rejects transactions.
async fn transaction(connection: &mut PgConnection, statement: &'static str) -> Result<()> {
    match sqlx::raw_sql(statement).execute(connection).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(PROTOCOL_VIOLATION) => {
            Err(Error::Shared)
        }
        Err(error) => Err(error.into()),
    }
}

/// Error code of a pooler's own errors.
pub(super) const PROTOCOL_VIOLATION: &str = "08P01";

/// Code of PostgreSQL's error at its limit of connections.
pub(super) const TOO_MANY_CONNECTIONS: &str = "53300";
