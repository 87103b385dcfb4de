//! The context of a decision: timing, target, and brake.

use std::{sync::Arc, time::Duration};

use super::Error;
use crate::{
    api::ResourceKind,
    ivs::Target,
    store::{RecordChain, ResourceRecord},
};

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
    #[must_use]
    pub fn update_deadline(self) -> Duration {
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
    /// True if AWS was listed since these records began: a resource is in the list, or the journal knows the
    /// attempt that created it since.
    pub is_aws_listed: bool,
}

impl DecisionContext {
    /// Returns true if the list of AWS and these records name every resource of a user. A Create whose outcome
    /// is unknown may have created another, and an abandoned user may have resources that no record names.
    pub(super) fn are_all_known(&self, recorded: &ResourceRecord) -> bool {
        self.is_aws_listed && recorded.attempt.is_none() && !recorded.is_abandoned
    }

    /// Returns the error for a resource that is missing while the brake is engaged.
    pub(super) fn braked(&self, kind: ResourceKind, arn: String) -> Error {
        Error::Braked { kind, arn, brake: self.brake.clone().unwrap_or_default() }
    }

    /// Returns the error for a record that names another AWS account or region.
    pub(super) fn recorded_elsewhere(&self, kind: ResourceKind, arn: String) -> Error {
        Error::RecordedElsewhere { kind, arn, target: self.target.describe() }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        provision::world::{TIMING, decision_context},
        store::InFlight,
    };

    #[test]
    fn all_resources_are_known_unless_an_attempt_is_open() {
        let listed = DecisionContext { is_aws_listed: true, ..decision_context(TIMING, None) };
        let recorded = ResourceRecord { arn: Some("a".to_owned()), ..ResourceRecord::default() };
        assert!(listed.are_all_known(&recorded) && listed.are_all_known(&ResourceRecord::default()));
        assert!(!decision_context(TIMING, None).are_all_known(&recorded));
        let attempt = InFlight::until(Uuid::from_u128(1), Duration::ZERO, Duration::ZERO);
        let open = ResourceRecord { attempt: Some(attempt), ..recorded.clone() };
        assert!(!listed.are_all_known(&open));
        assert!(!listed.are_all_known(&ResourceRecord { is_abandoned: true, ..recorded }));
    }
}
