//! From what was done to conditions, events and the next try: pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::problem::{Problem, Retry};
use crate::{
    api::{
        ChannelStatus, ChatRoomStatus, StageStatus, StreamerAccountStatus,
        condition::{
            CHANNEL_READY, CHAT_ROOM_READY, Observation, READY, RECONCILING, STAGE_READY, STALLED,
            USER_READY, find, observed,
        },
    },
    ivs::REQUEST_ID_MARK,
    provision::Change,
};

/// What came of one part: what goes into status, or what is wrong.
pub type Part<S> = Result<Done<S>, Problem>;

/// A part that is as the spec says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<S> {
    /// What goes into status.
    pub status: S,
    /// How it came to be so.
    pub change: Change,
}

/// What came of all parts of an account.
#[derive(Debug)]
pub struct Progress {
    /// The row in `users`, by its id.
    pub user: Part<String>,
    /// The channel, and the Secret with its stream key.
    pub channel: Part<ChannelStatus>,
    /// The chat room.
    pub chat_room: Part<ChatRoomStatus>,
    /// The stage.
    pub stage: Part<StageStatus>,
}

impl Progress {
    /// Nothing was done, because of one thing.
    pub fn stopped_by(problem: &Problem) -> Self {
        let error = || problem.clone();
        Self { user: Err(error()), channel: Err(error()), chat_room: Err(error()), stage: Err(error()) }
    }

    /// What is wrong with the parts; the one that speaks for all is first.
    pub fn problems(&self) -> Vec<&Problem> {
        let problems = [
            self.user.as_ref().err(),
            self.channel.as_ref().err(),
            self.chat_room.as_ref().err(),
            self.stage.as_ref().err(),
        ];
        let mut problems: Vec<_> = problems.into_iter().flatten().collect();
        // The one that speaks for all in `Ready` is the one that keeps it longest.
        problems.sort_by_key(|problem| match problem.retry {
            Retry::Never => 0,
            Retry::Slowly => 1,
            Retry::Soon => 2,
            Retry::After(_) => 3,
        });
        problems
    }

    /// The earliest retry that any part asks for; None when all is done.
    pub fn retry(&self) -> Option<Retry> {
        let problems = self.problems();
        let rank = |retry: &Retry| match retry {
            Retry::Soon => 0,
            Retry::After(_) => 1,
            Retry::Slowly => 2,
            Retry::Never => 3,
        };
        problems.iter().map(|problem| problem.retry).min_by_key(rank)
    }
}

/// The status after an observation of `generation` at `now`.
pub fn after(
    previous: Option<&StreamerAccountStatus>,
    generation: i64,
    now: &Time,
    progress: &Progress,
) -> StreamerAccountStatus {
    let default = StreamerAccountStatus::default();
    let previous = previous.unwrap_or(&default);
    let observations = observations(progress);
    let mut conditions = observed(&previous.conditions, now, generation, &observations);
    keep_request_ids(&previous.conditions, &mut conditions);
    StreamerAccountStatus {
        observed_generation: generation,
        conditions,
        user_id: keep(&progress.user, previous.user_id.as_ref()),
        channel: keep(&progress.channel, previous.channel.as_ref()),
        chat_room: keep(&progress.chat_room, previous.chat_room.as_ref()),
        stage: keep(&progress.stage, previous.stage.as_ref()),
    }
}

/// What a part is now; what could not be looked at stays as it was.
fn keep<S: Clone>(part: &Part<S>, previous: Option<&S>) -> Option<S> {
    part.as_ref().map_or_else(|_| previous.cloned(), |done| Some(done.status.clone()))
}

fn observations(progress: &Progress) -> Vec<Observation> {
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
    all.push(part(CHANNEL_READY, "channel", &progress.channel));
    all.push(part(CHAT_ROOM_READY, "chat room", &progress.chat_room));
    all.push(part(STAGE_READY, "stage", &progress.stage));
    all
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

fn part<S>(type_: &'static str, noun: &str, part: &Part<S>) -> Observation {
    match part {
        Ok(done) if done.change == Change::Recreated => {
            let message = format!("the {noun} was gone from AWS and was made again: its ARN has changed");
            Observation::new(type_, true, "Recreated", message)
        }
        Ok(_) => Observation::new(type_, true, "Ready", format!("the {noun} is as the spec says")),
        Err(problem) => Observation::new(type_, false, problem.reason, &problem.message),
    }
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

    use super::*;
    use crate::api::condition::is_true;

    pub fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).expect("a valid time"))
    }

    fn created<S>(status: S) -> Done<S> {
        Done { status, change: Change::Created }
    }

    pub fn ready() -> Progress {
        Progress {
            user: Ok(created("u".to_owned())),
            channel: Ok(created(ChannelStatus { arn: "c".to_owned(), ..ChannelStatus::default() })),
            chat_room: Ok(created(ChatRoomStatus { arn: "r".to_owned(), ..ChatRoomStatus::default() })),
            stage: Ok(created(StageStatus { arn: "s".to_owned(), ..StageStatus::default() })),
        }
    }

    pub fn problem(retry: Retry, message: &str) -> Problem {
        Problem { reason: "Because", message: message.to_owned(), retry }
    }

    #[test]
    fn ready_is_true_only_when_all_parts_are() {
        let status = after(None, 3, &at(1), &ready());
        assert!(is_true(&status.conditions, READY));
        assert_eq!(status.observed_generation, 3);
        assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
        assert!(
            find(&status.conditions, RECONCILING).is_none() && find(&status.conditions, STALLED).is_none()
        );

        let one_fails = Progress { stage: Err(problem(Retry::Soon, "no")), ..ready() };
        let status = after(None, 3, &at(1), &one_fails);
        assert!(!is_true(&status.conditions, READY));
        assert!(is_true(&status.conditions, CHANNEL_READY));
        assert!(is_true(&status.conditions, RECONCILING));
    }

    #[test]
    fn stalled_only_when_nothing_is_tried_again() {
        let invalid = Progress { stage: Err(problem(Retry::Never, "bad")), ..ready() };
        let status = after(None, 1, &at(1), &invalid);
        assert!(is_true(&status.conditions, STALLED) && find(&status.conditions, RECONCILING).is_none());
        assert_eq!(invalid.retry(), Some(Retry::Never));

        let mixed = Progress { chat_room: Err(problem(Retry::Soon, "later")), ..invalid };
        let status = after(None, 1, &at(1), &mixed);
        assert!(is_true(&status.conditions, RECONCILING) && find(&status.conditions, STALLED).is_none());
        assert_eq!(mixed.retry(), Some(Retry::Soon));
    }

    #[test]
    fn what_could_not_be_looked_at_keeps_its_arn() {
        let before = after(None, 1, &at(1), &ready());
        let failed = Progress { channel: Err(problem(Retry::Soon, "no")), ..ready() };
        let status = after(Some(&before), 2, &at(2), &failed);
        assert_eq!(status.channel, before.channel);
    }

    #[test]
    fn a_new_request_id_alone_is_no_change() {
        let fails = |id: &str| Progress {
            stage: Err(problem(Retry::Slowly, &format!("CreateStage failed: no{REQUEST_ID_MARK}{id})"))),
            ..ready()
        };
        let first = after(None, 1, &at(1), &fails("1"));
        let second = after(Some(&first), 1, &at(2), &fails("2"));
        assert_eq!(first, second);
    }
}
