//! Settings of the controller.

use std::{net::SocketAddr, num::NonZeroU16, time::Duration};

use clap::Args;

use super::{
    AwsSettings, DatabaseSettings, LeaderElectionSettings,
    values::{duration, not_empty},
};
use crate::api::DriftPolicy;

/// Settings of `controller`.
#[derive(Clone, Debug, Args)]
pub struct ControllerSettings {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// AWS.
    #[command(flatten)]
    pub aws: AwsSettings,

    /// Id that distinguishes this installation from others in the same AWS account. It is a tag on every
    /// resource and must never change. [default: the UID of the namespace kube-system]
    #[arg(long, env = "STREAMCAT_INSTALLATION_ID", value_parser = installation)]
    pub installation_id: Option<String>,

    /// Namespace whose accounts are reconciled. [default: all]
    #[arg(long, env = "STREAMCAT_WATCH_NAMESPACE", value_parser = not_empty)]
    pub watch_namespace: Option<String>,

    /// Listen address of /healthz, /readyz and /metrics.
    #[arg(long, env = "STREAMCAT_ADMIN_BIND_ADDRESS", default_value = "0.0.0.0:8080")]
    pub admin_bind_address: SocketAddr,

    /// Interval of the resync, which lists all resources in AWS and compares them with the accounts, for
    /// example 10m.
    #[arg(long, env = "STREAMCAT_RESYNC_INTERVAL", default_value = "10m", value_parser = duration)]
    pub resync_interval: Duration,

    /// Maximum percentage of the AWS calls per second of each list operation that a resync uses. It spreads
    /// its calls over the interval, and takes longer than the interval if this share does not suffice. The
    /// first resync after a start, and a retry, use all calls.
    #[arg(long, env = "STREAMCAT_RESYNC_BUDGET_PERCENT", default_value = "20", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub resync_budget_percent: u8,

    /// Time in which each account is read from AWS once, with its stream key and its Secret, because no list
    /// shows everything. It is longer with more accounts than a fifth of the AWS calls per second allows.
    #[arg(long, env = "STREAMCAT_VERIFICATION_INTERVAL", default_value = "24h", value_parser = duration)]
    pub verification_interval: Duration,

    /// Policy for values that something else changes in AWS, of the accounts that set no driftPolicy: Correct
    /// changes them back, Report only reports them.
    #[arg(long, env = "STREAMCAT_DRIFT_POLICY", value_enum, default_value_t)]
    pub drift_policy: DriftPolicy,

    /// Time to wait after the timeout of an AWS call before checking whether a Create of unknown outcome
    /// created a resource. Must exceed the time that a call may take plus the time that AWS needs to list a
    /// new resource. Also the minimum time between the two lists that prove that a resource is gone.
    #[arg(long, env = "STREAMCAT_CONSISTENCY_GRACE", default_value = "15s", value_parser = duration)]
    pub consistency_grace: Duration,

    /// Number of resources of one kind that can be missing from AWS, unless the operator deleted them, before
    /// the brake engages. Then they are neither replaced nor given up until they show up again or a person
    /// releases the brake.
    #[arg(long, env = "STREAMCAT_BRAKE_RESOURCES", default_value = "5")]
    pub brake_resources: usize,

    /// Percentage of the recorded resources of one kind that can be missing before the brake engages. Both
    /// limits must be exceeded.
    #[arg(long, env = "STREAMCAT_BRAKE_PERCENT", default_value = "2", value_parser = percent)]
    pub brake_percent: f64,

    /// Time after which this cluster takes over from another one whose controller has stopped renewing its
    /// entry in the database. Until then, this controller changes nothing.
    #[arg(long, env = "STREAMCAT_CLUSTER_TAKEOVER_AFTER", default_value = "5m", value_parser = duration)]
    pub cluster_takeover_after: Duration,

    /// Maximum number of concurrent reconciles, not counting those that wait for a call budget. Eight more
    /// are for changes by persons.
    #[arg(long, env = "STREAMCAT_MAX_CONCURRENT_RECONCILES", default_value = "32")]
    pub max_concurrent_reconciles: NonZeroU16,

    /// Name of the pod, for events and the Lease.
    #[arg(long, env = "POD_NAME", value_parser = not_empty)]
    pub pod_name: Option<String>,

    /// UID of the pod, for the Lease.
    #[arg(long, env = "POD_UID", value_parser = not_empty)]
    pub pod_uid: Option<String>,

    /// Leader election.
    #[command(flatten)]
    pub leader_election: LeaderElectionSettings,
}

/// Environment variables that override the endpoints of the AWS SDK.
const ENDPOINTS: [&str; 5] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_IVS",
    "AWS_ENDPOINT_URL_IVSCHAT",
    "AWS_ENDPOINT_URL_IVS_REALTIME",
    "AWS_ENDPOINT_URL_STS",
];

impl ControllerSettings {
    /// Checks environment variables that libraries read, which would report an invalid value late or never.
    /// `variable` returns the value of a variable, if it is set.
    ///
    /// # Errors
    /// Returns one line that names the invalid variable, but not its value, which may contain a password.
    pub fn check_environment(variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        for name in ENDPOINTS {
            if variable(name).is_some_and(|url| !is_endpoint(&url)) {
                return Err(format!(
                    "{name} must be a URL that starts with http:// or https:// and has a host, for example http://localhost:4566"
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

/// Parses a percentage.
fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "must be a number from 0 to 100".to_owned())
}

/// Parses an installation id, which has to be a valid value of an AWS tag, and readable.
fn installation(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 64 letters, digits, -, _ or .".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentage_is_a_number_from_0_to_100() {
        assert_eq!((percent("2"), percent("0.5"), percent("100")), (Ok(2.0), Ok(0.5), Ok(100.0)));
        for wrong in ["", "-1", "101", "2%", "NaN", "inf"] {
            assert!(percent(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn endpoint_variable_is_a_url_with_a_host() {
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
                let message = check(name, url).expect_err(url);
                assert!(
                    message.starts_with(&format!("{name} ")) && message.lines().count() == 1,
                    "{message}"
                );
            }
        }
        assert!(check("AWS_ENDPOINT_URL", "u:canary@host").is_err_and(|message| !message.contains("canary")));
        assert_eq!(check("AWS_ENDPOINT_URL_S3", "not ours"), Ok(()));
    }
}
