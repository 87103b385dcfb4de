//! Which events a change of status calls for: pure.

use super::{Notice, problem::Retry, status::Progress};
use crate::{
    api::{
        StreamerAccountStatus,
        condition::{READY, find},
    },
    provision::Change,
};

/// The events that a change of status calls for: one when it becomes ready, one for each new problem, one for each
/// resource that changed.
pub fn notices(
    previous: Option<&StreamerAccountStatus>,
    next: &StreamerAccountStatus,
    progress: &Progress,
) -> Vec<Notice> {
    let before = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut notices: Vec<_> = [
        changed("channel", progress.channel.as_ref().ok().map(|done| done.change)),
        changed("chat room", progress.chat_room.as_ref().ok().map(|done| done.change)),
        changed("stage", progress.stage.as_ref().ok().map(|done| done.change)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let Some(ready) = find(&next.conditions, READY) else { return notices };
    let said = find(before, READY)
        .is_some_and(|before| before.reason == ready.reason && before.message == ready.message);
    if !said {
        let waiting = progress.problems().iter().all(|problem| matches!(problem.retry, Retry::After(_)));
        notices.push(Notice {
            warning: ready.status != "True" && !waiting,
            reason: ready.reason.clone(),
            action: "Reconcile",
            note: ready.message.clone(),
        });
    }
    notices
}

fn changed(noun: &str, change: Option<Change>) -> Option<Notice> {
    let (warning, reason, note) = match change? {
        // Creation is told once, when all three are there.
        Change::Kept | Change::Created => return None,
        Change::Adopted => {
            (false, "Adopted", format!("the {noun} of an earlier attempt was found and taken on"))
        }
        Change::Updated => (false, "Updated", format!("the {noun} was changed as the spec says")),
        Change::Recreated => (
            true,
            "Recreated",
            format!("the {noun} was gone from AWS and was made again: its ARN has changed"),
        ),
    };
    Some(Notice { warning, reason: reason.to_owned(), action: "Provision", note })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::controller::status::{
        after,
        tests::{at, problem, ready},
    };

    #[test]
    fn becoming_ready_is_one_event_and_staying_ready_none() {
        let status = after(None, 1, &at(1), &ready());
        let notices_of = |previous| notices(previous, &status, &ready());
        assert_eq!(notices_of(None).len(), 1);
        assert!(!notices_of(None)[0].warning);
        assert_eq!(notices_of(Some(&status)), vec![]);
    }

    #[test]
    fn a_problem_is_a_warning_and_a_wait_is_not() {
        let of = |retry| {
            let progress = Progress { stage: Err(problem(retry, "words")), ..ready() };
            notices(None, &after(None, 1, &at(1), &progress), &progress)[0].warning
        };
        assert!(of(Retry::Slowly));
        assert!(!of(Retry::After(Duration::from_secs(1))));
    }
}
