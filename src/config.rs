//! The command line: every flag is an environment variable too, and a wrong setting is one clear line.

mod controller;
mod leader_election;
mod one_line;
mod registration;
mod rules;
mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

pub use controller::ControllerSettings;
pub use leader_election::LeaderElectionSettings;
pub use one_line::one_line;
pub use registration::{ConnectionSettings, LimitSettings, PasswordSettings, RegistrationSettings};
pub use rules::RuleSettings;

use crate::api::ResourceKind;

/// Gives every streamer an Amazon IVS channel, a chat room and a real-time stage.
///
/// Each setting is a flag and an environment variable. Credentials and endpoints of AWS are read as every AWS SDK
/// reads them (AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ENDPOINT_URL_IVS, AWS_ENDPOINT_URL_IVSCHAT,
/// AWS_ENDPOINT_URL_IVS_REALTIME, AWS_ENDPOINT_URL_STS, …), the cluster as kubectl does (KUBECONFIG, or the pod's service account).
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,

    /// How log lines look.
    #[arg(long, env = "STREAMCAT_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,

    /// Which log lines are written: a level (error, warn, info, debug, trace), or a filter by module.
    #[arg(long, env = "STREAMCAT_LOG", default_value = "info", global = true)]
    pub log: String,
}

/// What to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch StreamerAccounts and make, keep and delete what they ask for.
    Controller(ControllerSettings),
    /// Serve the registration page and POST /register.
    Registration(RegistrationSettings),
    /// Bring the database's schema up to date, then exit.
    Migrate(DatabaseSettings),
    /// Print the CustomResourceDefinitions as YAML, then exit.
    Crds,
    /// List what is, or may be, in AWS and belongs to no account, then exit.
    Orphans(OrphansSettings),
    /// Confirm that resources missing from AWS are really gone, then exit: they are replaced, and deleted accounts stop waiting for them.
    ReleaseBrake(ReleaseBrakeSettings),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the database is.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// URL of the PostgreSQL database, e.g. postgres://user:password@host:5432/streamcat (never logged).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
}

/// Settings of `orphans`.
#[derive(Clone, Debug, Args)]
pub struct OrphansSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Print a JSON array and not a table.
    #[arg(long, env = "STREAMCAT_JSON")]
    pub json: bool,
}

/// Settings of `release-brake`.
#[derive(Clone, Debug, Args)]
pub struct ReleaseBrakeSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// The kind of which the brake is released. [default: all]
    #[arg(long, env = "STREAMCAT_KIND", value_enum)]
    pub kind: Option<ResourceKind>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "clap asks for a Result; a secret is never refused here, because clap would print it"
)]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_can_come_from_the_environment() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
                let id = argument.get_id();
                assert!(argument.get_env().is_some() || id == "version", "{id} has no variable");
            }
        }
    }

    #[test]
    fn a_database_url_is_never_shown() {
        let url = "postgres://u:canary@h/d";
        let cli = Cli::try_parse_from(["streamcat-operator", "migrate", "--database-url", url]);
        assert!(!format!("{cli:?}").contains("canary"));
    }
}
