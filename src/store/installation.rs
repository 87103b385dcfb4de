//! The installation id that the database stores.

use super::{Postgres, Result};

impl Postgres {
    /// Returns the installation id that this database was first used with, and stores `proposed` if it has
    /// none.
    ///
    /// # Errors
    /// Returns the error from PostgreSQL.
    pub async fn installation(&self, proposed: &str) -> Result<String> {
        sqlx::query!("insert into installation (id) values ($1) on conflict do nothing", proposed)
            .execute(&mut *self.pool.acquire().await?)
            .await?;
        Ok(sqlx::query_scalar!("select id from installation")
            .fetch_one(&mut *self.pool.acquire().await?)
            .await?)
    }

    /// Returns the installation id that this database was first used with, if any.
    ///
    /// # Errors
    /// Returns the error from PostgreSQL.
    pub async fn known_installation(&self) -> Result<Option<String>> {
        Ok(sqlx::query_scalar!("select id from installation")
            .fetch_optional(&mut *self.pool.acquire().await?)
            .await?)
    }
}
