//! The faults, and the calls that each applies to.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use clap::ValueEnum;

/// A service that the controller calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Kubernetes,
    Postgres,
    Aws,
}

/// One operation of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    pub service: Service,
    pub name: &'static str,
    /// True if the operation has an effect.
    pub writes: bool,
}

impl Operation {
    pub const fn read(service: Service, name: &'static str) -> Self {
        Self { service, name, writes: false }
    }

    pub const fn write(service: Service, name: &'static str) -> Self {
        Self { service, name, writes: true }
    }

    /// Returns true if the operation creates a resource in AWS, so that an unknown outcome is ambiguous.
    pub fn creates(self) -> bool {
        self.service == Service::Aws && self.name.starts_with("Create")
    }
}

/// A fault of one call. A replay line names it in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// The controller crashes. The call is not executed.
    CrashBefore,
    /// The controller crashes. The call is executed.
    CrashAfter,
    /// The controller crashes. The call is executed after the next controller has started.
    LateAfterCrash,
    /// The controller receives SIGTERM. The call is executed.
    Stop,
    /// The connection is refused.
    Block,
    /// The call is executed, and the connection is reset before the response.
    Drop,
    /// The connection is reset. The call is executed later, but within its timeout.
    Late,
    /// The call times out. It is executed long after the deadline and the grace period.
    TooLate,
    /// The call times out. It is executed after the deadline, but within the grace period.
    Overdue,
    /// The process is suspended just before the call, for longer than any deadline and grace period, and then
    /// resumes.
    Freeze,
    /// The call succeeds and is executed later: a deleted resource still exists for a while.
    Accepted,
    /// Too many requests.
    #[value(name = "429")]
    TooMany,
    /// Internal error. The call is not executed.
    #[value(name = "500")]
    Internal,
    /// Forbidden.
    #[value(name = "403")]
    Forbidden,
    /// The call never gets a response and is not executed.
    Hang,
    /// For a while, the watch delivers nothing, and AWS shows the state of this moment.
    Stale,
    /// For a while, AWS shows everything late: creations, changes, and deletions.
    Lag,
    /// For a while, the called service is unavailable.
    Outage,
}

impl Fault {
    /// Returns true if the fault differs, for this operation, from every other fault. A read leaves nothing
    /// behind, so it does not matter whether it was executed. PostgreSQL has no 429, 500, or 403. Only AWS
    /// executes a call after its caller has given up on it.
    pub fn applies(self, operation: Operation) -> bool {
        match self {
            Self::CrashAfter | Self::LateAfterCrash | Self::Drop | Self::Late => operation.writes,
            Self::Overdue | Self::TooLate => operation.writes && operation.service == Service::Aws,
            Self::TooMany | Self::Internal | Self::Forbidden => operation.service != Service::Postgres,
            Self::Accepted => operation.service == Service::Aws && operation.name.starts_with("Delete"),
            _ => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("each has a name").get_name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ValueEnum::from_str(text, false).map_err(|_| format!("no fault {text:?}"))
    }
}

/// The calls that fail and how, by their number since the workload began to act. If the call of that number
/// cannot fail in that way, the next one that can does.
pub type Plan = BTreeMap<usize, Fault>;

/// The failure as the caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Refused,
    Reset,
    TimedOut,
    TooMany,
    Internal,
    Forbidden,
}

/// Conversion of a failure into a service's error.
pub trait FromFailure {
    fn from_failure(operation: Operation, failure: Failure) -> Self;
}

/// Returns the time after which a caller gives up on a call without a response. None if it waits forever.
pub fn client_timeout(service: Service) -> Option<Duration> {
    match service {
        // The reconcile's own deadline ends the call.
        Service::Kubernetes => None,
        // The statement timeout.
        Service::Postgres => Some(Duration::from_secs(15)),
        // The SDK's call timeout.
        Service::Aws => Some(super::world::TIMING.aws_call_timeout),
    }
}
