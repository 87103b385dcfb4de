//! Changes of ARNs. A condition and an event report each (I7). Pure.

use crate::{
    api::{ByKind, Reason, ResourceKind, StreamerAccountStatus, condition::find},
    controller::outcome::{ReadyResource, ReconcileOutcome, ResourceResult},
    messages,
    provision::Change,
};

/// Reasons of conditions that report a change of an ARN.
const REASONS: [Reason; 3] = [Reason::Recreated, Reason::ArnChanged, Reason::RecordCorrected];

/// The change of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnChange {
    /// The reason of the condition and the event.
    pub reason: Reason,
    /// The old and the new ARN, and the cause.
    pub message: String,
}

/// Returns the changes that a reconcile made.
pub fn arn_changes(
    previous: &StreamerAccountStatus,
    outcome: &ReconcileOutcome,
) -> ByKind<Option<ArnChange>> {
    ByKind::new(|kind| arn_change(kind, previous.arn(kind), outcome.resources[kind].as_ref().ok()?))
}

fn arn_change(kind: ResourceKind, before: Option<&str>, resource: &ReadyResource) -> Option<ArnChange> {
    let now = resource.status.arn();
    let before = before.unwrap_or(now);
    if before == now {
        let message = messages::records::record_corrected(kind, now);
        let is_corrected = resource.change == Change::Corrected;
        return is_corrected.then_some(ArnChange { reason: Reason::RecordCorrected, message });
    }
    let (reason, message) = match resource.change {
        Change::Recreated => (Reason::Recreated, messages::records::recreated(kind, Some((before, now)))),
        _ => (Reason::ArnChanged, messages::records::arn_changed(kind, before, now)),
    };
    Some(ArnChange { reason, message })
}

/// Returns the change that the condition already reports, if nothing was changed since. A check in between,
/// or a lost response, must not remove the report (I7).
pub fn reported_change(
    previous: &StreamerAccountStatus,
    kind: ResourceKind,
    result: &ResourceResult,
) -> Option<ArnChange> {
    let before = find(&previous.conditions, kind.condition())?;
    let reason = REASONS.into_iter().find(|reason| before.reason == *reason)?;
    let is_same = result.as_ref().is_ok_and(|resource| {
        resource.change == Change::Unchanged && previous.arn(kind) == Some(resource.status.arn())
    });
    let message = || before.message.split(messages::ALSO).next().unwrap_or_default().to_owned();
    is_same.then(|| ArnChange { reason, message: message() })
}
