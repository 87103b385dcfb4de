//! PostgreSQL: users, what was made for them, the journal of attempts, and the orphan list.

mod adding;
mod audit;
mod clusters;
mod edits;
mod installation;
mod journal;
mod missing;
mod orphans;
mod postgres;
mod registrants;
mod resources;
mod rows;
mod sessions;
mod unsettled;
mod users;

pub use audit::{Audit, AuditEntry, AuditEvent};
pub use clusters::{ClusterIdentity, Clusters, OtherCluster};
pub use edits::Edit;
pub use journal::{AttemptEnd, Journal};
pub use missing::{AbsenceChanges, Absences, Evidence, Missing, MissingRow};
pub use orphans::{Abandonment, Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans};
pub use postgres::{MIGRATIONS, Postgres};
pub use registrants::{Addition, KeyHash, NewRegistrant, Registrant, Registrants};
pub use resources::{Recorded, Resources, UserRecord};
pub use sessions::{Sessions, TokenHash};
pub use unsettled::Unsettled;
pub use users::{Claim, Claimant, Holder, Other, Refusal, Users};

/// What went wrong with the database. No message holds its URL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DATABASE_URL cannot be read; the URL is not repeated, since it holds a password.
    #[error(
        "DATABASE_URL is not a PostgreSQL URL: write it as postgres://user:password@host:5432/database (a special character in the password as %XX)"
    )]
    Url,
    /// The database did not do what it was asked.
    #[error("PostgreSQL: {0}")]
    Sql(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A newer version of the operator has changed the schema.
    #[error(
        "the database's schema (version {found}) is newer than this program knows (version {known}): run the newer version, or restore the database"
    )]
    Newer {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration known here.
        known: i64,
    },
    /// The schema is missing or too old.
    #[error("the database's schema is not up to date: run `streamcat-operator migrate` first")]
    Older,
}

/// Result of a call to the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A time that PostgreSQL has counted in seconds; zero where that is below zero.
fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
