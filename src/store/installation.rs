//! The id of the installation, as the database remembers it.

use super::{Postgres, Result};

impl Postgres {
    /// The id that this database was first used with; `proposed` if that is now.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub async fn installation(&self, proposed: &str) -> Result<String> {
        sqlx::query!("insert into installation (id) values ($1) on conflict do nothing", proposed)
            .execute(&self.pool)
            .await?;
        Ok(sqlx::query_scalar!("select id from installation").fetch_one(&self.pool).await?)
    }

    /// The id that this database was first used with, if it was used.
    ///
    /// # Errors
    /// What PostgreSQL said.
    pub async fn known_installation(&self) -> Result<Option<String>> {
        Ok(sqlx::query_scalar!("select id from installation").fetch_optional(&self.pool).await?)
    }
}
