//! The connection pool and the schema migrations.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection, PgPool, migrate::Migrator, postgres::PgPoolOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{Error, Result, database_url::DatabaseUrl, session};

/// The migrations in `migrations/`.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Privileges of the programs' roles. Unlike a migration, this script runs each time.
const GRANTS: &str = include_str!("../../migrations/grants.sql");

/// Maximum time a statement waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum idle time after which a connection is used without a check.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The store in a PostgreSQL database.
#[derive(Clone)]
pub struct Postgres {
    pub(super) pool: PgPool,
    /// Mark of the sessions of this pool.
    mark: Uuid,
    /// Settings of each session.
    settings: Arc<[(String, String)]>,
    /// Set once the sessions are known not to be shared.
    isolation: Arc<OnceCell<()>>,
}

/// Without the settings, which are a part of the database's URL.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Creates a pool that connects on first use.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is wrong or not supported.
    pub fn new(url: &SecretString, connections: u32) -> Result<Self> {
        let DatabaseUrl { options, settings } = url.expose_secret().parse()?;
        let (mark, settings) = (Uuid::new_v4(), Arc::<[_]>::from(settings));
        let session_settings = Arc::clone(&settings);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                let settings = Arc::clone(&session_settings);
                Box::pin(async move { Ok(session::begin(connection, mark, &settings).await?) })
            })
            // By default, the pool pings before each use, which doubles the round trips of short statements.
            .test_before_acquire(false)
            .before_acquire(move |connection, before| {
                Box::pin(async move {
                    if before.idle_for > CHECK_AFTER_IDLE {
                        session::check(connection, mark).await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, mark, settings, isolation: Arc::default() })
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
    /// [`Error::Newer`] or [`Error::Older`] if it is not, [`Error::Shared`] if a pooler shares sessions, or the
    /// error from PostgreSQL.
    pub async fn check_schema(&self) -> Result<()> {
        self.isolation.get_or_try_init(|| self.check_isolation()).await?;
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        let version = match self.schema_version().await {
            Err(Error::Sql(error)) => return Err(self.cause(error).await),
            other => other?,
        };
        match version {
            Some(found) if found > known => Err(Error::Newer { found, known }),
            Some(found) if found == known => Ok(()),
            _ => Err(Error::Older),
        }
    }

    /// Checks that no pooler shares the sessions of this pool with other clients.
    async fn check_isolation(&self) -> Result<()> {
        session::check_isolation(&self.pool.connect_options(), &self.settings, ACQUIRE_TIMEOUT).await
    }

    /// Returns the cause of a pool timeout, which the pool does not report. Other errors are returned
    /// unchanged.
    async fn cause(&self, error: sqlx::Error) -> Error {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return error.into();
        }
        let options = self.pool.connect_options();
        let direct = async {
            let mut direct = PgConnection::connect_with(&options).await?;
            session::begin(&mut direct, self.mark, &self.settings).await
        };
        match tokio::time::timeout(ACQUIRE_TIMEOUT, direct).await {
            Ok(Err(cause)) => cause,
            _ => error.into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn debug_output_has_no_part_of_the_url() {
        let url =
            "postgres://canary:canary@canary/canary?password=canary&options[canary]=canary&sslkey=canary";
        let store = Postgres::new(&SecretString::from(url), 1).expect("a store");
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
    }
}
