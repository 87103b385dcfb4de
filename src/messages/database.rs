//! A database that this program cannot use, or must not use now.

use std::time::Duration;

pub(crate) const NOT_A_URL: &str = "DATABASE_URL is not a PostgreSQL URL: write it as postgres://user:password@host:5432/database (a special character in the password as %XX)";

/// `found`: the version of the latest migration in the database. `minimum`: the version that a program has to
/// know. `known`: the version of the latest migration of this program.
pub(crate) fn newer_schema(found: i64, minimum: i64, known: i64) -> String {
    format!(
        "the database schema (version {found}) is newer than this program supports: it requires programs that know version {minimum}, and this one knows version {known}; run the newer version of the operator, or restore the database"
    )
}

/// `found` and `known`: the versions of the latest migration in the database and in this program.
pub(crate) fn compatible_schema(found: i64, known: i64) -> String {
    format!(
        "the schema (version {found}) is newer than this program (version {known}), which still works with it"
    )
}

pub(crate) const SHARED_SESSIONS: &str = "DATABASE_URL leads to a connection pooler that shares PostgreSQL sessions among its clients, which would run each other's statements: in PgBouncer, set pool_mode = session for this database or user (with server_reset_query = DISCARD ALL, the default), or connect to PostgreSQL itself";

pub(crate) const OLDER_SCHEMA: &str =
    "the database schema is not up to date: run `streamcat-operator migrate` first";

pub(crate) const RECORDS_REPLACED: &str = "PostgreSQL does not have the token of the Lease: it was restored, or another controller leads. Nothing is created before all resources in AWS are listed.";

pub(crate) fn no_renewal_token(timeout: Duration) -> String {
    format!("PostgreSQL has not accepted the token of the Lease within {} s.", timeout.as_secs())
}

pub(crate) const AWS_NOT_LISTED: &str =
    "AWS may have resources of this account, so that the account waits until AWS is listed.";

/// `other` and `cluster`: the ids of the cluster that holds the lease and of this one.
pub(crate) fn held_by_other_cluster(
    other: &str,
    seen_at: &str,
    cluster: &str,
    takeover_after: Duration,
) -> String {
    format!(
        "Cluster {other} holds the lease on this database and was last seen at {seen_at}. This cluster ({cluster}) changes nothing until the other one has not been seen for {} s (--cluster-takeover-after).",
        takeover_after.as_secs()
    )
}
