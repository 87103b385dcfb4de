//! Changes of ARNs. A condition and an event report each (I7). Pure.

use crate::{
    api::{ResourceKind, StreamerAccountStatus, condition::find},
    controller::{
        by_kind::ByKind,
        outcome::{ReadyResource, ReconcileOutcome, ResourceResult},
    },
    provision::Change,
};

/// Reasons of conditions that report a change of an ARN.
const REASONS: [&str; 3] = ["Recreated", "ArnChanged", "RecordCorrected"];

/// Separator between the report of a change and the message of a blocker in the same condition.
pub const SEPARATOR: &str = "; ";

/// The change of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnChange {
    /// The reason of the condition and the event.
    pub reason: &'static str,
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
        let message = format!("the database named another {kind}, which is not there: {now} takes its place");
        return (resource.change == Change::Corrected)
            .then_some(ArnChange { reason: "RecordCorrected", message });
    }
    let gone = format!("the {kind} {before} was gone from AWS: {now} was made and takes its place");
    let other = format!("the records of the {kind} did not agree: {now} takes the place of {before}");
    Some(match resource.change {
        Change::Recreated => ArnChange { reason: "Recreated", message: gone },
        _ => ArnChange { reason: "ArnChanged", message: other },
    })
}

/// Returns the change that the condition already reports, if nothing was changed since. A check in between,
/// or a lost response, must not remove the report (I7).
pub fn reported_change(
    previous: &StreamerAccountStatus,
    kind: ResourceKind,
    result: &ResourceResult,
) -> Option<ArnChange> {
    let before = find(&previous.conditions, kind.condition())?;
    let reason = REASONS.into_iter().find(|reason| *reason == before.reason)?;
    let is_same = result.as_ref().is_ok_and(|resource| {
        resource.change == Change::Kept && previous.arn(kind) == Some(resource.status.arn())
    });
    let message = || before.message.split(SEPARATOR).next().unwrap_or_default().to_owned();
    is_same.then(|| ArnChange { reason, message: message() })
}
