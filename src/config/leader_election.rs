//! Settings of leader election.

use std::time::Duration;

use clap::Args;

use super::values::{YesOrNo as _, duration, not_empty};

/// Settings of leader election among the controllers of one installation. The times have the same meaning as
/// in client-go.
#[derive(Clone, Debug, Args)]
pub struct LeaderElectionSettings {
    /// Elects one of several controllers as the leader, by a Lease, while the others stand by. Several
    /// controllers are safe without leader election, but make more calls to AWS.
    #[arg(long = "leader-elect", env = "STREAMCAT_LEADER_ELECT", yes_or_no = "false")]
    pub enabled: bool,

    /// Name of the Lease. All controllers of an installation have to use the same name. Installations in the
    /// same namespace need different names.
    #[arg(
        long = "leader-election-name",
        env = "STREAMCAT_LEADER_ELECTION_NAME",
        default_value = "streamcat-operator",
        value_parser = not_empty
    )]
    pub name: String,

    /// Namespace of the Lease. [default: the namespace of the pod, or of the context in KUBECONFIG]
    #[arg(
        id = "leader-election-namespace",
        long,
        env = "STREAMCAT_LEADER_ELECTION_NAMESPACE",
        value_parser = not_empty
    )]
    pub namespace: Option<String>,

    /// Time after the last observed renewal of the Lease before another controller takes over.
    #[arg(
        long = "leader-election-lease-duration",
        env = "STREAMCAT_LEADER_ELECTION_LEASE_DURATION",
        default_value = "15s",
        value_parser = duration
    )]
    pub lease_duration: Duration,

    /// Time after its last renewal of the Lease before the leader stops working. Must be less than the lease
    /// duration.
    #[arg(
        long = "leader-election-renew-deadline",
        env = "STREAMCAT_LEADER_ELECTION_RENEW_DEADLINE",
        default_value = "10s",
        value_parser = duration
    )]
    pub renew_deadline: Duration,

    /// Interval at which the leader renews the Lease, and the others check it.
    #[arg(
        long = "leader-election-retry-period",
        env = "STREAMCAT_LEADER_ELECTION_RETRY_PERIOD",
        default_value = "2s",
        value_parser = duration
    )]
    pub retry_period: Duration,
}

impl LeaderElectionSettings {
    /// Checks that the times are consistent with each other.
    ///
    /// # Errors
    /// Returns one line that names the flags.
    pub fn check(&self) -> Result<(), String> {
        if self.renew_deadline >= self.lease_duration {
            return Err("--leader-election-renew-deadline must be less than --leader-election-lease-duration, so that the leader stops before another controller takes over".to_owned());
        }
        if self.retry_period.saturating_mul(2) > self.renew_deadline {
            return Err("--leader-election-retry-period must be at most half of --leader-election-renew-deadline, so that the leader survives a failed renewal".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: LeaderElectionSettings,
    }

    fn parsed(flags: &[&str]) -> LeaderElectionSettings {
        Flags::parse_from([&["controller"], flags].concat()).settings
    }

    #[test]
    fn leader_election_is_disabled_by_default() {
        assert!(!parsed(&[]).enabled);
        assert!(parsed(&["--leader-elect"]).enabled);
        assert!(!parsed(&["--leader-elect=false"]).enabled);
    }

    #[test]
    fn inconsistent_times_are_rejected() {
        let checked = |lease, renew, retry| {
            let flags = [
                format!("--leader-election-lease-duration={lease}"),
                format!("--leader-election-renew-deadline={renew}"),
                format!("--leader-election-retry-period={retry}"),
            ];
            parsed(&flags.each_ref().map(String::as_str)).check()
        };
        assert_eq!(parsed(&[]).check(), Ok(()));
        assert_eq!(checked("3s", "2s", "1s"), Ok(()));
        assert!(
            checked("10s", "10s", "2s")
                .is_err_and(|message| message.contains("--leader-election-lease-duration"))
        );
        assert!(
            checked("15s", "3s", "2s")
                .is_err_and(|message| message.contains("--leader-election-retry-period"))
        );
    }
}
