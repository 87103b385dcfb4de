//! Conditions as kstatus defines them: their types, and the one rule by which they change.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Everything is there as the spec of this generation says. Always present.
pub const READY: &str = "Ready";
/// Work is under way. Present only while true.
pub const RECONCILING: &str = "Reconciling";
/// Nothing will happen until somebody changes something. Present only while true.
pub const STALLED: &str = "Stalled";
/// The row in `users` is there.
pub const USER_READY: &str = "UserReady";
/// The channel is there as the spec says.
pub const CHANNEL_READY: &str = "ChannelReady";
/// The chat room is there as the spec says.
pub const CHAT_ROOM_READY: &str = "ChatRoomReady";
/// The stage is there as the spec says.
pub const STAGE_READY: &str = "StageReady";

/// Whether the condition of this type is True.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// The condition of this type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// One condition as it should be now; when it last turned is worked out from what was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Type of the condition.
    pub type_: &'static str,
    /// True or False.
    pub status: bool,
    /// One word in CamelCase, for programs.
    pub reason: String,
    /// What it means and what to do, for people. Never a secret (I9).
    pub message: String,
}

impl Observation {
    /// A condition that is or is not met, and why.
    pub fn new(
        type_: &'static str,
        status: bool,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { type_, status, reason: reason.into(), message: message.into() }
    }
}

/// The conditions after an observation of `generation` at `now`: exactly those observed, in that order; the time of
/// the last transition moves only where the status did.
#[must_use]
pub fn observed(
    previous: &[Condition],
    now: &Time,
    generation: i64,
    observations: &[Observation],
) -> Vec<Condition> {
    let turned = |observation: &Observation, status: &str| match find(previous, observation.type_) {
        Some(before) if before.status == status => before.last_transition_time.clone(),
        _ => now.clone(),
    };
    observations
        .iter()
        .map(|observation| {
            let status = if observation.status { "True" } else { "False" };
            Condition {
                type_: observation.type_.to_owned(),
                status: status.to_owned(),
                reason: observation.reason.clone(),
                message: observation.message.clone(),
                observed_generation: Some(generation),
                last_transition_time: turned(observation, status),
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
    fn the_transition_time_moves_only_with_the_status() {
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
    fn what_is_not_observed_any_more_goes() {
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
