//! Which events a change of status calls for: pure.

use super::{
    Notice,
    moves::{Move, moves},
    problem::Retry,
    progress::Progress,
};
use crate::{
    api::{
        ResourceKind, StreamerAccountStatus,
        condition::{READY, find},
    },
    provision::Change,
};

/// The events of ARNs that become others. They come before the status that names the new ones, so that they are told again
/// where that cannot be written (I7).
pub fn move_notices(previous: &StreamerAccountStatus, progress: &Progress) -> Vec<Notice> {
    let notice = |moved: &Move| Notice {
        warning: true,
        reason: moved.reason.to_owned(),
        action: "Provision",
        note: moved.message.clone(),
    };
    moves(previous, progress).iter().filter_map(|(_, moved)| moved.as_ref().map(notice)).collect()
}

/// The events that a change of status calls for: one when it becomes ready, one for each new problem, one for each
/// resource that changed and did not move.
pub fn notices(
    previous: Option<&StreamerAccountStatus>,
    next: &StreamerAccountStatus,
    progress: &Progress,
) -> Vec<Notice> {
    let before = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let default = StreamerAccountStatus::default();
    let moves = moves(previous.unwrap_or(&default), progress);
    let changes =
        progress.resources.iter().filter_map(|(kind, part)| Some((kind, part.as_ref().ok()?.change)));
    let mut notices: Vec<_> = changes
        .filter(|(kind, _)| moves[*kind].is_none())
        .filter_map(|(kind, change)| changed(kind, change))
        .collect();
    let Some(ready) = find(&next.conditions, READY) else { return notices };
    let said = find(before, READY)
        .is_some_and(|before| before.reason == ready.reason && before.message == ready.message);
    if !said {
        let waiting = progress
            .problems()
            .iter()
            .all(|problem| matches!(problem.retry, Retry::After(_) | Retry::WithTheOthers));
        notices.push(Notice {
            warning: ready.status != "True" && !waiting,
            reason: ready.reason.clone(),
            action: "Reconcile",
            note: ready.message.clone(),
        });
    }
    notices
}

fn changed(kind: ResourceKind, change: Change) -> Option<Notice> {
    let notice = |warning, reason: &str, note| Notice {
        warning,
        reason: reason.to_owned(),
        action: "Provision",
        note,
    };
    match change {
        // Creation is told once, when all three are there; a correction by what has moved.
        Change::Unchanged | Change::Created | Change::Corrected => None,
        Change::Adopted => {
            Some(notice(false, "Adopted", format!("the {kind} of an earlier attempt was found and taken on")))
        }
        Change::Updated => Some(notice(false, "Updated", format!("the {kind} was changed as the spec says"))),
        Change::Recreated => {
            Some(notice(true, "Recreated", format!("the {kind} was gone from AWS and was made again")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::controller::{
        progress::tests::{problem, ready, without_stage},
        status::{
            after,
            tests::{at, at_generation},
        },
    };

    #[test]
    fn becoming_ready_is_one_event_and_staying_ready_none() {
        let status = after(None, at_generation(1), &at(1), &ready());
        let notices_of = |previous| notices(previous, &status, &ready());
        assert_eq!(notices_of(None).len(), 1);
        assert!(!notices_of(None)[0].warning);
        assert_eq!(notices_of(Some(&status)), vec![]);
    }

    #[test]
    fn a_problem_is_a_warning_and_a_wait_is_not() {
        let of = |retry| {
            let progress = without_stage(&problem(retry, "words"));
            notices(None, &after(None, at_generation(1), &at(1), &progress), &progress)[0].warning
        };
        assert!(of(Retry::Slowly));
        assert!(!of(Retry::After(Duration::from_secs(1))));
    }
}
