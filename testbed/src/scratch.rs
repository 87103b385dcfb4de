//! PostgreSQL without a cluster: a database with the schema of `migrations/`.

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use crate::network::Network;
use crate::postgres::Postgres;
use crate::temp_dir::TempDir;
use crate::{Error, workspace};

/// A database that is removed on drop.
pub struct ScratchDatabase {
    url: String,
    // Dropped in this order: the server stops before its directory is removed.
    _postgres: Postgres,
    _temp_dir: TempDir,
}

impl ScratchDatabase {
    /// Starts a server and applies `migrations/` from the work tree. It does not use the operator, which
    /// cannot be built while `.sqlx/` is out of date.
    ///
    /// # Errors
    /// If PostgreSQL does not start, or a migration fails.
    pub async fn start() -> Result<Self, Error> {
        let temp_dir = TempDir::create()?;
        let postgres = Postgres::start(&temp_dir, Network::Loopback).await?;
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
