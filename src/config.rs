//! The command line: every flag is an environment variable too, and a wrong setting is one clear line.

use std::{net::SocketAddr, time::Duration};

use clap::{
    ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};
use secrecy::SecretString;

mod leader_election;
mod registration;
mod rules;

pub use leader_election::LeaderElectionSettings;
pub use registration::{ConnectionSettings, LimitSettings, PasswordSettings, RegistrationSettings};
pub use rules::RuleSettings;

/// Gives every streamer an Amazon IVS channel, a chat room and a real-time stage.
///
/// Each setting is a flag and an environment variable. Credentials and endpoints of AWS are read as every AWS SDK
/// reads them (AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ENDPOINT_URL_IVS, AWS_ENDPOINT_URL_IVSCHAT,
/// AWS_ENDPOINT_URL_IVS_REALTIME, …), the cluster as kubectl does (KUBECONFIG, or the pod's service account).
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

/// Settings of `controller`.
#[derive(Clone, Debug, Args)]
pub struct ControllerSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// AWS region in which the channels, chat rooms and stages live.
    #[arg(long, env = "AWS_REGION", value_parser = region)]
    pub aws_region: String,

    /// Id that tells this installation from others in the same AWS account; written as a tag on every resource.
    /// Must never change. [default: the UID of the namespace kube-system]
    #[arg(long, env = "STREAMCAT_INSTALLATION", value_parser = installation)]
    pub installation: Option<String>,

    /// The one namespace whose accounts are served. [default: all]
    #[arg(long, env = "STREAMCAT_NAMESPACE", value_parser = not_empty)]
    pub namespace: Option<String>,

    /// Address of /healthz, /readyz and /metrics.
    #[arg(long, env = "STREAMCAT_ADMIN_LISTEN", default_value = "0.0.0.0:8080")]
    pub admin_listen: SocketAddr,

    /// How often everything is compared with AWS, by listing page after page, e.g. 10m.
    #[arg(long, env = "STREAMCAT_RESYNC", default_value = "10m", value_parser = duration)]
    pub resync: Duration,

    /// Calls a second that AWS is asked for, for each operation. AWS allows 5, whatever the account.
    #[arg(long, env = "STREAMCAT_AWS_CALLS_PER_SECOND", default_value = "5")]
    pub aws_calls_per_second: std::num::NonZeroU32,

    /// How long one Create may take before its outcome counts as unknown.
    #[arg(long, env = "STREAMCAT_CREATE_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub create_timeout: Duration,

    /// How long after that to wait before looking at what a Create of unknown outcome made: longer than one call may take
    /// and AWS needs to show a new resource in its lists, together. A resource that AWS does not show is believed gone after the same time.
    #[arg(long, env = "STREAMCAT_CREATE_GRACE", default_value = "15s", value_parser = duration)]
    pub create_grace: Duration,

    /// How many accounts are worked on at the same time.
    #[arg(long, env = "STREAMCAT_CONCURRENCY", default_value = "32")]
    pub concurrency: std::num::NonZeroU16,

    /// Name of the pod we run in, for events and the Lease.
    #[arg(long, env = "POD_NAME", value_parser = not_empty)]
    pub pod_name: Option<String>,

    /// Which of several controllers works.
    #[command(flatten)]
    pub leader_election: LeaderElectionSettings,
}

/// The variables by which the AWS SDK is sent elsewhere than to AWS.
const ENDPOINTS: [&str; 4] =
    ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IVS", "AWS_ENDPOINT_URL_IVSCHAT", "AWS_ENDPOINT_URL_IVS_REALTIME"];

impl ControllerSettings {
    /// Looks at what is read from the environment by others than us, who would say late or never that it is wrong.
    /// `variable` gives the value of a variable that is set.
    ///
    /// # Errors
    /// What is wrong, in one line that names the variable and not its value, which may hold a password.
    pub fn check_environment(variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        for name in ENDPOINTS {
            if variable(name).is_some_and(|url| !is_endpoint(&url)) {
                return Err(format!(
                    "{name} is not a URL that begins with http:// or https:// and names a host, such as http://localhost:4566"
                ));
            }
        }
        Ok(())
    }
}

fn is_endpoint(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
    })
}

/// A setting that is yes or no: a flag, to which a value may be given (`--flag=false`), as to its variable.
trait YesOrNo {
    /// With this default.
    fn yes_or_no(self, default: &'static str) -> Self;
}

impl YesOrNo for clap::Arg {
    fn yes_or_no(self, default: &'static str) -> Self {
        let set = self.action(ArgAction::Set).num_args(0..=1).require_equals(true);
        set.default_value(default).default_missing_value("true").value_name("BOOL")
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "clap asks for a Result; a secret is never refused here, because clap would print it"
)]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text.to_owned()))
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// AWS's name of a region. What it would not be is said here: the SDK would look for a host of that name.
fn region(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("it must be the name of an AWS region, such as eu-west-1".to_owned())
    }
}

/// An installation id is a tag's value: what AWS takes there, and short enough to read.
fn installation(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("it must be 1 to 64 letters, digits, -, _ or .".to_owned())
    }
}

/// A duration such as `500ms`, `10s`, `5m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let wrong =
        || format!("{text:?} is not a duration: write a whole number and ms, s, m or h, for example 10s");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(wrong)?),
        "h" => Duration::from_secs(number.checked_mul(3600).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

/// What is wrong with a command line, as one line.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    if let (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    {
        let settings: Vec<_> = missing.iter().map(|flag| with_variable(flag)).collect();
        return format!("missing: {}", settings.join(", and "));
    }
    let text = error.to_string();
    let head = text.split("\n\nUsage:").next().unwrap_or(&text);
    let head = head.split("\n\nFor more information").next().unwrap_or(head);
    head.split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

/// A flag as clap shows it (`--namespace <NAMESPACE>`), with the variable that can be set instead.
fn with_variable(flag: &str) -> String {
    let long = flag.split_whitespace().next().unwrap_or(flag).trim_start_matches("--");
    let command = Cli::command();
    let mut arguments = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let argument = arguments.find(|argument| argument.get_long() == Some(long));
    match argument.and_then(clap::Arg::get_env) {
        Some(variable) => format!("set {} (or pass {flag})", variable.to_string_lossy()),
        None => flag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert!(duration("10").is_err());
        assert!(duration("0s").is_err());
        assert!(duration("soon").is_err());
    }

    #[test]
    fn a_region_is_lower_case_letters_digits_and_hyphens() {
        assert_eq!(region("eu-west-1"), Ok("eu-west-1".to_owned()));
        for wrong in ["", " ", "eu-west-1 ", "EU-WEST-1", "eu_west_1", "eu-west-1.example.com", "eu-wést-1"]
        {
            assert!(region(wrong).is_err_and(|said| said.contains("eu-west-1")), "{wrong:?}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_with_a_host() {
        let check = |name: &str, url: &str| {
            let set = std::collections::BTreeMap::from([(name.to_owned(), url.to_owned())]);
            ControllerSettings::check_environment(|name| set.get(name).cloned())
        };
        assert_eq!(ControllerSettings::check_environment(|_| None), Ok(()));
        for name in ENDPOINTS {
            for url in [
                "http://localhost:4566",
                "https://ivs.example.com",
                "http://127.0.0.1:1/path",
                "http://[::1]:1",
            ] {
                assert_eq!(check(name, url), Ok(()), "{url}");
            }
            for url in [
                "",
                "localhost:4566",
                "ivs.example.com",
                "ftp://host",
                "http://",
                "http://:80",
                "https:///x",
                "http://a b",
            ] {
                let said = check(name, url).expect_err(url);
                assert!(said.starts_with(&format!("{name} ")) && said.lines().count() == 1, "{said}");
            }
        }
        assert!(check("AWS_ENDPOINT_URL", "u:canary@host").is_err_and(|said| !said.contains("canary")));
        assert_eq!(check("AWS_ENDPOINT_URL_S3", "not ours"), Ok(()));
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
    fn a_wrong_setting_is_one_line() {
        let arguments = ["streamcat-operator", "migrate", "--frobnicate"];
        let error = Cli::try_parse_from(arguments).expect_err("no such flag");
        assert_eq!(one_line(&error).lines().count(), 1);
        assert!(one_line(&error).contains("--frobnicate"));
    }

    #[test]
    fn a_missing_setting_is_named_as_a_variable_too() {
        // The variables may be set where the tests run, so the error is made here.
        let mut error = clap::Error::new(ErrorKind::MissingRequiredArgument);
        let missing = vec!["--database-url <DATABASE_URL>".to_owned(), "--namespace <NAMESPACE>".to_owned()];
        error.insert(ContextKind::InvalidArg, ContextValue::Strings(missing));
        let expected = "missing: set DATABASE_URL (or pass --database-url <DATABASE_URL>), and set STREAMCAT_NAMESPACE (or pass --namespace <NAMESPACE>)";
        assert_eq!(one_line(&error), expected);
    }

    #[test]
    fn a_database_url_is_never_shown() {
        let url = "postgres://u:canary@h/d";
        let cli = Cli::try_parse_from(["streamcat-operator", "migrate", "--database-url", url]);
        assert!(!format!("{cli:?}").contains("canary"));
    }
}
