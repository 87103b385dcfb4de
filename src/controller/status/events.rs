//! The events of an account. Pure.

use super::arn_changes::{ArnChange, arn_changes};
use crate::{
    api::{
        Reason, ResourceKind, SpecProblem, StreamerAccountStatus,
        condition::{READY, find},
    },
    controller::{
        blocker::{Blocker, Retry},
        kubernetes::EventDraft,
        outcome::{ReadyResource, ReconcileOutcome},
    },
    messages,
    provision::Change,
    store::Orphan,
};

/// The actions of events.
const PROVISION: &str = "Provision";
const RECONCILE: &str = "Reconcile";
const CLEANUP: &str = "Cleanup";

/// Returns the event of an account that was abandoned.
pub(in crate::controller) fn abandoned(orphans: &[Orphan]) -> EventDraft {
    let left = orphans
        .iter()
        .map(|orphan| messages::deletion::left_in_aws(orphan.kind, orphan.arn.as_deref(), orphan.attempt));
    warning(Reason::Abandoned, CLEANUP, messages::deletion::abandoned(&left.collect::<Vec<_>>()))
}

/// Returns the event of an account that holds no user, so that nothing is deleted for it.
pub(in crate::controller) fn no_claim(blocker: &Blocker) -> EventDraft {
    warning(Reason::ForeignResourceSkipped, CLEANUP, messages::deletion::no_claim(&blocker.message))
}

/// Returns the event of a recorded resource that is not deleted because it belongs to somebody else.
pub(in crate::controller) fn foreign_resource_skipped(kind: ResourceKind, arn: &str) -> EventDraft {
    warning(Reason::ForeignResourceSkipped, CLEANUP, messages::deletion::foreign_skipped(kind, arn))
}

/// Returns the event of an account whose resources stay because its deletion policy cannot be read.
pub(in crate::controller) fn policy_not_understood(problem: &SpecProblem) -> EventDraft {
    warning(Reason::SpecNotUnderstood, CLEANUP, messages::deletion::policy_not_understood(&problem.message))
}

/// Returns the event of a stream key that was created because the channel had none.
pub(in crate::controller) fn stream_key_created(channel_arn: &str) -> EventDraft {
    warning(Reason::StreamKeyCreated, PROVISION, messages::secret::key_created(channel_arn))
}

/// Returns the event of a stream key that was replaced in the Secret.
pub(in crate::controller) fn stream_key_replaced(secret: &str) -> EventDraft {
    normal(Reason::StreamKeyReplaced, PROVISION, messages::secret::key_replaced(secret))
}

/// Returns the event of a Secret that was adopted.
pub(in crate::controller) fn secret_adopted(secret: &str) -> EventDraft {
    normal(Reason::SecretAdopted, PROVISION, messages::secret::adopted(secret))
}

/// Returns the event of an account that is suspended from now on.
pub(super) fn suspended() -> EventDraft {
    normal(Reason::Suspended, RECONCILE, messages::account::SUSPENDED.to_owned())
}

fn warning(reason: Reason, action: &'static str, note: String) -> EventDraft {
    EventDraft { warning: true, reason, action, note }
}

fn normal(reason: Reason, action: &'static str, note: String) -> EventDraft {
    EventDraft { warning: false, reason, action, note }
}

/// Returns the events of ARNs that change. They are published before the status that names the new ARNs, so
/// that they are published again if that status cannot be written (I7). A refused one does not hold it up.
pub(super) fn arn_change_events(
    previous: &StreamerAccountStatus,
    outcome: &ReconcileOutcome,
) -> Vec<EventDraft> {
    let event = |change: &ArnChange| warning(change.reason, PROVISION, change.message.clone());
    arn_changes(previous, outcome).iter().filter_map(|(_, change)| change.as_ref().map(event)).collect()
}

/// Returns the events of a change of status: one if the account becomes ready, one for each new blocker, and
/// one for each resource that changed without a new ARN.
pub(super) fn events(
    previous: Option<&StreamerAccountStatus>,
    next: &StreamerAccountStatus,
    outcome: &ReconcileOutcome,
) -> Vec<EventDraft> {
    let before = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let default = StreamerAccountStatus::default();
    let arn_changes = arn_changes(previous.unwrap_or(&default), outcome);
    let changed = outcome.resources.iter().filter_map(|(kind, result)| Some((kind, result.as_ref().ok()?)));
    let mut events: Vec<_> = changed
        .filter(|(kind, _)| arn_changes[*kind].is_none())
        .filter_map(|(kind, resource)| change_event(kind, resource))
        .collect();
    let Some(ready) = find(&next.conditions, READY) else { return events };
    let is_known = find(before, READY)
        .is_some_and(|before| before.reason == ready.reason && before.message == ready.message);
    if !is_known {
        let is_waiting = outcome
            .blockers()
            .iter()
            .all(|blocker| matches!(blocker.retry, Retry::After(_) | Retry::WithOtherResources));
        events.push(EventDraft {
            warning: ready.status != "True" && !is_waiting,
            reason: outcome.reason(),
            action: RECONCILE,
            note: ready.message.clone(),
        });
    }
    events
}

fn change_event(kind: ResourceKind, resource: &ReadyResource) -> Option<EventDraft> {
    match resource.change {
        // One event reports the creation of all three; an ARN change reports a correction.
        Change::Unchanged | Change::Created | Change::Corrected => None,
        Change::Adopted => Some(normal(Reason::Adopted, PROVISION, messages::records::adopted(kind))),
        Change::Recovered => Some(normal(Reason::Adopted, PROVISION, messages::records::recovered(kind))),
        Change::Updated => Some(normal(Reason::Updated, PROVISION, messages::records::updated(kind))),
        Change::DriftCorrected => {
            let note = messages::records::drift_corrected(kind, &resource.corrected);
            Some(warning(Reason::DriftCorrected, PROVISION, note))
        }
        Change::Recreated => {
            Some(warning(Reason::Recreated, PROVISION, messages::records::recreated(kind, None)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::controller::{
        outcome::tests::{blocked_stage, blocker, ready},
        status::conditions::{
            next_status,
            tests::{at, at_generation},
        },
    };

    #[test]
    fn becoming_ready_is_one_event_and_staying_ready_is_none() {
        let status = next_status(None, at_generation(1), &at(1), &ready());
        let events_of = |previous| events(previous, &status, &ready());
        assert_eq!(events_of(None).len(), 1);
        assert!(!events_of(None)[0].warning);
        assert_eq!(events_of(Some(&status)), vec![]);
    }

    #[test]
    fn a_blocker_is_a_warning_and_a_wait_is_not() {
        let of = |retry| {
            let outcome = blocked_stage(&blocker(retry, "message"));
            events(None, &next_status(None, at_generation(1), &at(1), &outcome), &outcome)[0].warning
        };
        assert!(of(Retry::FixedDelay));
        assert!(!of(Retry::After(Duration::from_secs(1))));
    }
}
