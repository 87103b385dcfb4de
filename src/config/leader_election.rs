//! Which of several controllers works: the settings of the Lease by which they agree.

use std::time::Duration;

use clap::Args;

use super::values::{YesOrNo as _, duration, not_empty};

/// How controllers of one installation agree on which of them works. The times mean what they mean in client-go.
#[derive(Clone, Debug, Args)]
pub struct LeaderElectionSettings {
    /// Whether several controllers elect one that works, by a Lease, while the others stand by. It saves work and calls
    /// to AWS; without it several are safe too.
    #[arg(long = "leader-election", env = "STREAMCAT_LEADER_ELECTION", yes_or_no = "false")]
    pub enabled: bool,

    /// Name of the Lease: the same for all controllers of an installation, and another for each installation in the
    /// same namespace.
    #[arg(
        long = "leader-election-name",
        env = "STREAMCAT_LEADER_ELECTION_NAME",
        default_value = "streamcat-operator",
        value_parser = not_empty
    )]
    pub name: String,

    /// Namespace of the Lease. [default: that of the pod, or of the context in KUBECONFIG]
    #[arg(
        id = "leader-election-namespace",
        long,
        env = "STREAMCAT_LEADER_ELECTION_NAMESPACE",
        value_parser = not_empty
    )]
    pub namespace: Option<String>,

    /// How long the others wait, since they last saw the Lease renewed, before one takes over.
    #[arg(
        long = "leader-election-lease-duration",
        env = "STREAMCAT_LEADER_ELECTION_LEASE_DURATION",
        default_value = "15s",
        value_parser = duration
    )]
    pub lease_duration: Duration,

    /// How long the leader goes on working since it last renewed the Lease; less than the lease duration.
    #[arg(
        long = "leader-election-renew-deadline",
        env = "STREAMCAT_LEADER_ELECTION_RENEW_DEADLINE",
        default_value = "10s",
        value_parser = duration
    )]
    pub renew_deadline: Duration,

    /// How often the leader renews the Lease, and the others look at it.
    #[arg(
        long = "leader-election-retry-period",
        env = "STREAMCAT_LEADER_ELECTION_RETRY_PERIOD",
        default_value = "2s",
        value_parser = duration
    )]
    pub retry_period: Duration,
}

impl LeaderElectionSettings {
    /// Looks at what no single setting shows: whether the times leave room for one another.
    ///
    /// # Errors
    /// What is wrong, in one line that names the flags.
    pub fn check(&self) -> Result<(), String> {
        if self.renew_deadline >= self.lease_duration {
            return Err("--leader-election-renew-deadline must be shorter than --leader-election-lease-duration: the leader stops before another takes over".to_owned());
        }
        if self.retry_period.saturating_mul(2) > self.renew_deadline {
            return Err("--leader-election-retry-period must be at most half of --leader-election-renew-deadline: one renewal that fails is no reason to stop".to_owned());
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
    fn it_is_off_unless_it_is_asked_for() {
        assert!(!parsed(&[]).enabled);
        assert!(parsed(&["--leader-election"]).enabled);
        assert!(!parsed(&["--leader-election=false"]).enabled);
    }

    #[test]
    fn the_times_leave_room_for_one_another() {
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
            checked("10s", "10s", "2s").is_err_and(|said| said.contains("--leader-election-lease-duration"))
        );
        assert!(
            checked("15s", "3s", "2s").is_err_and(|said| said.contains("--leader-election-retry-period"))
        );
    }
}
