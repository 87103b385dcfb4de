//! The events that a change of status requires. Pure.

use super::arn_changes::{ArnChange, arn_changes};
use crate::{
    api::{
        ResourceKind, StreamerAccountStatus,
        condition::{READY, find},
    },
    controller::{blocker::Retry, kubernetes::EventDraft, outcome::ReconcileOutcome},
    provision::Change,
};

/// Returns the events of ARNs that change. They are published before the status that names the new ARNs, so
/// that they are published again if that status cannot be written (I7).
pub fn arn_change_events(previous: &StreamerAccountStatus, outcome: &ReconcileOutcome) -> Vec<EventDraft> {
    let event = |change: &ArnChange| EventDraft {
        warning: true,
        reason: change.reason.to_owned(),
        action: "Provision",
        note: change.message.clone(),
    };
    arn_changes(previous, outcome).iter().filter_map(|(_, change)| change.as_ref().map(event)).collect()
}

/// Returns the events of a change of status: one if the account becomes ready, one for each new blocker, and
/// one for each resource that changed without a new ARN.
pub fn events(
    previous: Option<&StreamerAccountStatus>,
    next: &StreamerAccountStatus,
    outcome: &ReconcileOutcome,
) -> Vec<EventDraft> {
    let before = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let default = StreamerAccountStatus::default();
    let arn_changes = arn_changes(previous.unwrap_or(&default), outcome);
    let changes =
        outcome.resources.iter().filter_map(|(kind, result)| Some((kind, result.as_ref().ok()?.change)));
    let mut events: Vec<_> = changes
        .filter(|(kind, _)| arn_changes[*kind].is_none())
        .filter_map(|(kind, change)| change_event(kind, change))
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
            reason: ready.reason.clone(),
            action: "Reconcile",
            note: ready.message.clone(),
        });
    }
    events
}

fn change_event(kind: ResourceKind, change: Change) -> Option<EventDraft> {
    let event = |warning, reason: &str, note| EventDraft {
        warning,
        reason: reason.to_owned(),
        action: "Provision",
        note,
    };
    match change {
        // One event reports the creation of all three; an ARN change reports a correction.
        Change::Kept | Change::Created | Change::Corrected => None,
        Change::Adopted => {
            Some(event(false, "Adopted", format!("the {kind} of an earlier attempt was found and taken on")))
        }
        Change::Updated => Some(event(false, "Updated", format!("the {kind} was changed as the spec says"))),
        Change::Recreated => {
            Some(event(true, "Recreated", format!("the {kind} was gone from AWS and was made again")))
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
            let outcome = blocked_stage(&blocker(retry, "words"));
            events(None, &next_status(None, at_generation(1), &at(1), &outcome), &outcome)[0].warning
        };
        assert!(of(Retry::FixedDelay));
        assert!(!of(Retry::After(Duration::from_secs(1))));
    }
}
