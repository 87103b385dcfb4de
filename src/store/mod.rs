//! PostgreSQL: users, their resources, the journal of create attempts, and the orphan list.

mod absences;
mod audit;
mod clusters;
mod in_flight;
mod installation;
mod journal;
mod orphans;
mod pending_updates;
mod postgres;
mod registrants;
mod resources;
mod rows;
mod sessions;
mod users;

pub use absences::{AbsenceChanges, Absences, Evidence, Missing, MissingRow};
pub use audit::{Audit, AuditEntry, AuditEvent};
pub use clusters::{ClusterIdentity, Clusters, OtherCluster};
pub use in_flight::InFlight;
pub use journal::{AttemptOutcome, Journal};
pub use orphans::{Abandonment, Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans};
pub use pending_updates::PendingUpdate;
pub use postgres::{MIGRATIONS, Postgres, Schema};
pub use registrants::{Addition, KeyHash, NewRegistrant, Registrant, Registrants};
pub use resources::{RecordedResource, ResourceRecord, Resources};
pub use sessions::{Sessions, TokenHash};
pub use users::{Claim, ClaimRefusal, Claimant, OtherOwner, UsernameOwner, Users};

use crate::messages;

/// A database error. No message contains the database's URL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DATABASE_URL cannot be parsed. The message does not repeat it, since it contains a password.
    #[error("{}", messages::database::NOT_A_URL)]
    Url,
    /// A statement failed, or the database is unavailable.
    #[error("PostgreSQL: {0}")]
    Sql(#[from] sqlx::Error),
    /// A migration failed.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A newer version of the operator has migrated the schema so that this program does not work with it.
    #[error("{}", messages::database::newer_schema(*found, *minimum, *known))]
    Newer {
        /// Version of the latest migration in the database.
        found: i64,
        /// Version of the migration that a program has to know.
        minimum: i64,
        /// Version of the latest migration of this program.
        known: i64,
    },
    /// The schema is missing or outdated.
    #[error("{}", messages::database::OLDER_SCHEMA)]
    Older,
}

/// Result of a call to the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Converts seconds to a duration. Negative numbers become zero.
fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
