//! What came of the parts of an account, and what is to be done next: pure.

use std::time::Duration;

use super::{
    by_kind::ByKind,
    problem::{Problem, Retry},
};
use crate::{api::ResourceStatus, provision::Change};

/// What came of one part: what goes into status, or what is wrong.
pub type Part<S> = Result<S, Problem>;

/// A resource that is as the spec says.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// What goes into status.
    pub status: ResourceStatus,
    /// How it came to be so.
    pub change: Change,
    /// What is wrong with what belongs to it: its row, or the Secret with a channel's stream key. It hides no ARN.
    pub lacks: Option<Problem>,
    /// How long until what was changed is looked at once more.
    pub look_in: Option<Duration>,
}

/// What came of all parts of an account.
#[derive(Debug)]
pub struct Progress {
    /// The row in `users`, by its id.
    pub user: Part<String>,
    /// The resources.
    pub resources: ByKind<Part<Done>>,
    /// The annotation that asks for a look at everything, as it was when the work began: one that came since is not handled.
    pub requested: Option<String>,
}

impl Progress {
    /// Nothing was done, because of one thing.
    pub fn stopped_by(problem: &Problem) -> Self {
        let resources = ByKind::new(|_| Err(problem.clone()));
        Self { user: Err(problem.clone()), resources, requested: None }
    }

    /// What is wrong with the parts; the one that speaks for all is first.
    pub fn problems(&self) -> Vec<&Problem> {
        let of_resources = self.resources.iter().filter_map(|(_, part)| problem(part));
        let mut problems: Vec<_> = self.user.as_ref().err().into_iter().chain(of_resources).collect();
        // The one that speaks for all in `Ready` is the one that keeps it longest.
        problems.sort_by_key(|problem| match problem.retry {
            Retry::Never => 0,
            Retry::Slowly => 1,
            Retry::Soon => 2,
            Retry::After(_) => 3,
            Retry::WithTheOthers => 4,
        });
        problems
    }

    /// How long until what was changed is looked at once more; None where nothing was.
    pub fn look_in(&self) -> Option<Duration> {
        let done = self.resources.iter().filter_map(|(_, part)| part.as_ref().ok());
        done.filter_map(|done| done.look_in).min()
    }

    /// The retry that ranks first of those that the parts ask for; None when all is done.
    pub fn retry(&self) -> Option<Retry> {
        self.problems().iter().map(|problem| problem.retry).min()
    }
}

/// What is wrong with a resource, or with what belongs to it.
pub fn problem(part: &Part<Done>) -> Option<&Problem> {
    part.as_ref().map_or_else(Some, |done| done.lacks.as_ref())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::{ChannelStatus, ChatRoomStatus, ResourceKind, StageStatus};

    pub fn done(change: Change, status: impl Into<ResourceStatus>) -> Done {
        Done { status: status.into(), change, lacks: None, look_in: None }
    }

    pub fn stage(arn: &str) -> StageStatus {
        StageStatus { arn: arn.to_owned(), ..StageStatus::default() }
    }

    pub fn ready() -> Progress {
        ready_but(|_| None)
    }

    /// All is ready, but what is said to be otherwise.
    pub fn ready_but(other: impl Fn(ResourceKind) -> Option<Part<Done>>) -> Progress {
        let channel = ChannelStatus { arn: "c".to_owned(), ..ChannelStatus::default() };
        let room = ChatRoomStatus { arn: "r".to_owned(), ..ChatRoomStatus::default() };
        let made = |kind| match kind {
            ResourceKind::Channel => done(Change::Created, channel.clone()),
            ResourceKind::ChatRoom => done(Change::Created, room.clone()),
            ResourceKind::Stage => done(Change::Created, stage("s")),
        };
        let resources = ByKind::new(|kind| other(kind).unwrap_or_else(|| Ok(made(kind))));
        Progress { user: Ok("u".to_owned()), resources, requested: None }
    }

    /// All is ready but the stage.
    pub fn without_stage(problem: &Problem) -> Progress {
        ready_but(|kind| (kind == ResourceKind::Stage).then(|| Err(problem.clone())))
    }

    pub fn problem(retry: Retry, message: &str) -> Problem {
        Problem { reason: "Because", message: message.to_owned(), retry }
    }

    fn retry_of(parts: [Retry; 3]) -> Option<Retry> {
        let [channel, chat_room, stage] = parts.map(|retry| Err(self::problem(retry, "no")));
        let resources = ByKind::new(|kind| match kind {
            ResourceKind::Channel => channel.clone(),
            ResourceKind::ChatRoom => chat_room.clone(),
            ResourceKind::Stage => stage.clone(),
        });
        Progress { user: Err(Problem::waits_for_the_others()), resources, requested: None }.retry()
    }

    #[test]
    fn it_is_tried_again_as_the_part_that_ranks_first_asks_for_it() {
        let after = |seconds| Retry::After(Duration::from_secs(seconds));
        assert_eq!(retry_of([after(9), after(3), Retry::Slowly]), Some(after(3)));
        assert_eq!(retry_of([Retry::Never, Retry::Soon, after(1)]), Some(Retry::Soon));
    }

    #[test]
    fn what_is_deleted_already_does_not_hasten_the_rest() {
        let deleted = Problem::deleted("stage").retry;
        assert_eq!(retry_of([Retry::Slowly, deleted, deleted]), Some(Retry::Slowly));
        assert_eq!(
            retry_of([deleted, Retry::After(Duration::from_secs(22)), deleted]),
            Some(Retry::After(Duration::from_secs(22)))
        );
    }
}
