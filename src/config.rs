//! The command line. Every flag is also an environment variable, and an invalid setting is reported in one
//! line.

mod aws;
mod commands;
mod controller;
mod leader_election;
mod one_line;
mod registration;
mod rules;
mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

pub use aws::AwsSettings;
pub use commands::{DeleteOrphansSettings, DiffSettings, ExportSettings, OrphansCommand, OrphansSettings};
pub use controller::ControllerSettings;
pub use leader_election::LeaderElectionSettings;
pub use one_line::one_line;
pub use registration::{ConnectionSettings, LimitSettings, PasswordSettings, RegistrationSettings};
pub use rules::RuleSettings;

use crate::api::ResourceKind;

/// Kubernetes operator that provisions an Amazon IVS channel, a chat room and a real-time stage for every
/// streamer.
///
/// Each setting is a flag and an environment variable. AWS credentials and endpoints are configured as for
/// any AWS SDK (AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ENDPOINT_URL_IVS, AWS_ENDPOINT_URL_IVSCHAT,
/// AWS_ENDPOINT_URL_IVS_REALTIME, AWS_ENDPOINT_URL_STS, …), and access to the cluster as for kubectl
/// (KUBECONFIG, or the service account of the pod).
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// Command to run.
    #[command(subcommand)]
    pub command: Command,

    /// Format of the log.
    #[arg(long, env = "STREAMCAT_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,

    /// Log level (error, warn, info, debug or trace), or a filter by module.
    #[arg(long, env = "STREAMCAT_LOG_LEVEL", default_value = "info", global = true)]
    pub log_level: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the controller, which reconciles StreamerAccounts.
    Controller(ControllerSettings),
    /// Run the web server with the registration page and POST /register.
    Registration(RegistrationSettings),
    /// Migrate the database schema to the version of this program, then exit.
    Migrate(DatabaseSettings),
    /// Print the CustomResourceDefinitions as YAML, then exit.
    Crds,
    /// List the resources that exist, or may exist, in AWS but belong to no account, or delete them, then
    /// exit.
    Orphans(OrphansSettings),
    /// Compare the specs of accounts with AWS, print what differs, then exit with 1 if anything does.
    Diff(DiffSettings),
    /// Print the accounts of registered people as manifests, from the database, then exit.
    Export(ExportSettings),
    /// Confirm that the resources missing from AWS are deleted, then exit. The controller replaces them, and
    /// deleted accounts stop waiting for them.
    ReleaseBrake(ReleaseBrakeSettings),
}

/// Format of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// Text, for people.
    Text,
    /// JSON, one object per line.
    Json,
}

/// Settings of the database.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// URL of the PostgreSQL database, for example postgres://user:password@host:5432/streamcat. Never
    /// logged.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
}

/// Settings of `release-brake`.
#[derive(Clone, Debug, Args)]
pub struct ReleaseBrakeSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Kind of resource whose brake is released. [default: all]
    #[arg(long, env = "STREAMCAT_KIND", value_enum)]
    pub kind: Option<ResourceKind>,
}

#[expect(clippy::unnecessary_wraps, reason = "clap expects a Result, but a rejected secret would be printed")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_an_environment_variable() {
        for command in Cli::command().get_subcommands() {
            let settings = command.get_arguments().filter(|argument| !argument.is_positional());
            for argument in settings.filter(|argument| argument.get_id() != "help") {
                let id = argument.get_id();
                assert!(argument.get_env().is_some() || id == "version", "{id} has no variable");
            }
        }
    }

    #[test]
    fn database_url_is_redacted_in_debug_output() {
        let url = "postgres://u:canary@h/d";
        let cli = Cli::try_parse_from(["streamcat-operator", "migrate", "--database-url", url]);
        assert!(!format!("{cli:?}").contains("canary"));
    }
}
