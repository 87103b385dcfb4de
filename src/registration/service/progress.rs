//! From conditions to what a person reads: which part is there, what is being done, what is wrong.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{
    StreamerAccount,
    condition::{self, CHANNEL_READY, CHAT_ROOM_READY, READY, STAGE_READY, STALLED},
};

/// How far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being set up, or will be tried again by itself.
    Pending,
    /// It is there.
    Ready,
    /// Nothing will happen until somebody changes something.
    Failed,
    /// It is being taken away.
    Deleting,
}

impl fmt::Display for Status {
    /// As in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        })
    }
}

impl Status {
    /// How far a whole account is.
    #[must_use]
    pub fn of(account: &StreamerAccount) -> Self {
        Progress::of(account).status
    }
}

/// How far the three parts are, each with what a person should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The whole.
    pub status: Status,
    /// What is wrong with the whole, where one word about the parts does not say it.
    pub problem: Option<&'static str>,
    /// The channel.
    pub channel: Part,
    /// The chat room.
    pub chat_room: Part,
    /// The stage.
    pub stage: Part,
}

/// How far one part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How far.
    pub status: Status,
    /// What is wrong, in a person's words.
    pub problem: Option<&'static str>,
}

impl Progress {
    /// Of an account that is still to be made.
    #[must_use]
    pub fn to_be_made() -> Self {
        Self::all(Status::Pending)
    }

    /// Of an account that is to go, made or not.
    #[must_use]
    pub fn going() -> Self {
        Self::all(Status::Deleting)
    }

    fn all(status: Status) -> Self {
        let part = Part { status, problem: None };
        Self { status, problem: None, channel: part, chat_room: part, stage: part }
    }

    /// What the conditions say; conditions of an older spec say nothing of this one's readiness.
    #[must_use]
    pub fn of(account: &StreamerAccount) -> Self {
        let going = account.metadata.deletion_timestamp.is_some();
        let stalled = is_true(account, STALLED);
        let part = |type_| part(account, type_, going, stalled);
        let (channel, chat_room, stage) = (part(CHANNEL_READY), part(CHAT_ROOM_READY), part(STAGE_READY));
        let status = if going {
            Status::Deleting
        } else if stalled {
            Status::Failed
        } else if is_true(account, READY) {
            Status::Ready
        } else {
            Status::Pending
        };
        let told = [channel, chat_room, stage].iter().any(|part| part.problem.is_some());
        let problem = if stalled && !told { problem(reason(account, STALLED)).or(Some(OTHER)) } else { None };
        Self { status, problem, channel, chat_room, stage }
    }

    /// Everything that is wrong, once each.
    #[must_use]
    pub fn problems(&self) -> Vec<&'static str> {
        let all = [self.problem, self.channel.problem, self.chat_room.problem, self.stage.problem];
        let mut problems: Vec<_> = all.into_iter().flatten().collect();
        problems.dedup();
        problems
    }
}

fn part(account: &StreamerAccount, type_: &str, going: bool, stalled: bool) -> Part {
    if going {
        return Part { status: Status::Deleting, problem: None };
    }
    if is_true(account, type_) {
        return Part { status: Status::Ready, problem: None };
    }
    let problem = problem(reason(account, type_));
    let status = if stalled && problem.is_some() { Status::Failed } else { Status::Pending };
    Part { status, problem }
}

/// Whether a condition is true of the spec as it is now.
fn is_true(account: &StreamerAccount, type_: &str) -> bool {
    let Some(status) = &account.status else { return false };
    condition::find(&status.conditions, type_).is_some_and(|condition| {
        condition.status == "True" && condition.observed_generation == account.metadata.generation
    })
}

fn reason<'a>(account: &'a StreamerAccount, type_: &str) -> &'a str {
    let conditions = account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, type_).map_or("", |condition| condition.reason.as_str())
}

const FULL: &str = "We have reached the number of streamers that we can host right now. Your place is kept, and this is tried again by itself.";
const DENIED: &str = "Our video provider does not let us set this up yet. The people who run this site have to change something; then it goes on by itself.";
const INVALID: &str = "Our video provider does not accept a setting of this account. The people who run this site have to change it.";
const TAKEN: &str = "This username belongs to another account.";
const OTHER: &str = "This could not be set up. The people who run this site have to look at it.";

/// A person's words for a condition's reason; None for what passes by itself. Never the condition's own message,
/// which is written for whoever runs the operator.
fn problem(reason: &str) -> Option<&'static str> {
    match reason {
        "QuotaExceeded" => Some(FULL),
        "AccessDenied" | "PendingVerification" | "LambdaPermission" => Some(DENIED),
        "UsernameTaken" => Some(TAKEN),
        "InvalidSpec" => Some(INVALID),
        "SecretExists" | "SecretImmutable" | "ForeignResource" => Some(OTHER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;
    use crate::api::{StreamerAccountSpec, StreamerAccountStatus, condition::Observation};

    fn account(generation: i64, observations: &[Observation]) -> StreamerAccount {
        let spec: StreamerAccountSpec =
            serde_json::from_value(serde_json::json!({ "username": "todd" })).expect("a spec");
        let mut account = StreamerAccount::new("todd", spec);
        account.metadata.generation = Some(2);
        let conditions = condition::observed(&[], &Time(Timestamp::UNIX_EPOCH), generation, observations);
        account.status = Some(StreamerAccountStatus { conditions, ..StreamerAccountStatus::default() });
        account
    }

    fn all(status: bool, reason: &str) -> Vec<Observation> {
        [READY, CHANNEL_READY, CHAT_ROOM_READY, STAGE_READY]
            .map(|type_| Observation::new(type_, status, reason, "arn:aws:secret"))
            .into()
    }

    #[test]
    fn a_status_reads_the_same_everywhere() {
        for status in [Status::Pending, Status::Ready, Status::Failed, Status::Deleting] {
            assert_eq!(serde_json::json!(status), status.to_string());
        }
    }

    #[test]
    fn a_new_account_is_being_set_up() {
        let mut new = account(2, &[]);
        new.status = None;
        let progress = Progress::of(&new);
        assert_eq!(progress.status, Status::Pending);
        assert_eq!(progress.channel, Part { status: Status::Pending, problem: None });
    }

    #[test]
    fn three_ready_parts_make_a_ready_account() {
        let progress = Progress::of(&account(2, &all(true, "Ready")));
        let parts = [progress.channel, progress.chat_room, progress.stage];
        assert_eq!(progress.status, Status::Ready);
        assert!(parts.iter().all(|part| part.status == Status::Ready));
    }

    #[test]
    fn readiness_of_an_older_spec_is_not_readiness() {
        assert_eq!(Status::of(&account(1, &all(true, "Ready"))), Status::Pending);
    }

    #[test]
    fn a_part_that_waits_for_a_quota_says_so_and_stays_pending() {
        let mut observations = all(true, "Ready");
        observations[0] = Observation::new(READY, false, "QuotaExceeded", "");
        observations[3] = Observation::new(STAGE_READY, false, "QuotaExceeded", "");
        let progress = Progress::of(&account(2, &observations));
        assert_eq!(progress.status, Status::Pending);
        assert_eq!(progress.channel.status, Status::Ready);
        assert_eq!(progress.stage, Part { status: Status::Pending, problem: Some(FULL) });
        assert_eq!(progress.problems(), [FULL]);
    }

    #[test]
    fn a_stalled_account_has_failed_and_says_why_once() {
        let mut observations = all(false, "InvalidSpec");
        observations.push(Observation::new(STALLED, true, "InvalidSpec", ""));
        let progress = Progress::of(&account(2, &observations));
        assert_eq!((progress.status, progress.channel.status), (Status::Failed, Status::Failed));
        assert_eq!(progress.problems(), [INVALID]);

        let progress = Progress::of(&account(2, &[Observation::new(STALLED, true, "Odd", "")]));
        assert_eq!(progress.problems(), [OTHER]);
    }

    #[test]
    fn an_account_on_its_way_out_is_deleting() {
        let mut account = account(2, &all(true, "Ready"));
        account.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(Status::of(&account), Status::Deleting);
    }
}
