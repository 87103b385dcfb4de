//! The outcome of one pass over one kind of resource.

use std::time::Duration;

use secrecy::SecretString;

use crate::{
    api::{AppliedFields, FieldDifference, Reason, ResourceKind, ResourceStatus},
    messages,
};

/// The outcome of a pass that provisions one kind of resource.
#[derive(Debug)]
pub enum Outcome<S> {
    /// The resource exists as the spec says.
    Ready(Provisioned<S>),
    /// Nothing can be done yet.
    Waiting(Wait),
}

/// A resource that exists as the spec says.
#[derive(Debug)]
pub struct Provisioned<S> {
    /// The resource's part of the status.
    pub status: S,
    /// The stream key of a resource that this pass created, if it has one.
    pub stream_key: Option<SecretString>,
    /// True if AWS returned the resource in this pass. Then its Secret and its row are compared with AWS too.
    pub observed: bool,
    /// The change that this pass made.
    pub change: Change,
    /// Time until the re-check of an update; None if no re-check is pending.
    pub recheck_in: Option<Duration>,
    /// Fields that something else had changed, and that this pass has changed back.
    pub corrected: Vec<FieldDifference>,
    /// Fields whose values in AWS differ from the spec, and are left as they are for now.
    pub drift: Option<Drift>,
    /// Settings that the spec no longer names, and that AWS cannot set back.
    pub kept: AppliedFields,
}

impl<S: Into<ResourceStatus>> Provisioned<S> {
    /// Returns the same without the type of its kind.
    #[must_use]
    pub fn into_any_kind(self) -> Provisioned<ResourceStatus> {
        let Self { status, stream_key, observed, change, recheck_in, corrected, drift, kept } = self;
        Provisioned {
            status: status.into(),
            stream_key,
            observed,
            change,
            recheck_in,
            corrected,
            drift,
            kept,
        }
    }
}

/// Fields whose values in AWS differ from the spec, and are left as they are for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The fields.
    pub fields: Vec<FieldDifference>,
    /// The reason why they are left.
    pub cause: DriftCause,
}

/// The reason why drift is left as it is for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftCause {
    /// The values were sent, and are sent again after this time.
    SentAgainIn(Duration),
    /// The values were sent again too often, and did not stay.
    NotKept,
    /// Something else has changed the values again too often.
    Contested,
    /// The drift policy is Report.
    ReportedOnly,
}

/// The change that a pass made to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// None.
    Unchanged,
    /// Created.
    Created,
    /// Adopted after an attempt whose outcome was unknown.
    Adopted,
    /// Adopted because of its tags alone: no record named it, nor an attempt. Which fields an earlier spec
    /// has set is unknown.
    Recovered,
    /// Updated after a change of the spec.
    Updated,
    /// Updated because something else had changed it in AWS.
    DriftCorrected,
    /// Recorded in place of another ARN, whose resource is gone or belongs to another user.
    Corrected,
    /// Created to replace a resource that is gone from AWS.
    Recreated,
}

/// The reason why nothing can be done yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Time until the next try.
    pub wait: Duration,
    /// The reason of the condition.
    pub reason: Reason,
    /// The message of the condition.
    pub message: String,
}

/// Time until the next try while another controller creates the same resource.
const PEER_CREATE_RETRY: Duration = Duration::from_secs(2);

/// Minimum time until the next try for a missing resource, however short the resync interval is.
const MIN_MISSING_RETRY: Duration = Duration::from_secs(1);

impl Wait {
    /// Waits until the last attempt must have ended and AWS must return its result.
    pub(super) fn for_create_outcome(kind: ResourceKind, wait: Duration) -> Self {
        let message = messages::account::outcome_unknown(kind);
        Self { wait, reason: Reason::OutcomeUnknown, message }
    }

    /// Waits for the next complete list, which contains a missing resource again or confirms that it is gone.
    pub(super) fn for_next_list(kind: ResourceKind, arn: &str, resync: Duration) -> Self {
        let message = messages::absence::missing(kind, arn);
        Self { wait: resync.max(MIN_MISSING_RETRY), reason: Reason::ResourceMissing, message }
    }

    /// Waits for another controller that creates the same resource.
    pub(super) fn for_peer(kind: ResourceKind) -> Self {
        let message = messages::account::peer_creates(kind);
        Self { wait: PEER_CREATE_RETRY, reason: Reason::Progressing, message }
    }
}
