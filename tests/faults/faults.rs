//! What can go wrong with one call, and which call it befalls.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use clap::ValueEnum;

/// Who is called.
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
    /// Whether it has an effect.
    pub writes: bool,
}

impl Operation {
    pub const fn read(service: Service, name: &'static str) -> Self {
        Self { service, name, writes: false }
    }

    pub const fn write(service: Service, name: &'static str) -> Self {
        Self { service, name, writes: true }
    }

    /// Whether something is there afterwards that was not before, so that an unknown outcome is ambiguous.
    pub fn creates(self) -> bool {
        self.service == Service::Aws && self.name.starts_with("Create")
    }
}

/// What goes wrong with one call. A line that replays a run names it in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// The controller dies; the call was not carried out.
    CrashBefore,
    /// The controller dies; the call was carried out.
    CrashAfter,
    /// The controller dies; the call is carried out when the next one runs already.
    LateAfterCrash,
    /// SIGTERM; the call is carried out.
    Stop,
    /// The connection is refused.
    Block,
    /// The call is carried out, and the connection is reset before the answer.
    Drop,
    /// The connection is reset, and the call is carried out later, but within its time-out.
    Late,
    /// No answer within the time-out; the call is carried out long after the deadline and the grace.
    TooLate,
    /// No answer within the time-out; the call is carried out after the deadline, but within the grace.
    Overdue,
    /// The process stands still, longer than any deadline and grace, just before the call; then it goes on as if nothing
    /// had been.
    Freeze,
    /// The answer is good, and the call is carried out later: what is deleted is there for a while.
    Accepted,
    /// Too many requests.
    #[value(name = "429")]
    TooMany,
    /// An internal error; the call was not carried out.
    #[value(name = "500")]
    Internal,
    /// Forbidden.
    #[value(name = "403")]
    Forbidden,
    /// No answer, ever; the call is not carried out.
    Hang,
    /// From here on, for a while, the watch stands still, and AWS shows what there was at this moment.
    Stale,
    /// From here on, for a while, AWS shows everything late, what is made and what is deleted.
    Lag,
    /// From here on, for a while, the service that is called is not there.
    Outage,
}

impl Fault {
    /// Whether it differs, for this operation, from every other mode. A read that was carried out and a read that was
    /// not leave the same behind; PostgreSQL knows no 429, 500 or 403; and only AWS carries a call out after its caller's time
    /// is up for good.
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

/// Which calls fail and how, by their number from the moment the workload acts: the one of that number, or the next one
/// that can fail in that way.
pub type Plan = BTreeMap<usize, Fault>;

/// How the one who called hears of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Refused,
    Reset,
    TimedOut,
    TooMany,
    Internal,
    Forbidden,
}

/// A service's error for a failure.
pub trait FromFailure {
    fn from_failure(operation: Operation, failure: Failure) -> Self;
}

/// How long each service lets a caller wait for an answer that does not come; None: for ever.
pub fn client_timeout(service: Service) -> Option<Duration> {
    match service {
        // The reconcile's own deadline ends it.
        Service::Kubernetes => None,
        // The statement's time-out.
        Service::Postgres => Some(Duration::from_secs(15)),
        // The SDK's.
        Service::Aws => Some(super::world::TIMING.aws_call_timeout),
    }
}
