//! PostgreSQL: users, their resources, the journal of create attempts, and the orphan list.

use std::{borrow::Cow, sync::Arc};

mod absences;
mod audit;
mod batch;
mod clusters;
mod continuity;
mod database_url;
mod drift_history;
mod in_flight;
mod installation;
mod journal;
mod orphans;
mod pending_updates;
mod pool;
mod postgres;
mod registrants;
mod renewal_tokens;
mod resources;
mod rows;
mod session;
mod sessions;
mod users;

pub use absences::{AbsenceChanges, Absences, Evidence, Missing, MissingRow};
pub use audit::{Audit, AuditEntry, AuditEvent};
pub use clusters::{ClusterIdentity, Clusters, OtherCluster};
#[cfg(test)]
pub(crate) use continuity::tests::FakeTokens;
pub use continuity::{ChainId, Continuity, RecordChain, TokenRotation};
pub use database_url::UrlError;
pub use in_flight::InFlight;
pub use journal::{AttemptOutcome, Journal};
pub use orphans::{Abandonment, Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans};
pub use pending_updates::PendingUpdate;
pub use postgres::{MIGRATIONS, Postgres, Schema};
pub use registrants::{Addition, KeyHash, NewRegistrant, Registrant, Registrants};
pub use renewal_tokens::{MAX_TOKEN_AGE, RenewalTokens, TokenScope};
pub use resources::{RecordedResource, RecordedUser, ResourceRecord, Resources};
pub use sessions::{Sessions, TokenHash};
pub use users::{Claim, ClaimRefusal, Claimant, OtherOwner, Transfer, UsernameOwner, Users};

use sqlx::migrate::MigrateError;

use crate::messages;

/// A database error. No message contains a part of the database's URL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DATABASE_URL is wrong or not supported.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// PostgreSQL rejects a setting of DATABASE_URL.
    #[error("PostgreSQL rejects the options in DATABASE_URL: check the names and the values of the settings")]
    Options,
    /// A pooler shares the sessions of PostgreSQL among its clients.
    #[error("{}", messages::database::SHARED_SESSIONS)]
    Shared,
    /// A statement failed, or the database is unavailable.
    #[error("PostgreSQL: {}", describe(.0))]
    Sql(#[from] sqlx::Error),
    /// A statement failed that served several callers. Each of them gets the error.
    #[error(transparent)]
    Batch(Arc<Self>),
    /// The database does not have the token of this controller's Lease: it was restored, or another
    /// controller leads. Nothing was written.
    #[error("{}", messages::database::RECORDS_REPLACED)]
    RecordsReplaced,
    /// AWS may have resources of the account, so that its claim has to wait for the first resync. Nothing was
    /// written.
    #[error("{}", messages::database::AWS_NOT_LISTED)]
    AwsNotListed,
    /// A migration failed.
    #[error("migration: {}", describe_migration(.0))]
    Migrate(#[from] MigrateError),
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

impl Error {
    /// Returns true if a setting must change before another start can succeed.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Options | Self::Shared)
    }
}

/// The conversion that the pool's callbacks need.
impl From<Error> for sqlx::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Sql(error) => error,
            error => Self::Configuration(Box::new(error)),
        }
    }
}

/// Describes an error of PostgreSQL, or of the way to it.
fn describe(error: &sqlx::Error) -> Cow<'_, str> {
    text_without_url(error).map_or_else(|| error.to_string().into(), Cow::Borrowed)
}

/// Returns the text that replaces the message of a refused connection, which repeats the user, the database,
/// or the host.
fn text_without_url(error: &sqlx::Error) -> Option<&'static str> {
    Some(match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01") => "the user or the password in DATABASE_URL is wrong (28P01)",
            Some("28000") => {
                "the server refuses the user of DATABASE_URL: check pg_hba.conf, sslmode, and that the role may log in (28000)"
            }
            Some(session::TOO_MANY_CONNECTIONS) => {
                "PostgreSQL accepts no more connections of this database, or of the user of DATABASE_URL (53300)"
            }
            Some("55000") if error.message().contains("accepting connections") => {
                "the database in DATABASE_URL accepts no connections (55000)"
            }
            Some("3D000") => "the database in DATABASE_URL does not exist (3D000)",
            Some("42501") if error.message().starts_with("permission denied for database") => {
                "the user of DATABASE_URL may not connect to the database, or may not create a schema there (42501)"
            }
            Some(session::PROTOCOL_VIOLATION) => {
                "the connection pooler refuses the connection: its log says why (08P01)"
            }
            _ => return None,
        },
        sqlx::Error::Tls(_) => {
            "the TLS connection failed: check sslmode, sslrootcert, sslcert, and sslkey in DATABASE_URL, and the server's certificate"
        }
        // The message of the TLS library lists the names.
        sqlx::Error::Io(error) if error.to_string().contains("not valid for") => {
            "the TLS connection failed: the server's certificate is for another host name than that of DATABASE_URL"
        }
        _ => return None,
    })
}

/// Describes an error of a migration, without a part of the database's URL.
fn describe_migration(error: &MigrateError) -> Cow<'_, str> {
    match error {
        MigrateError::Execute(error) => describe(error),
        MigrateError::ExecuteMigration(error, version) => format!("{version}: {}", describe(error)).into(),
        error => error.to_string().into(),
    }
}

/// Result of a call to the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Converts seconds to a duration. Negative numbers become zero.
fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
