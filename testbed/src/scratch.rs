//! PostgreSQL alone: a database with the schema of `migrations/`, for what needs no cluster.

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use crate::postgres::Postgres;
use crate::temp_dir::TempDir;
use crate::{Error, workspace};

/// A database that ends with this value.
pub struct ScratchDatabase {
    url: String,
    // In this order: the server ends before its folder goes.
    _postgres: Postgres,
    _temp_dir: TempDir,
}

impl ScratchDatabase {
    /// Starts a server and applies `migrations/` as they are in the work tree. It does so without the operator, which
    /// cannot be built while `.sqlx/` is out of date.
    ///
    /// # Errors
    /// When PostgreSQL does not come up, or a migration is wrong.
    pub async fn start() -> Result<Self, Error> {
        let temp_dir = TempDir::create()?;
        let postgres = Postgres::start(&temp_dir).await?;
        let url = postgres.server().create_database("scratch").await?;
        let migrations = workspace().join("migrations");
        let wrong = |e: sqlx::migrate::MigrateError| Error::Unexpected(format!("migrations/: {e}"));
        let migrator = Migrator::new(migrations.as_path()).await.map_err(wrong)?;
        let mut connection =
            PgConnection::connect(&url).await.map_err(Error::sql("connect to the new database"))?;
        migrator.run(&mut connection).await.map_err(wrong)?;
        Ok(Self { url, _postgres: postgres, _temp_dir: temp_dir })
    }

    /// Its URL, with the password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
