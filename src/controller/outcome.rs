//! The outcome of a reconcile: the result for each part of an account, and when to retry. Pure.

use std::time::Duration;

use super::blocker::{Blocker, Retry};
use crate::{
    api::{AppliedFields, ByKind, FieldDifference, Reason, ResourceKind, ResourceStatus},
    provision::Change,
};

/// The result for one resource.
pub type ResourceResult = Result<ReadyResource, Blocker>;

/// A resource that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadyResource {
    /// The status of the resource.
    pub status: ResourceStatus,
    /// True if AWS returned it in this reconcile.
    pub is_observed: bool,
    /// The change that the reconcile made.
    pub change: Change,
    /// Fields that something else had changed in AWS, and that the reconcile has changed back.
    pub corrected: Vec<FieldDifference>,
    /// Settings that the spec no longer names, and that AWS cannot set back.
    pub kept: AppliedFields,
    /// A problem with the resource that does not hide its ARN: drift, its row, or the Secret with the stream
    /// key.
    pub blocker: Option<Blocker>,
    /// Time until a change has to be re-checked.
    pub recheck_in: Option<Duration>,
}

/// The outcome of a reconcile.
#[derive(Debug)]
pub struct ReconcileOutcome {
    /// The id of the row in `users`.
    pub user: Result<String, Blocker>,
    /// The resources.
    pub resources: ByKind<ResourceResult>,
    /// The value of the annotation that requests a reconcile, as it was when the reconcile began. A newer
    /// request is not handled by it.
    pub reconcile_request: Option<String>,
}

impl ReconcileOutcome {
    /// Returns the outcome of a reconcile that could not begin.
    pub fn blocked_by(blocker: &Blocker) -> Self {
        let resources = ByKind::new(|_| Err(blocker.clone()));
        Self { user: Err(blocker.clone()), resources, reconcile_request: None }
    }

    /// Returns all blockers. The first one is shown in the condition `Ready`: it is the one that takes
    /// longest to go away.
    pub fn blockers(&self) -> Vec<&Blocker> {
        let of_resources = self.resources.iter().filter_map(|(_, result)| blocker(result));
        let mut blockers: Vec<_> = self.user.as_ref().err().into_iter().chain(of_resources).collect();
        blockers.sort_by_key(|blocker| match blocker.retry {
            Retry::Never => 0,
            Retry::FixedDelay | Retry::Hourly | Retry::WithSharedCause => 1,
            Retry::Backoff => 2,
            Retry::After(_) => 3,
            Retry::WithOtherResources => 4,
        });
        blockers
    }

    /// Returns the reason of the condition `Ready`.
    pub fn reason(&self) -> Reason {
        self.blockers().first().map_or(Reason::Ready, |blocker| blocker.reason)
    }

    /// Returns the message of the condition `Ready`; empty if nothing is blocked.
    pub fn message(&self) -> &str {
        self.blockers().first().map_or("", |blocker| blocker.message.as_str())
    }

    /// Returns the time until a change has to be re-checked; None if nothing was changed.
    pub fn recheck_in(&self) -> Option<Duration> {
        let ready = self.resources.iter().filter_map(|(_, result)| result.as_ref().ok());
        ready.filter_map(|resource| resource.recheck_in).min()
    }

    /// Returns true if AWS returned a resource, and the reconcile has not changed it.
    pub fn is_unchanged(&self, kind: ResourceKind) -> bool {
        let is_unchanged =
            |resource: &ReadyResource| resource.is_observed && resource.change == Change::Unchanged;
        self.resources[kind].as_ref().is_ok_and(is_unchanged)
    }

    /// Returns true if AWS was asked about everything that the account owns: all is ready, or only a person
    /// can unblock the rest.
    pub fn is_checked(&self) -> bool {
        let is_final = matches!(self.retry(), None | Some(Retry::FixedDelay | Retry::Hourly | Retry::Never));
        self.user.is_ok() && is_final
    }

    /// Returns the retry that comes first in the order of [`Retry`]; None if nothing is blocked.
    pub fn retry(&self) -> Option<Retry> {
        self.blockers().iter().map(|blocker| blocker.retry).min()
    }
}

/// Returns the blocker of a resource, or of what belongs to it.
pub fn blocker(result: &ResourceResult) -> Option<&Blocker> {
    result.as_ref().map_or_else(Some, |resource| resource.blocker.as_ref())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::{ChannelStatus, ChatRoomStatus, ResourceKind, StageStatus};

    pub fn resource(change: Change, status: impl Into<ResourceStatus>) -> ReadyResource {
        ReadyResource {
            status: status.into(),
            is_observed: true,
            change,
            corrected: Vec::new(),
            kept: AppliedFields::new(),
            blocker: None,
            recheck_in: None,
        }
    }

    pub fn stage(arn: &str) -> StageStatus {
        StageStatus { arn: arn.to_owned(), ..StageStatus::default() }
    }

    pub fn ready() -> ReconcileOutcome {
        ready_except(|_| None)
    }

    /// Returns an outcome in which every resource is ready except those that `other` replaces.
    pub fn ready_except(other: impl Fn(ResourceKind) -> Option<ResourceResult>) -> ReconcileOutcome {
        let channel = ChannelStatus { arn: "c".to_owned(), ..ChannelStatus::default() };
        let room = ChatRoomStatus { arn: "r".to_owned(), ..ChatRoomStatus::default() };
        let created = |kind| match kind {
            ResourceKind::Channel => resource(Change::Created, channel.clone()),
            ResourceKind::ChatRoom => resource(Change::Created, room.clone()),
            ResourceKind::Stage => resource(Change::Created, stage("s")),
        };
        let resources = ByKind::new(|kind| other(kind).unwrap_or_else(|| Ok(created(kind))));
        ReconcileOutcome { user: Ok("u".to_owned()), resources, reconcile_request: None }
    }

    /// Returns an outcome in which only the stage is blocked.
    pub fn blocked_stage(blocker: &Blocker) -> ReconcileOutcome {
        ready_except(|kind| (kind == ResourceKind::Stage).then(|| Err(blocker.clone())))
    }

    pub fn blocker(retry: Retry, message: &str) -> Blocker {
        Blocker { reason: Reason::Conflict, message: message.to_owned(), retry }
    }

    fn retry_of(retries: [Retry; 3]) -> Option<Retry> {
        let [channel, chat_room, stage] = retries.map(|retry| Err(self::blocker(retry, "no")));
        let resources = ByKind::new(|kind| match kind {
            ResourceKind::Channel => channel.clone(),
            ResourceKind::ChatRoom => chat_room.clone(),
            ResourceKind::Stage => stage.clone(),
        });
        ReconcileOutcome { user: Err(Blocker::waits_for_resources()), resources, reconcile_request: None }
            .retry()
    }

    #[test]
    fn the_retry_is_the_one_that_comes_first_in_order() {
        let after = |seconds| Retry::After(Duration::from_secs(seconds));
        assert_eq!(retry_of([after(9), after(3), Retry::FixedDelay]), Some(after(3)));
        assert_eq!(retry_of([Retry::Never, Retry::Backoff, after(1)]), Some(Retry::Backoff));
    }

    #[test]
    fn a_deleted_resource_does_not_hasten_the_retry_of_the_others() {
        let deleted = Blocker::deleted("stage").retry;
        assert_eq!(retry_of([Retry::FixedDelay, deleted, deleted]), Some(Retry::FixedDelay));
        assert_eq!(
            retry_of([deleted, Retry::After(Duration::from_secs(22)), deleted]),
            Some(Retry::After(Duration::from_secs(22)))
        );
    }
}
