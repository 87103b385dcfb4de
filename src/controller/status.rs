//! From what came of the parts of an account to its status: pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{
    moves::{BESIDE, Move, moves, said},
    problem::{DRIFT_PERSISTS, Problem, Retry},
    progress::{Done, Part, Progress, problem},
};
use crate::{
    api::{
        ResourceKind, StreamerAccountStatus,
        condition::{Observation, READY, RECONCILING, STALLED, USER_READY, find, observed},
    },
    ivs::REQUEST_ID_MARK,
};

/// What a status speaks of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Generation of the spec.
    pub generation: i64,
    /// Value of the annotation that asks for a look at everything.
    pub reconcile_at: Option<&'a str>,
}

/// The status after an observation of `subject` at `now`.
pub fn after(
    previous: Option<&StreamerAccountStatus>,
    subject: Subject<'_>,
    now: &Time,
    progress: &Progress,
) -> StreamerAccountStatus {
    let default = StreamerAccountStatus::default();
    let previous = previous.unwrap_or(&default);
    let observations = observations(previous, progress);
    let mut conditions = observed(&previous.conditions, now, subject.generation, &observations);
    keep_request_ids(&previous.conditions, &mut conditions);
    let mut next = StreamerAccountStatus {
        observed_generation: subject.generation,
        last_handled_reconcile_at: if is_handled(progress) {
            subject.reconcile_at.map(str::to_owned)
        } else {
            previous.last_handled_reconcile_at.clone()
        },
        conditions,
        user_id: progress.user.as_ref().ok().or(previous.user_id.as_ref()).cloned(),
        // What could not be looked at stays as it was.
        ..previous.clone()
    };
    for (_, part) in progress.resources.iter() {
        if let Ok(done) = part {
            next.set(done.status.clone());
        }
    }
    next
}

/// Returns true if a look at everything came to its end: all is well, or was sent and AWS does not show it so.
fn is_handled(progress: &Progress) -> bool {
    progress.problems().iter().all(|problem| problem.reason == DRIFT_PERSISTS)
}

fn observations(previous: &StreamerAccountStatus, progress: &Progress) -> Vec<Observation> {
    let problems = progress.problems();
    let mut all = Vec::new();
    if let Some(first) = problems.first() {
        let message = joined(&problems);
        all.push(Observation::new(READY, false, first.reason, &message));
        let stalled = problems.iter().all(|problem| problem.retry == Retry::Never);
        all.push(Observation::new(if stalled { STALLED } else { RECONCILING }, true, first.reason, message));
    } else {
        let message = "the channel, the chat room and the stage are as the spec says";
        all.push(Observation::new(READY, true, "Ready", message));
    }
    all.push(match &progress.user {
        Ok(_) => Observation::new(USER_READY, true, "Ready", "the user has a row in the database"),
        Err(problem) => Observation::new(USER_READY, false, problem.reason, &problem.message),
    });
    let moves = moves(previous, progress);
    let of =
        |(kind, part)| observation(kind, part, moves[kind].as_ref().or(said(previous, kind, part).as_ref()));
    all.extend(progress.resources.iter().map(of));
    all
}

fn observation(kind: ResourceKind, part: &Part<Done>, moved: Option<&Move>) -> Observation {
    let type_ = kind.condition();
    match (problem(part), moved) {
        // What is wrong beside it, Ready says too.
        (Some(problem), Some(moved)) if part.is_ok() => {
            Observation::new(type_, false, moved.reason, [&*moved.message, &*problem.message].join(BESIDE))
        }
        (Some(problem), _) => Observation::new(type_, false, problem.reason, &problem.message),
        (None, Some(moved)) => Observation::new(type_, true, moved.reason, &moved.message),
        (None, None) => Observation::new(type_, true, "Ready", format!("the {kind} is as the spec says")),
    }
}

fn joined(problems: &[&Problem]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for problem in problems {
        if !messages.contains(&problem.message.as_str()) {
            messages.push(&problem.message);
        }
    }
    messages.join("; ")
}

/// A message that differs only in the request id stays as it was: each retry has a new one, and would be a write.
fn keep_request_ids(previous: &[Condition], conditions: &mut [Condition]) {
    for condition in conditions {
        if let Some(before) = find(previous, &condition.type_)
            && before.reason == condition.reason
            && without_request_ids(&before.message) == without_request_ids(&condition.message)
        {
            condition.message.clone_from(&before.message);
        }
    }
}

fn without_request_ids(message: &str) -> String {
    let mut parts = message.split(REQUEST_ID_MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::{
        super::progress::tests::{done, problem, ready, ready_but, stage, without_stage},
        *,
    };
    use crate::{
        api::{
            ChannelStatus,
            condition::{CHANNEL_READY, STAGE_READY, is_true},
        },
        provision::Change,
    };

    pub fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).expect("a valid time"))
    }

    pub fn at_generation(generation: i64) -> Subject<'static> {
        Subject { generation, reconcile_at: None }
    }

    #[test]
    fn ready_is_true_only_when_all_parts_are() {
        let status = after(None, at_generation(3), &at(1), &ready());
        assert!(is_true(&status.conditions, READY));
        assert_eq!(status.observed_generation, 3);
        assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
        assert!(
            find(&status.conditions, RECONCILING).is_none() && find(&status.conditions, STALLED).is_none()
        );

        let one_fails = without_stage(&problem(Retry::Soon, "no"));
        let status = after(None, at_generation(3), &at(1), &one_fails);
        assert!(!is_true(&status.conditions, READY));
        assert!(is_true(&status.conditions, CHANNEL_READY));
        assert!(is_true(&status.conditions, RECONCILING));
    }

    #[test]
    fn stalled_only_when_nothing_is_tried_again() {
        let invalid = without_stage(&problem(Retry::Never, "bad"));
        let status = after(None, at_generation(1), &at(1), &invalid);
        assert!(is_true(&status.conditions, STALLED) && find(&status.conditions, RECONCILING).is_none());
        assert_eq!(invalid.retry(), Some(Retry::Never));

        let mixed = ready_but(|kind| match kind {
            ResourceKind::Channel => None,
            ResourceKind::ChatRoom => Some(Err(problem(Retry::Soon, "later"))),
            ResourceKind::Stage => Some(Err(problem(Retry::Never, "bad"))),
        });
        let status = after(None, at_generation(1), &at(1), &mixed);
        assert!(is_true(&status.conditions, RECONCILING) && find(&status.conditions, STALLED).is_none());
        assert_eq!(mixed.retry(), Some(Retry::Soon));
    }

    #[test]
    fn what_could_not_be_looked_at_keeps_its_arn() {
        let before = after(None, at_generation(1), &at(1), &ready());
        let no = |_| Err(problem(Retry::Soon, "no"));
        let failed = ready_but(|kind| (kind == ResourceKind::Channel).then_some(kind).map(no));
        let status = after(Some(&before), at_generation(2), &at(2), &failed);
        assert_eq!(status.channel, before.channel);
    }

    #[test]
    fn a_new_request_id_alone_is_no_change() {
        let fails = |id: &str| {
            without_stage(&problem(Retry::Slowly, &format!("CreateStage failed: no{REQUEST_ID_MARK}{id})")))
        };
        let first = after(None, at_generation(1), &at(1), &fails("1"));
        let second = after(Some(&first), at_generation(1), &at(2), &fails("2"));
        assert_eq!(first, second);
    }

    #[test]
    fn an_arn_never_changes_silently() {
        let before = after(None, at_generation(1), &at(1), &ready());
        for (change, reason) in [(Change::Recreated, "Recreated"), (Change::Unchanged, "ArnChanged")] {
            let moved =
                ready_but(|kind| (kind == ResourceKind::Stage).then(|| Ok(done(change, stage("other")))));
            let status = after(Some(&before), at_generation(1), &at(2), &moved);
            let condition = find(&status.conditions, STAGE_READY).expect("a condition");
            assert_eq!(condition.reason, reason);
            let words: Vec<_> = condition.message.split([' ', ':']).collect();
            assert!(words.contains(&"other") && words.contains(&"s"), "{}", condition.message);
        }
    }

    #[test]
    fn a_secret_that_cannot_be_written_hides_no_arn() {
        let channel = ChannelStatus { arn: "c".to_owned(), ..ChannelStatus::default() };
        let lacks = Some(problem(Retry::Slowly, "in the way"));
        let without_secret = Done { lacks, ..done(Change::Created, channel) };
        let fails = ready_but(|kind| (kind == ResourceKind::Channel).then(|| Ok(without_secret.clone())));
        let status = after(None, at_generation(1), &at(1), &fails);
        assert!(status.channel.is_some() && !is_true(&status.conditions, READY));
        assert!(!is_true(&status.conditions, CHANNEL_READY) && is_true(&status.conditions, STAGE_READY));
    }

    #[test]
    fn an_arn_changes_not_silently_either_where_its_secret_cannot_be_written() {
        let other = |change, lacks: Option<Problem>| {
            let channel = ChannelStatus { arn: "other".to_owned(), ..ChannelStatus::default() };
            let done = Done { lacks, ..done(change, channel) };
            ready_but(|kind| (kind == ResourceKind::Channel).then(|| Ok(done.clone())))
        };
        let mut status = after(None, at_generation(1), &at(1), &ready());
        let in_the_way = || Some(problem(Retry::Slowly, "in the way"));
        let steps =
            [(Change::Recreated, in_the_way()), (Change::Unchanged, in_the_way()), (Change::Unchanged, None)];
        for (change, lacks) in steps {
            let is_wrong = lacks.is_some();
            status = after(Some(&status), at_generation(1), &at(2), &other(change, lacks));
            let condition = find(&status.conditions, CHANNEL_READY).expect("a condition");
            assert_eq!(
                (&*condition.reason, &*condition.status),
                ("Recreated", if is_wrong { "False" } else { "True" })
            );
            assert_eq!(condition.message.matches("in the way").count(), usize::from(is_wrong));
            assert!(condition.message.contains("other"), "{}", condition.message);
        }
    }

    #[test]
    fn a_request_is_handled_when_all_is_well() {
        let asked = Subject { generation: 1, reconcile_at: Some("now") };
        let fails = without_stage(&problem(Retry::Soon, "no"));
        assert_eq!(after(None, asked, &at(1), &fails).last_handled_reconcile_at, None);
        assert_eq!(after(None, asked, &at(1), &ready()).last_handled_reconcile_at.as_deref(), Some("now"));
    }
}
