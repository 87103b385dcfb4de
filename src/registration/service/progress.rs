//! The progress of an account: which parts are ready, and why the others are not. Derived from the conditions
//! of the object.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{
    Reason, StreamerAccount,
    condition::{self, CHANNEL_READY, CHAT_ROOM_READY, READY, STAGE_READY, STALLED},
};

/// The status of an account, or of one part of it
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Status)]
#[serde(rename_all = "lowercase")]
pub enum ProgressStatus {
    /// Setup is in progress, or will be retried automatically.
    Pending,
    /// Setup is complete.
    Ready,
    /// Setup has failed and does not continue until somebody changes something.
    Failed,
    /// Deletion is in progress.
    Deleting,
}

impl fmt::Display for ProgressStatus {
    /// Writes the status as it is in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        })
    }
}

impl ProgressStatus {
    /// Returns the status of a whole account.
    #[must_use]
    pub fn of(account: &StreamerAccount) -> Self {
        Progress::of(account).status
    }
}

/// A reason why an account or one part of it is not ready, as far as it concerns the person who registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// An AWS quota is used up. Setup continues once it is raised.
    ProviderQuota,
    /// AWS denies access, or has not verified the AWS account yet.
    ProviderDenied,
    /// AWS rejects a setting of the account.
    InvalidSetting,
    /// The username belongs to another account.
    UsernameTaken,
    /// Something else that the operators have to look into.
    Other,
}

impl Issue {
    /// Returns the issue behind a condition's reason, or None if the condition passes by itself. The
    /// condition's message is written for the operators and is never shown.
    fn of(reason: &str) -> Option<Self> {
        match Reason::parse(reason)? {
            Reason::QuotaExceeded => Some(Self::ProviderQuota),
            Reason::AccessDenied | Reason::PendingVerification | Reason::LambdaPermission => {
                Some(Self::ProviderDenied)
            }
            Reason::UsernameTaken => Some(Self::UsernameTaken),
            Reason::InvalidSpec | Reason::ReferenceNotFound | Reason::SpecNotUnderstood => {
                Some(Self::InvalidSetting)
            }
            Reason::SecretExists | Reason::SecretImmutable | Reason::ForeignResource => Some(Self::Other),
            _ => None,
        }
    }
}

/// The progress of an account and of its three parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The status of the account.
    pub status: ProgressStatus,
    /// The issue of the account, if no part has one.
    pub issue: Option<Issue>,
    /// The channel.
    pub channel: Part,
    /// The chat room.
    pub chat_room: Part,
    /// The stage.
    pub stage: Part,
}

/// The progress of one part of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The status of the part.
    pub status: ProgressStatus,
    /// The issue of the part.
    pub issue: Option<Issue>,
}

impl Progress {
    /// Returns the progress of an account that is still to be created.
    #[must_use]
    pub fn pending() -> Self {
        Self::uniform(ProgressStatus::Pending)
    }

    /// Returns the progress of an account whose owner has asked for its deletion.
    #[must_use]
    pub fn deleting() -> Self {
        Self::uniform(ProgressStatus::Deleting)
    }

    fn uniform(status: ProgressStatus) -> Self {
        let part = Part { status, issue: None };
        Self { status, issue: None, channel: part, chat_room: part, stage: part }
    }

    /// Returns the progress according to the conditions of an account. A condition of an earlier generation
    /// does not count.
    #[must_use]
    pub fn of(account: &StreamerAccount) -> Self {
        let is_deleting = account.metadata.deletion_timestamp.is_some();
        let is_stalled = is_true(account, STALLED);
        let part = |type_| part(account, type_, is_deleting, is_stalled);
        let (channel, chat_room, stage) = (part(CHANNEL_READY), part(CHAT_ROOM_READY), part(STAGE_READY));
        let status = if is_deleting {
            ProgressStatus::Deleting
        } else if is_stalled {
            ProgressStatus::Failed
        } else if is_true(account, READY) {
            ProgressStatus::Ready
        } else {
            ProgressStatus::Pending
        };
        let is_explained = [channel, chat_room, stage].iter().any(|part| part.issue.is_some());
        let needs_issue = is_stalled && !is_explained;
        let issue = needs_issue.then(|| Issue::of(reason(account, STALLED)).unwrap_or(Issue::Other));
        Self { status, issue, channel, chat_room, stage }
    }

    /// Returns all issues. Equal issues of neighboring parts are returned once.
    #[must_use]
    pub fn issues(&self) -> Vec<Issue> {
        let all = [self.issue, self.channel.issue, self.chat_room.issue, self.stage.issue];
        let mut issues: Vec<_> = all.into_iter().flatten().collect();
        issues.dedup();
        issues
    }
}

fn part(account: &StreamerAccount, type_: &str, is_deleting: bool, is_stalled: bool) -> Part {
    if is_deleting {
        return Part { status: ProgressStatus::Deleting, issue: None };
    }
    if is_true(account, type_) {
        return Part { status: ProgressStatus::Ready, issue: None };
    }
    let issue = Issue::of(reason(account, type_));
    let is_failed = is_stalled && issue.is_some();
    Part { status: if is_failed { ProgressStatus::Failed } else { ProgressStatus::Pending }, issue }
}

/// Returns true if a condition is true for the current generation of the spec.
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
    fn display_and_json_of_a_status_are_equal() {
        for status in
            [ProgressStatus::Pending, ProgressStatus::Ready, ProgressStatus::Failed, ProgressStatus::Deleting]
        {
            assert_eq!(serde_json::json!(status), status.to_string());
        }
    }

    #[test]
    fn an_account_without_status_is_pending() {
        let mut new = account(2, &[]);
        new.status = None;
        let progress = Progress::of(&new);
        assert_eq!(progress.status, ProgressStatus::Pending);
        assert_eq!(progress.channel, Part { status: ProgressStatus::Pending, issue: None });
    }

    #[test]
    fn an_account_with_three_ready_parts_is_ready() {
        let progress = Progress::of(&account(2, &all(true, "Ready")));
        let parts = [progress.channel, progress.chat_room, progress.stage];
        assert_eq!(progress.status, ProgressStatus::Ready);
        assert!(parts.iter().all(|part| part.status == ProgressStatus::Ready));
    }

    #[test]
    fn ready_condition_of_an_older_generation_does_not_count() {
        assert_eq!(ProgressStatus::of(&account(1, &all(true, "Ready"))), ProgressStatus::Pending);
    }

    #[test]
    fn a_part_that_waits_for_a_quota_is_pending_with_an_issue() {
        let mut observations = all(true, "Ready");
        observations[0] = Observation::new(READY, false, "QuotaExceeded", "");
        observations[3] = Observation::new(STAGE_READY, false, "QuotaExceeded", "");
        let progress = Progress::of(&account(2, &observations));
        assert_eq!(progress.status, ProgressStatus::Pending);
        assert_eq!(progress.channel.status, ProgressStatus::Ready);
        assert_eq!(
            progress.stage,
            Part { status: ProgressStatus::Pending, issue: Some(Issue::ProviderQuota) }
        );
        assert_eq!(progress.issues(), [Issue::ProviderQuota]);
    }

    #[test]
    fn a_stalled_account_has_failed_and_reports_its_issue_once() {
        let mut observations = all(false, "InvalidSpec");
        observations.push(Observation::new(STALLED, true, "InvalidSpec", ""));
        let progress = Progress::of(&account(2, &observations));
        assert_eq!(
            (progress.status, progress.channel.status),
            (ProgressStatus::Failed, ProgressStatus::Failed)
        );
        assert_eq!(progress.issues(), [Issue::InvalidSetting]);

        let progress = Progress::of(&account(2, &[Observation::new(STALLED, true, "Odd", "")]));
        assert_eq!(progress.issues(), [Issue::Other]);
    }

    #[test]
    fn an_account_with_a_deletion_timestamp_is_deleting() {
        let mut account = account(2, &all(true, "Ready"));
        account.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(ProgressStatus::of(&account), ProgressStatus::Deleting);
    }
}
