//! The connection pool and the schema migrations.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgPoolOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    Error, Result,
    batch::Batcher,
    database_url::DatabaseUrl,
    journal::{OpenAttempts, RecordCreated},
    pool::Pool,
    session,
};
use crate::messages;

/// The migrations in `migrations/`.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Privileges of the programs' roles. Unlike a migration, this script runs each time.
const GRANTS: &str = include_str!("../../migrations/grants.sql");

/// Maximum time a statement waits for its turn, and then for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum idle time after which a connection is used without a check.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// A schema that this program works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The schema that this program was built for.
    Current,
    /// A newer one. Its later migrations only add to the schema that this program was built for.
    Newer {
        /// Version of the latest migration in the database.
        found: i64,
        /// Version of the latest migration of this program.
        known: i64,
    },
}

impl Schema {
    /// Returns a note for people if the schema is newer.
    #[must_use]
    pub fn note(self) -> Option<String> {
        match self {
            Self::Current => None,
            Self::Newer { found, known } => Some(messages::database::compatible_schema(found, known)),
        }
    }
}

/// The store in a PostgreSQL database.
#[derive(Clone)]
pub struct Postgres {
    pub(super) pool: Pool,
    /// Mark of the sessions of this pool.
    mark: Uuid,
    /// Settings of each session.
    settings: Arc<[(String, String)]>,
    /// Set once the sessions are known not to be shared.
    isolation: Arc<OnceCell<()>>,
    /// Attempts to be opened.
    pub(super) opens: Arc<Batcher<OpenAttempts>>,
    /// Created resources to be recorded.
    pub(super) records: Arc<Batcher<RecordCreated>>,
}

/// Omits the settings, which are a part of the database's URL.
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
        let pool = Pool::new(pool, connections, ACQUIRE_TIMEOUT);
        let opens = Batcher::new(OpenAttempts(pool.clone()));
        let records = Batcher::new(RecordCreated(pool.clone()));
        Ok(Self { pool, mark, settings, isolation: Arc::default(), opens, records })
    }

    /// Applies the pending migrations, then the grants. Changes nothing in a newer schema. Returns the
    /// schema.
    ///
    /// # Errors
    /// [`Error::Newer`] if this program does not work with a newer schema, or the error from PostgreSQL.
    pub async fn migrate(&self) -> Result<Schema> {
        match self.check_schema().await {
            Ok(Schema::Current) => {}
            Err(Error::Older) => MIGRATIONS.run(self.pool.without_lanes()).await?,
            newer => return newer,
        }
        self.grant().await?;
        self.check_schema().await
    }

    /// Grants the programs' roles their privileges, unless a newer program has done so: these grants are not
    /// for its schema.
    async fn grant(&self) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        // PostgreSQL rejects concurrent grants on the same table.
        sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('grants', 0))::text as "lock""#)
            .fetch_one(&mut *transaction)
            .await?;
        if schema_version(&mut transaction).await? > Some(known_version()) {
            return Ok(());
        }
        sqlx::raw_sql(GRANTS).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Checks that this program works with the schema.
    ///
    /// # Errors
    /// [`Error::Newer`] or [`Error::Older`] if it does not, [`Error::Shared`] if a pooler shares sessions, or
    /// the error from PostgreSQL.
    pub async fn check_schema(&self) -> Result<Schema> {
        self.isolation.get_or_try_init(|| self.check_isolation()).await?;
        let known = known_version();
        match self.versions(known).await {
            Err(Error::Sql(error)) => Err(self.cause(error).await),
            versions => {
                let (found, minimum) = versions?;
                compare(known, found, minimum)
            }
        }
    }

    /// Returns the version of the schema, and the minimum version of a program if the schema is newer than
    /// `known`. An older schema may lack the table.
    async fn versions(&self, known: i64) -> Result<(Option<i64>, i64)> {
        let mut connection = self.pool.acquire().await?;
        let found = schema_version(&mut connection).await?;
        if found <= Some(known) {
            return Ok((found, 0));
        }
        let minimum = sqlx::query_scalar!("select minimum_version from schema_compatibility")
            .fetch_one(&mut *connection)
            .await?;
        Ok((found, minimum))
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
}

/// Returns the version of the latest migration of this program.
fn known_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Compares the version that this program knows with that of the schema, and with the minimum version of a
/// program that the schema requires.
fn compare(known: i64, found: Option<i64>, minimum: i64) -> Result<Schema> {
    match found {
        Some(found) if known < minimum => Err(Error::Newer { found, minimum, known }),
        Some(found) if found > known => Ok(Schema::Newer { found, known }),
        Some(found) if found == known => Ok(Schema::Current),
        _ => Err(Error::Older),
    }
}

/// Returns the version of the latest applied migration. The table belongs to sqlx, and does not exist before
/// the first migration.
async fn schema_version(connection: &mut PgConnection) -> Result<Option<i64>> {
    let present: Option<String> = sqlx::query_scalar("select to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut *connection)
        .await?;
    if present.is_none() {
        return Ok(None);
    }
    let version = sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(connection)
        .await?;
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_works_with_newer_schemas_up_to_a_breaking_one() {
        assert!(matches!(compare(5, None, 0), Err(Error::Older)));
        assert!(matches!(compare(5, Some(4), 0), Err(Error::Older)));
        assert!(matches!(compare(5, Some(5), 0), Ok(Schema::Current)));
        assert!(matches!(compare(5, Some(8), 5), Ok(Schema::Newer { found: 8, known: 5 })));
        assert!(matches!(compare(5, Some(8), 6), Err(Error::Newer { found: 8, minimum: 6, known: 5 })));
    }

    #[test]
    fn a_migration_that_removes_something_says_that_it_breaks_older_programs() {
        let removals =
            ["drop table", "drop column", "drop function", "drop view", "rename ", "set not null", " type "];
        let compatibility =
            MIGRATIONS.iter().find(|migration| migration.description == "schema compatibility");
        let first = compatibility.expect("the migration with the table").version;
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > first) {
            let sql = migration.sql.as_str().to_lowercase();
            let statements = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
            let removal = statements.clone().find(|line| removals.iter().any(|words| line.contains(words)));
            let says_so = statements.into_iter().any(|line| line.contains("update schema_compatibility"));
            assert!(
                removal.is_none() || says_so,
                "{}: {removal:?} may break older programs: see \"Adding a migration\" in CONTRIBUTING.md",
                migration.version
            );
        }
    }

    #[tokio::test]
    async fn debug_output_has_no_part_of_the_url() {
        let url =
            "postgres://canary:canary@canary/canary?password=canary&options[canary]=canary&sslkey=canary";
        let store = Postgres::new(&SecretString::from(url), 1).expect("a store");
        assert!(!format!("{store:?}").contains("canary"), "{store:?}");
    }
}
