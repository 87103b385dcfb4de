//! Settings of the commands that do one thing and exit.

use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::{
    AwsSettings, DatabaseSettings, secret,
    values::{duration_or_zero, not_empty},
};

/// Settings of `orphans`.
#[derive(Clone, Debug, Args)]
pub struct OrphansSettings {
    /// URL of the PostgreSQL database, for example postgres://user:password@host:5432/streamcat. Never
    /// logged.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret, global = true)]
    pub database_url: Option<SecretString>,

    /// Print a JSON array instead of a table.
    #[arg(long, env = "STREAMCAT_JSON")]
    pub json: bool,

    /// Command for them. [default: list them]
    #[command(subcommand)]
    pub command: Option<OrphansCommand>,
}

/// The commands of `orphans`.
#[derive(Clone, Debug, Subcommand)]
pub enum OrphansCommand {
    /// Delete orphans in AWS, after a confirmation. Resources that a record names, or that are in use, are
    /// kept.
    Delete(DeleteOrphansSettings),
}

/// Settings of `orphans delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteOrphansSettings {
    /// AWS.
    #[command(flatten)]
    pub aws: AwsSettings,

    /// Delete only orphans of accounts in this namespace. Must be the value of the controller. [default: all]
    #[arg(long, env = "STREAMCAT_WATCH_NAMESPACE", value_parser = not_empty)]
    pub watch_namespace: Option<String>,

    /// Minimum time since an orphan was added to the list, for example 24h.
    #[arg(long, env = "STREAMCAT_OLDER_THAN", default_value = "1h", value_parser = duration_or_zero)]
    pub older_than: Duration,

    /// Print what would be deleted, and delete nothing.
    #[arg(long, env = "STREAMCAT_DRY_RUN")]
    pub dry_run: bool,

    /// Delete without asking.
    #[arg(long, env = "STREAMCAT_YES")]
    pub yes: bool,
}

/// Settings of `diff`.
#[derive(Clone, Debug, Args)]
pub struct DiffSettings {
    /// Accounts to compare: NAME or NAMESPACE/NAME.
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ACCOUNT", value_parser = not_empty)]
    pub accounts: Vec<String>,

    /// AWS.
    #[command(flatten)]
    pub aws: AwsSettings,

    /// URL of the PostgreSQL database. Without it, only status tells which fields an earlier spec has named.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: Option<SecretString>,

    /// Namespace of the accounts that are named without one. With --all, the only
    /// namespace. [default: that of the kubeconfig, or of the pod]
    #[arg(long, short, env = "STREAMCAT_NAMESPACE", value_parser = not_empty)]
    pub namespace: Option<String>,

    /// Compare all accounts.
    #[arg(long, env = "STREAMCAT_ALL")]
    pub all: bool,
}

/// Settings of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Namespace whose accounts are exported. [default: all]
    #[arg(long, short, env = "STREAMCAT_NAMESPACE", value_parser = not_empty)]
    pub namespace: Option<String>,
}
