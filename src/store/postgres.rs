//! The connection pool and the schema.

use std::{str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Error, Result};

/// The schema's history, in `migrations/`.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a statement waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was idle for longer is asked whether it is still there before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// The real database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) pool: PgPool,
}

impl Postgres {
    /// A pool that connects when first needed.
    ///
    /// # Errors
    /// [`Error::Url`] when the URL cannot be read.
    pub fn new(url: &SecretString, connections: u32) -> Result<Self> {
        let url = url.expose_secret();
        // sqlx takes any scheme, and would look for a PostgreSQL at the address of something else.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Error::Url);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| Error::Url)?;
        // Neither a statement nor a process that stands still in the middle of a transaction holds up others for longer.
        let limits = ["statement_timeout", "idle_in_transaction_session_timeout"].map(|limit| (limit, "15s"));
        let options = options.application_name("streamcat-operator").options(limits);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // By itself the pool asks each time, which for many short statements is one more each.
            .test_before_acquire(false)
            .before_acquire(|connection, before| {
                Box::pin(async move {
                    if before.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// [`Error::Newer`] when the schema is newer than this program; else what PostgreSQL said.
    pub async fn migrate(&self) -> Result<()> {
        match self.check_schema().await {
            Ok(()) => Ok(()),
            Err(Error::Older) => Ok(MIGRATIONS.run(&self.pool).await?),
            Err(error) => Err(error),
        }
    }

    /// Whether the schema is the one this program was written for.
    ///
    /// # Errors
    /// [`Error::Newer`] or [`Error::Older`] when it is not; else what PostgreSQL said.
    pub async fn check_schema(&self) -> Result<()> {
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        let version = match self.schema_version().await {
            Err(Error::Sql(error)) => return Err(self.cause(error).await.into()),
            other => other?,
        };
        match version {
            Some(found) if found > known => Err(Error::Newer { found, known }),
            Some(found) if found == known => Ok(()),
            _ => Err(Error::Older),
        }
    }

    /// What is really wrong when no connection could be had in time: the pool does not say.
    async fn cause(&self, error: sqlx::Error) -> sqlx::Error {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return error;
        }
        let options = self.pool.connect_options();
        let direct = PgConnection::connect_with(&options);
        match tokio::time::timeout(ACQUIRE_TIMEOUT, direct).await {
            Ok(Err(cause)) => cause,
            _ => error,
        }
    }

    /// The newest migration applied. The table is sqlx's own, and is not there before the first one.
    async fn schema_version(&self) -> Result<Option<i64>> {
        let present: Option<String> =
            sqlx::query_scalar("select to_regclass('_sqlx_migrations')::text").fetch_one(&self.pool).await?;
        if present.is_none() {
            return Ok(None);
        }
        let version = sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
            .fetch_one(&self.pool)
            .await?;
        Ok(version)
    }
}
