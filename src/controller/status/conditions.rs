//! The status of an account after a reconcile. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::arn_changes::{ArnChange, arn_changes, reported_change};
use crate::{
    api::{
        EffectivePolicies, Reason, ResourceKind, StreamerAccountStatus,
        condition::{Observation, READY, RECONCILING, STALLED, SUSPENDED, USER_READY, find, observed},
    },
    controller::{
        blocker::{Blocker, Retry},
        outcome::{ReconcileOutcome, ResourceResult, blocker},
    },
    ivs::REQUEST_ID_MARK,
    messages,
};

/// The subject of a status.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The generation of the spec.
    pub generation: i64,
    /// The value of the annotation that requests a reconcile.
    pub reconcile_request: Option<&'a str>,
    /// The policies that hold.
    pub policies: EffectivePolicies,
    /// The hash of the spec.
    pub spec_hash: &'a str,
}

/// Returns the status after an observation of `subject` at `now`.
pub fn next_status(
    previous: Option<&StreamerAccountStatus>,
    subject: Subject<'_>,
    now: &Time,
    outcome: &ReconcileOutcome,
) -> StreamerAccountStatus {
    let default = StreamerAccountStatus::default();
    let previous = previous.unwrap_or(&default);
    let observations = observations(previous, outcome);
    let mut conditions = observed(&previous.conditions, now, subject.generation, &observations);
    keep_request_ids(&previous.conditions, &mut conditions);
    let mut next = StreamerAccountStatus {
        observed_generation: subject.generation,
        last_handled_reconcile_at: if is_applied(outcome) {
            subject.reconcile_request.map(str::to_owned)
        } else {
            previous.last_handled_reconcile_at.clone()
        },
        applied_generation: if is_applied(outcome)
            || previous.has_applied(subject.generation, subject.spec_hash)
        {
            Some(subject.generation)
        } else {
            previous.applied_generation
        },
        effective_policies: Some(subject.policies),
        observed_spec_hash: Some(subject.spec_hash.to_owned()),
        conditions,
        user_id: outcome.user.as_ref().ok().or(previous.user_id.as_ref()).cloned(),
        // A resource that could not be checked keeps its status.
        ..previous.clone()
    };
    for (_, result) in outcome.resources.iter() {
        if let Ok(resource) = result {
            next.set(resource.status.clone());
        }
    }
    next
}

/// Returns the status of a suspended account. If its spec is the one that the previous status describes, the
/// conditions stay; otherwise it is unknown whether AWS matches the spec (I10).
pub fn suspended_status(
    previous: Option<&StreamerAccountStatus>,
    subject: Subject<'_>,
    now: &Time,
) -> StreamerAccountStatus {
    let default = StreamerAccountStatus::default();
    let previous = previous.unwrap_or(&default);
    let is_same_spec = previous.describes(subject.generation, subject.spec_hash);
    let mut observations =
        vec![Observation::new(SUSPENDED, true, Reason::Suspended, messages::account::SUSPENDED)];
    if !is_same_spec || find(&previous.conditions, READY).is_none() {
        let message = messages::account::UNKNOWN_WHILE_SUSPENDED;
        observations.insert(0, Observation::unknown(READY, Reason::Suspended, message));
    }
    let mut conditions = observed(&previous.conditions, now, subject.generation, &observations);
    let is_kept = |kept: &&Condition| {
        ![RECONCILING, STALLED].contains(&&*kept.type_)
            && observations.iter().all(|it| it.type_ != kept.type_)
    };
    conditions.extend(previous.conditions.iter().filter(is_kept).cloned().map(|mut kept| {
        if is_same_spec && kept.observed_generation == Some(previous.observed_generation) {
            kept.observed_generation = Some(subject.generation);
        }
        kept
    }));
    conditions.sort_by_key(|condition| condition.type_ != READY);
    StreamerAccountStatus {
        observed_generation: subject.generation,
        effective_policies: Some(subject.policies),
        observed_spec_hash: Some(subject.spec_hash.to_owned()),
        applied_generation: if previous.has_applied(subject.generation, subject.spec_hash) {
            Some(subject.generation)
        } else {
            previous.applied_generation
        },
        conditions,
        ..previous.clone()
    }
}

/// Returns true if AWS has accepted the spec: everything is ready, or was sent and has drifted since.
fn is_applied(outcome: &ReconcileOutcome) -> bool {
    outcome.blockers().iter().all(|blocker| blocker.reason.is_drift())
}

fn observations(previous: &StreamerAccountStatus, outcome: &ReconcileOutcome) -> Vec<Observation> {
    let blockers = outcome.blockers();
    let mut all = Vec::new();
    if let Some(first) = blockers.first() {
        let message = joined(&blockers);
        all.push(Observation::new(READY, false, first.reason, &message));
        let stalled = blockers.iter().all(|blocker| blocker.retry == Retry::Never);
        all.push(Observation::new(if stalled { STALLED } else { RECONCILING }, true, first.reason, message));
    } else {
        all.push(Observation::new(READY, true, Reason::Ready, messages::account::READY));
    }
    all.push(match &outcome.user {
        Ok(_) => Observation::new(USER_READY, true, Reason::Ready, messages::account::USER_READY),
        Err(blocker) => Observation::new(USER_READY, false, blocker.reason, &blocker.message),
    });
    let arn_changes = arn_changes(previous, outcome);
    let of = |(kind, result)| {
        let reported = reported_change(previous, kind, result);
        observation(kind, result, arn_changes[kind].as_ref().or(reported.as_ref()))
    };
    all.extend(outcome.resources.iter().map(of));
    all
}

fn observation(kind: ResourceKind, result: &ResourceResult, change: Option<&ArnChange>) -> Observation {
    let type_ = kind.condition();
    match (blocker(result), change) {
        // The condition Ready has the reason of the blocker.
        (Some(blocker), Some(change)) if result.is_ok() => Observation::new(
            type_,
            false,
            change.reason,
            [&*change.message, &*blocker.message].join(messages::ALSO),
        ),
        (Some(blocker), _) => Observation::new(type_, false, blocker.reason, &blocker.message),
        (None, Some(change)) => {
            Observation::new(type_, true, change.reason, with_kept(change.message.clone(), result))
        }
        (None, None) => {
            let message = with_kept(messages::account::resource_ready(kind), result);
            Observation::new(type_, true, Reason::Ready, message)
        }
    }
}

/// Adds to a message what the spec no longer names and AWS cannot set back.
fn with_kept(message: String, result: &ResourceResult) -> String {
    match result {
        Ok(resource) if !resource.kept.is_empty() => {
            messages::join([&*message, &*messages::records::kept(&resource.kept)])
        }
        _ => message,
    }
}

/// Joins the messages of blockers, each once.
fn joined(blockers: &[&Blocker]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for blocker in blockers {
        if !unique.contains(&blocker.message.as_str()) {
            unique.push(&blocker.message);
        }
    }
    messages::join(unique)
}

/// Keeps each message that differs from the previous one only in its request id. Each retry has a new id,
/// which would cause a write.
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

    use super::*;
    use crate::{
        api::{
            ChannelStatus,
            condition::{CHANNEL_READY, STAGE_READY, is_true},
        },
        controller::outcome::{
            ReadyResource,
            tests::{blocked_stage, blocker, ready, ready_except, resource, stage},
        },
        provision::Change,
    };

    pub fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).expect("a valid time"))
    }

    pub fn at_generation(generation: i64) -> Subject<'static> {
        Subject {
            generation,
            reconcile_request: None,
            policies: EffectivePolicies::default(),
            spec_hash: "a",
        }
    }

    #[test]
    fn a_suspended_account_keeps_its_conditions_until_its_spec_is_edited() {
        let ready = next_status(None, at_generation(1), &at(1), &ready());
        let suspended = suspended_status(Some(&ready), at_generation(2), &at(2));
        assert!(is_true(&suspended.conditions, READY) && is_true(&suspended.conditions, SUSPENDED));
        assert!(suspended.conditions.iter().all(|condition| condition.observed_generation == Some(2)));
        assert_eq!((suspended.observed_generation, suspended.applied_generation), (2, Some(2)));
        let edit = Subject { spec_hash: "b", ..at_generation(3) };
        let edited = suspended_status(Some(&suspended), edit, &at(3));
        let unknown = find(&edited.conditions, READY).expect("always there");
        assert_eq!((&*unknown.status, &*unknown.reason), ("Unknown", "Suspended"));
        assert!(is_true(&edited.conditions, SUSPENDED) && is_true(&edited.conditions, CHANNEL_READY));
        assert_eq!(find(&edited.conditions, CHANNEL_READY).expect("kept").observed_generation, Some(2));
        assert_eq!(edited.applied_generation, Some(2));
        let again = suspended_status(Some(&edited), edit, &at(4));
        assert_eq!(again, edited);
        // The spec was another one in between, which may have been sent.
        let back = suspended_status(Some(&ready), at_generation(3), &at(5));
        assert_eq!(find(&back.conditions, READY).expect("always there").status, "Unknown");
    }

    #[test]
    fn a_failure_after_a_resume_does_not_forget_that_the_spec_was_applied() {
        let ready = next_status(None, at_generation(1), &at(1), &ready());
        let suspended = suspended_status(Some(&ready), at_generation(2), &at(2));
        let failed = blocked_stage(&blocker(Retry::Backoff, "no"));
        let resumed = next_status(Some(&suspended), at_generation(3), &at(3), &failed);
        assert_eq!(resumed.applied_generation, Some(3));
    }

    #[test]
    fn a_new_account_that_is_suspended_is_neither_ready_nor_reconciling() {
        let status = suspended_status(None, at_generation(1), &at(1));
        assert_eq!(find(&status.conditions, READY).expect("always there").status, "Unknown");
        assert_eq!(status.conditions.len(), 2);
    }

    #[test]
    fn ready_is_true_only_if_all_parts_are_ready() {
        let status = next_status(None, at_generation(3), &at(1), &ready());
        assert!(is_true(&status.conditions, READY));
        assert_eq!(status.observed_generation, 3);
        assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
        assert!(
            find(&status.conditions, RECONCILING).is_none() && find(&status.conditions, STALLED).is_none()
        );

        let one_fails = blocked_stage(&blocker(Retry::Backoff, "no"));
        let status = next_status(None, at_generation(3), &at(1), &one_fails);
        assert!(!is_true(&status.conditions, READY));
        assert!(is_true(&status.conditions, CHANNEL_READY));
        assert!(is_true(&status.conditions, RECONCILING));
    }

    #[test]
    fn stalled_is_true_only_if_nothing_is_retried() {
        let invalid = blocked_stage(&blocker(Retry::Never, "bad"));
        let status = next_status(None, at_generation(1), &at(1), &invalid);
        assert!(is_true(&status.conditions, STALLED) && find(&status.conditions, RECONCILING).is_none());
        assert_eq!(invalid.retry(), Some(Retry::Never));

        let mixed = ready_except(|kind| match kind {
            ResourceKind::Channel => None,
            ResourceKind::ChatRoom => Some(Err(blocker(Retry::Backoff, "later"))),
            ResourceKind::Stage => Some(Err(blocker(Retry::Never, "bad"))),
        });
        let status = next_status(None, at_generation(1), &at(1), &mixed);
        assert!(is_true(&status.conditions, RECONCILING) && find(&status.conditions, STALLED).is_none());
        assert_eq!(mixed.retry(), Some(Retry::Backoff));
    }

    #[test]
    fn a_resource_that_could_not_be_checked_keeps_its_arn() {
        let before = next_status(None, at_generation(1), &at(1), &ready());
        let no = |_| Err(blocker(Retry::Backoff, "no"));
        let failed = ready_except(|kind| (kind == ResourceKind::Channel).then_some(kind).map(no));
        let status = next_status(Some(&before), at_generation(2), &at(2), &failed);
        assert_eq!(status.channel, before.channel);
    }

    #[test]
    fn a_new_request_id_alone_does_not_change_the_message() {
        let fails = |id: &str| {
            blocked_stage(&blocker(
                Retry::FixedDelay,
                &format!("CreateStage failed: no{REQUEST_ID_MARK}{id})"),
            ))
        };
        let first = next_status(None, at_generation(1), &at(1), &fails("1"));
        let second = next_status(Some(&first), at_generation(1), &at(2), &fails("2"));
        assert_eq!(first, second);
    }

    #[test]
    fn a_changed_arn_is_reported_in_the_condition() {
        let before = next_status(None, at_generation(1), &at(1), &ready());
        for (change, reason) in
            [(Change::Recreated, Reason::Recreated), (Change::Unchanged, Reason::ArnChanged)]
        {
            let moved = ready_except(|kind| {
                (kind == ResourceKind::Stage).then(|| Ok(resource(change, stage("other"))))
            });
            let status = next_status(Some(&before), at_generation(1), &at(2), &moved);
            let condition = find(&status.conditions, STAGE_READY).expect("a condition");
            assert_eq!(condition.reason, reason);
            let words: Vec<_> = condition.message.split([' ', ',', ':', '.']).collect();
            assert!(words.contains(&"other") && words.contains(&"s"), "{}", condition.message);
        }
    }

    #[test]
    fn a_secret_that_cannot_be_written_does_not_hide_the_arn() {
        let channel = ChannelStatus { arn: "c".to_owned(), ..ChannelStatus::default() };
        let blocker = Some(blocker(Retry::FixedDelay, "in the way"));
        let without_secret = ReadyResource { blocker, ..resource(Change::Created, channel) };
        let fails = ready_except(|kind| (kind == ResourceKind::Channel).then(|| Ok(without_secret.clone())));
        let status = next_status(None, at_generation(1), &at(1), &fails);
        assert!(status.channel.is_some() && !is_true(&status.conditions, READY));
        assert!(!is_true(&status.conditions, CHANNEL_READY) && is_true(&status.conditions, STAGE_READY));
    }

    #[test]
    fn a_changed_arn_is_reported_even_if_its_secret_cannot_be_written() {
        let other = |change, blocker: Option<Blocker>| {
            let channel = ChannelStatus { arn: "other".to_owned(), ..ChannelStatus::default() };
            let changed = ReadyResource { blocker, ..resource(change, channel) };
            ready_except(|kind| (kind == ResourceKind::Channel).then(|| Ok(changed.clone())))
        };
        let mut status = next_status(None, at_generation(1), &at(1), &ready());
        let in_the_way = || Some(blocker(Retry::FixedDelay, "in the way"));
        let steps =
            [(Change::Recreated, in_the_way()), (Change::Unchanged, in_the_way()), (Change::Unchanged, None)];
        for (change, blocker) in steps {
            let is_wrong = blocker.is_some();
            status = next_status(Some(&status), at_generation(1), &at(2), &other(change, blocker));
            let condition = find(&status.conditions, CHANNEL_READY).expect("a condition");
            assert_eq!(
                (&*condition.reason, &*condition.status),
                (Reason::Recreated.as_str(), if is_wrong { "False" } else { "True" })
            );
            assert_eq!(condition.message.matches("in the way").count(), usize::from(is_wrong));
            assert!(condition.message.contains("other"), "{}", condition.message);
        }
    }

    #[test]
    fn a_requested_reconcile_is_handled_once_everything_is_ready() {
        let asked = Subject { reconcile_request: Some("now"), ..at_generation(1) };
        let fails = blocked_stage(&blocker(Retry::Backoff, "no"));
        assert_eq!(next_status(None, asked, &at(1), &fails).last_handled_reconcile_at, None);
        assert_eq!(
            next_status(None, asked, &at(1), &ready()).last_handled_reconcile_at.as_deref(),
            Some("now")
        );
    }
}
