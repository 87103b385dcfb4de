//! Creating once, adopting, retiring, sweeping: written once, generic over the kind.

mod absences;
mod converge;
mod create;
mod decide;
mod differences;
mod error;
mod orphans;
mod owner;
mod retire;
mod sweep;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::{sync::Arc, time::Duration};

use differences::Differences;

use crate::{api::ResourceKind, ivs::Target};

pub use absences::{Brake, BrakeLimits, CompleteList, Findings, Named, find_absences};
pub use converge::{Change, Drift, Order, Outcome, Provisioned, converge};
pub use decide::is_proved_absent;
pub use error::Error;
pub use orphans::{orphan, orphan_changes};
pub use owner::Owner;
pub use retire::{Retirement, remove, retire};
pub use sweep::{Inventory, Listing, Record, Report, Standing, changed, compare};

/// Result of provisioning.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How long things may take before they count as lost.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The longest that a Create may take; its attempt's deadline.
    pub aws_call_timeout: Duration,
    /// How long after the deadline to wait before looking: longer than AWS takes to show a new resource. Also the
    /// least time between the two complete lists that prove an absence.
    pub grace: Duration,
    /// Time from the end of one resync to the begin of the next.
    pub resync: Duration,
}

/// The circumstances in which one kind of resource is worked on.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// How long things may take.
    pub timing: Timing,
    /// The AWS account and region that this controller works in.
    pub target: Arc<Target>,
    /// The reason why nothing that is missing may be replaced, if there is one.
    pub brake: Option<String>,
}

impl Circumstances {
    /// The error of a resource that is missing while the brake is on.
    fn braked(&self, kind: ResourceKind, arn: String) -> Error {
        Error::Braked { kind, arn, brake: self.brake.clone().unwrap_or_default() }
    }

    /// The error of a record that names another AWS account or region.
    fn elsewhere(&self, kind: ResourceKind, arn: String) -> Error {
        Error::Elsewhere { kind, arn, target: self.target.describe() }
    }
}

/// How much later than a call's own time-out its deadline is: the call begins a moment after it was noted.
const MARGIN: Duration = Duration::from_secs(2);

impl Timing {
    /// The time between two complete lists without a resource that prove its absence: a resync, by clocks that differ a little.
    #[must_use]
    pub fn evidence(self) -> Duration {
        self.resync.mul_f64(0.9).max(self.grace)
    }

    /// How long after it was journalled a Create may be under way.
    fn create_lasts(self) -> Duration {
        self.aws_call_timeout.saturating_add(MARGIN)
    }

    /// How long after it was noted a change may be under way: it takes up to four calls, each with the same time-out.
    fn change_lasts(self) -> Duration {
        self.aws_call_timeout.saturating_mul(4).saturating_add(MARGIN)
    }
}

/// Why nothing can be done just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For how long.
    pub wait: Duration,
    /// One word, for a condition.
    pub reason: crate::api::Reason,
    /// In a person's words.
    pub message: String,
}
