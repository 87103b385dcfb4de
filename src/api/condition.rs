//! Condition types as kstatus defines them, and how conditions change.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::ResourceKind;

/// All resources exist and match the spec of this generation. Always present.
pub const READY: &str = "Ready";
/// Work is in progress. Present only while true.
pub const RECONCILING: &str = "Reconciling";
/// No progress is possible until somebody changes something. Present only while true.
pub const STALLED: &str = "Stalled";
/// Nothing is changed in AWS, because the spec says so. Present only while true.
pub const SUSPENDED: &str = "Suspended";
/// The user exists in the database.
pub const USER_READY: &str = "UserReady";
/// The channel exists and matches the spec.
pub const CHANNEL_READY: &str = "ChannelReady";
/// The chat room exists and matches the spec.
pub const CHAT_ROOM_READY: &str = "ChatRoomReady";
/// The stage exists and matches the spec.
pub const STAGE_READY: &str = "StageReady";

/// Returns true if the operator writes conditions of this type.
#[must_use]
pub fn is_own(type_: &str) -> bool {
    [READY, RECONCILING, STALLED, SUSPENDED, USER_READY].contains(&type_)
        || ResourceKind::ALL.iter().any(|kind| kind.condition() == type_)
}

/// Returns true if the status of the condition is True.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// Returns the condition of this type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The observed state of a condition. Its transition time follows from the previous conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Type of the condition.
    pub type_: &'static str,
    /// Status: True or False; None if it is Unknown.
    pub status: Option<bool>,
    /// Reason in CamelCase, for programs.
    pub reason: String,
    /// Meaning and remedy, for people. Never contains a secret (I9).
    pub message: String,
}

impl Observation {
    /// Creates an observation.
    pub fn new(
        type_: &'static str,
        status: bool,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { type_, status: Some(status), reason: reason.into(), message: message.into() }
    }

    /// Creates an observation that leaves open whether the condition is true.
    pub fn unknown(type_: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { type_, status: None, reason: reason.into(), message: message.into() }
    }
}

/// Returns the conditions for the observations of `generation` at `now`, in the same order. The transition
/// time changes only if the status does.
#[must_use]
pub fn observed(
    previous: &[Condition],
    now: &Time,
    generation: i64,
    observations: &[Observation],
) -> Vec<Condition> {
    let transition_time = |observation: &Observation, status: &str| match find(previous, observation.type_) {
        Some(before) if before.status == status => before.last_transition_time.clone(),
        _ => now.clone(),
    };
    observations
        .iter()
        .map(|observation| {
            let status = match observation.status {
                Some(true) => "True",
                Some(false) => "False",
                None => "Unknown",
            };
            Condition {
                type_: observation.type_.to_owned(),
                status: status.to_owned(),
                reason: observation.reason.clone(),
                message: observation.message.clone(),
                observed_generation: Some(generation),
                last_transition_time: transition_time(observation, status),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).expect("a valid time"))
    }

    #[test]
    fn transition_time_changes_only_with_the_status() {
        let first = observed(&[], &at(1), 1, &[Observation::new(READY, false, "Creating", "soon")]);
        let second = observed(&first, &at(2), 2, &[Observation::new(READY, false, "Throttled", "later")]);
        let third = observed(&second, &at(3), 2, &[Observation::new(READY, true, "Ready", "all three")]);

        assert_eq!(second[0].last_transition_time, at(1));
        assert_eq!(second[0].reason, "Throttled");
        assert_eq!(second[0].observed_generation, Some(2));
        assert_eq!(third[0].last_transition_time, at(3));
        assert!(is_true(&third, READY));
    }

    #[test]
    fn conditions_that_are_not_observed_are_removed() {
        let before = observed(
            &[],
            &at(1),
            1,
            &[
                Observation::new(READY, false, "Creating", ""),
                Observation::new(RECONCILING, true, "Creating", ""),
            ],
        );
        let after = observed(&before, &at(2), 1, &[Observation::new(READY, true, "Ready", "")]);
        assert!(find(&after, RECONCILING).is_none());
    }
}
