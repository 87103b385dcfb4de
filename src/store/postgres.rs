//! The connection pool and the schema migrations.

use std::{str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Error, Result};

/// The migrations in `migrations/`.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Privileges of the programs' roles. Unlike a migration, this script runs each time.
const GRANTS: &str = include_str!("../../migrations/grants.sql");

/// Maximum time a statement waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum idle time after which a connection is used without a ping.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The store in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) pool: PgPool,
}

impl Postgres {
    /// Creates a pool that connects on first use.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL cannot be parsed.
    pub fn new(url: &SecretString, connections: u32) -> Result<Self> {
        let url = url.expose_secret();
        // sqlx accepts any scheme, and would look for PostgreSQL at the address of another service.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Error::Url);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| Error::Url)?;
        // Neither a slow statement nor a process that stalls inside a transaction blocks others for longer
        // than this.
        let limits = ["statement_timeout", "idle_in_transaction_session_timeout"].map(|limit| (limit, "15s"));
        let options = options.application_name("streamcat-operator").options(limits);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // By default, the pool pings before each use, which doubles the round trips of short statements.
            .test_before_acquire(false)
            .before_acquire(|connection, before| {
                Box::pin(async move {
                    if before.idle_for > PING_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// Applies the pending migrations, then the grants.
    ///
    /// # Errors
    /// [`Error::Newer`] if the schema is newer than this program, or the error from PostgreSQL.
    pub async fn migrate(&self) -> Result<()> {
        match self.check_schema().await {
            Ok(()) => {}
            Err(Error::Older) => MIGRATIONS.run(&self.pool).await?,
            Err(error) => return Err(error),
        }
        self.grant().await
    }

    /// Grants the programs' roles their privileges.
    async fn grant(&self) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        // PostgreSQL rejects concurrent grants on the same table.
        sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('grants', 0))::text as "lock""#)
            .fetch_one(&mut *transaction)
            .await?;
        sqlx::raw_sql(GRANTS).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Checks that the schema is the one that this program was built for.
    ///
    /// # Errors
    /// [`Error::Newer`] or [`Error::Older`] if it is not, or the error from PostgreSQL.
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

    /// Returns the cause of a pool timeout, which the pool does not report. Other errors are returned
    /// unchanged.
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

    /// Returns the version of the latest applied migration. The table belongs to sqlx, and does not exist
    /// before the first migration.
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
