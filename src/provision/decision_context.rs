//! The context of a decision: timing, target, and brake.

use std::{sync::Arc, time::Duration};

use super::Error;
use crate::{api::ResourceKind, ivs::Target, store::RecordChain};

/// Time limits of calls to AWS and of the evidence about them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Maximum duration of one call to AWS.
    pub aws_call_timeout: Duration,
    /// Grace period: the time after a deadline within which AWS may not return a result yet. Also the minimum
    /// time between the two complete lists that confirm an absence.
    pub grace: Duration,
    /// Time from the start of one resync to the start of the next, unless one takes longer.
    pub resync: Duration,
}

/// Maximum time between the journaling of a call and its start. The deadline of the call is later by this
/// much than its own timeout.
pub(super) const CALL_START_MARGIN: Duration = Duration::from_secs(2);

impl Timing {
    /// Minimum time between the ends of two complete lists that confirm the absence of a resource: one
    /// resync, less a tolerance for clocks that run differently.
    #[must_use]
    pub fn min_time_between_lists(self) -> Duration {
        self.resync.mul_f64(0.9).max(self.grace)
    }

    /// Time from the journaling of a Create to its deadline.
    pub(super) fn create_deadline(self) -> Duration {
        self.aws_call_timeout.saturating_add(CALL_START_MARGIN)
    }

    /// Time from the journaling of a Create until AWS shows its result.
    #[must_use]
    pub fn create_outcome(self) -> Duration {
        self.create_deadline().saturating_add(self.grace)
    }

    /// Time from the journaling of an update to its deadline. An update takes up to four calls.
    pub(super) fn update_deadline(self) -> Duration {
        self.aws_call_timeout.saturating_mul(4).saturating_add(CALL_START_MARGIN)
    }
}

/// The context in which the next step for one kind of resource is decided.
#[derive(Clone, Debug)]
pub struct DecisionContext {
    /// Time limits.
    pub timing: Timing,
    /// The AWS account and region that this controller works in.
    pub target: Arc<Target>,
    /// The reason why no missing resource may be replaced; None unless the brake is engaged.
    pub brake: Option<String>,
    /// The records that led to the decision. No attempt is opened once they were replaced.
    pub records: RecordChain,
}

impl DecisionContext {
    /// Returns the error for a resource that is missing while the brake is engaged.
    pub(super) fn braked(&self, kind: ResourceKind, arn: String) -> Error {
        Error::Braked { kind, arn, brake: self.brake.clone().unwrap_or_default() }
    }

    /// Returns the error for a record that names another AWS account or region.
    pub(super) fn recorded_elsewhere(&self, kind: ResourceKind, arn: String) -> Error {
        Error::RecordedElsewhere { kind, arn, target: self.target.describe() }
    }
}
