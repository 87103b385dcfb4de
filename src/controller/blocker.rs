//! Blockers: the problems that keep an account or one of its parts from being ready.

use std::time::Duration;

use super::kubernetes::api_message;
use crate::{
    api::{AccountRef, Reason, RetryClass, SpecProblem},
    ivs::{self, Class},
    messages,
    provision::{self, Drift, DriftCause, Wait},
    store,
};

/// The time of a retry. Of several, the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// A retry with exponential backoff.
    Backoff,
    /// A retry after a known time.
    After(Duration),
    /// A retry after a long, fixed delay: somebody has to act outside of the controller, which is not
    /// notified.
    FixedDelay,
    /// A retry after an hour: a resync notices sooner what matters.
    Hourly,
    /// No retry until the spec changes.
    Never,
    /// A retry when the cause that other accounts share may have passed.
    WithSharedCause,
    /// A retry together with the other resources: nothing is left to do for this one.
    WithOtherResources,
}

/// Interval at which an account in a terminating namespace is checked. Its own deletion, which follows soon,
/// is watched.
const TERMINATING_NAMESPACE_INTERVAL: Duration = Duration::from_secs(5);

/// Delay before a resource is checked that was not ready when the interim status was written.
const IN_PROGRESS_DELAY: Duration = Duration::from_secs(1);

/// Delay before an account is reconciled again whose claim waits for the first list of AWS.
const AWS_LISTING_DELAY: Duration = Duration::from_secs(5);

/// A problem that keeps an account or one of its parts from being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The reason of the condition.
    pub reason: Reason,
    /// The problem and, if known, the remedy.
    pub message: String,
    /// The time of the retry.
    pub retry: Retry,
}

impl Blocker {
    /// Returns a blocker with the retry of its reason.
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        let retry = match reason.retry() {
            RetryClass::Never => Retry::Never,
            RetryClass::FixedDelay => Retry::FixedDelay,
            RetryClass::Hourly => Retry::Hourly,
            RetryClass::Backoff => Retry::Backoff,
            RetryClass::Scheduled | RetryClass::None => Retry::WithOtherResources,
        };
        Self { reason, message: message.into(), retry }
    }

    /// Returns the blocker with a retry after a known time, in place of its reason's retry.
    fn retried_after(self, delay: Duration) -> Self {
        Self { retry: Retry::After(delay), ..self }
    }

    /// Reports that another account has the username; `exists` is false if that account is not there.
    pub fn username_taken(username: &str, by: &AccountRef, exists: bool) -> Self {
        let message = if exists {
            messages::username::taken(username, by)
        } else {
            messages::username::reserved(username, by)
        };
        Self::new(Reason::UsernameTaken, message)
    }

    /// Reports that the user is recorded with another spelling of the username, which names its resources.
    pub fn username_spelling(username: &str, recorded: &str) -> Self {
        Self::new(Reason::UsernameTaken, messages::username::other_spelling(username, recorded))
    }

    /// Reports that a person registered the username, and this account was not created for that person.
    pub fn username_registered(username: &str) -> Self {
        Self::new(Reason::UsernameTaken, messages::username::registered(username))
    }

    /// Reports that an object of another cluster on the same database holds the user.
    pub fn other_cluster(username: &str, cluster: &str) -> Self {
        Self::new(Reason::OtherCluster, messages::username::other_cluster(username, cluster))
    }

    /// Reports that the row of the username names another user than the account's tags or status, and that
    /// user's resource may be gone: AWS does not return it, but its absence is not confirmed.
    pub fn record_unproven(arn: &str, retry_in: Duration) -> Self {
        Self::new(Reason::ResourceMissing, messages::username::record_unproven(arn)).retried_after(retry_in)
    }

    /// Reports that an earlier object of the account was being deleted, and a call of that deletion may still
    /// be in progress.
    pub fn earlier_in_deletion(retry_in: Duration) -> Self {
        Self::new(Reason::Progressing, messages::username::EARLIER_IN_DELETION).retried_after(retry_in)
    }

    /// Reports that an earlier object of the account, which is removed, is not cleaned up yet because of
    /// `message`.
    pub fn earlier_not_cleaned_up(message: &str, retry_in: Duration) -> Self {
        Self::new(Reason::Progressing, messages::username::earlier_not_cleaned_up(message))
            .retried_after(retry_in)
    }

    /// Reports that AWS is being listed for the first time, so nothing is created.
    pub fn aws_listing(retry_in: Duration) -> Self {
        let message = messages::resync::waits_for_first(messages::resync::FIRST_IN_PROGRESS);
        Self::new(Reason::AwsUnavailable, message).retried_after(retry_in)
    }

    /// Reports that AWS could not be listed yet, so nothing is created. A resync that succeeds requeues the
    /// account.
    pub fn aws_not_listed(failure: &Self) -> Self {
        let reason = match failure.reason {
            Reason::AccessDenied => Reason::AccessDenied,
            _ => Reason::AwsUnavailable,
        };
        Self::new(reason, messages::resync::waits_for_first(&failure.message))
    }

    /// Reports that the resync did not end within this time.
    pub fn resync_timed_out(timeout: Duration, retry_in: Duration) -> Self {
        let message = messages::resync::timed_out(timeout);
        Self::new(Reason::AwsUnavailable, message).retried_after(retry_in)
    }

    /// Reports that PostgreSQL has not accepted the token of the Lease within this time.
    pub fn no_renewal_token(timeout: Duration) -> Self {
        Self::new(Reason::DatabaseUnavailable, messages::database::no_renewal_token(timeout))
    }

    /// Reports that the account is now another object, or that another controller was faster.
    pub fn superseded() -> Self {
        Self::new(Reason::Progressing, messages::account::SUPERSEDED)
    }

    /// Reports that this resource is not ready yet, while others are.
    pub fn in_progress(noun: &str) -> Self {
        Self::new(Reason::Progressing, messages::account::in_progress(noun)).retried_after(IN_PROGRESS_DELAY)
    }

    /// Reports that this version does not understand the spec.
    pub fn spec_not_understood(problem: &SpecProblem) -> Self {
        Self::new(
            Reason::SpecNotUnderstood,
            messages::account::spec_not_understood(&problem.message, problem.is_policy_known),
        )
    }

    /// Reports that the username of an account that is being deleted cannot be read, and is not recorded.
    pub fn username_unknown() -> Self {
        Self::new(Reason::SpecNotUnderstood, messages::deletion::USERNAME_UNKNOWN)
    }

    /// Reports that the records name another AWS account or region.
    pub fn recorded_elsewhere(message: &str) -> Self {
        Self::new(Reason::RecordedElsewhere, message)
    }

    /// Reports that the database or a resource belongs to another installation.
    pub fn other_installation(message: &str) -> Self {
        Self::new(Reason::OtherInstallation, message)
    }

    /// Reports that too many resources are missing at once.
    pub fn brake_engaged(message: &str) -> Self {
        Self::new(Reason::BrakeEngaged, message)
    }

    /// Reports that values in AWS differ from the spec, and are left as they are for now.
    pub fn drift(noun: &str, drift: &Drift) -> Self {
        let fields = &drift.fields;
        match drift.cause {
            DriftCause::SentAgainIn(resend_in) => {
                Self::new(Reason::DriftPersists, messages::records::drift_retried(noun, fields))
                    .retried_after(resend_in)
            }
            DriftCause::NotKept => {
                Self::new(Reason::DriftPersists, messages::records::drift_not_kept(noun, fields))
            }
            DriftCause::Contested => {
                Self::new(Reason::DriftPersists, messages::records::drift_contested(noun, fields))
            }
            DriftCause::ReportedOnly => {
                Self::new(Reason::DriftDetected, messages::records::drift_detected(noun, fields))
            }
        }
    }

    /// Reports that the namespace is terminating, so nothing is created in it.
    pub fn namespace_terminating(namespace: &str) -> Self {
        Self::new(Reason::NamespaceTerminating, messages::account::namespace_terminating(namespace))
            .retried_after(TERMINATING_NAMESPACE_INTERVAL)
    }

    /// Reports that this resource is deleted, while others are not yet.
    pub fn deleted(noun: &str) -> Self {
        Self::new(Reason::Deleted, messages::deletion::deleted(noun))
    }

    /// Reports that the user is deleted last.
    pub fn waits_for_resources() -> Self {
        Self::new(Reason::Deleting, messages::deletion::USER_WAITS)
    }

    /// Reports that the Secret of this name does not belong to the account's channel.
    pub fn secret_taken(name: &str) -> Self {
        Self::new(Reason::SecretExists, messages::secret::taken(name))
    }

    /// Reports that the Secret differs from the channel, and is immutable.
    pub fn secret_immutable(name: &str) -> Self {
        Self::new(Reason::SecretImmutable, messages::secret::immutable(name))
    }

    /// Reports that AWS does not return the stream key of the channel, and creates no other because there is
    /// one.
    pub fn stream_key_not_returned() -> Self {
        Self::new(Reason::StreamKeyMissing, messages::secret::KEY_NOT_RETURNED)
    }

    /// Returns the blocker of an account that waits together with others.
    pub fn shared(self) -> Self {
        Self { retry: Retry::WithSharedCause, ..self }
    }

    /// Returns true if AWS refused the spec.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self.reason,
            Reason::InvalidSpec | Reason::ReferenceNotFound | Reason::QuotaExceeded | Reason::AccessDenied
        )
    }

    /// Returns true if the database or a resource belongs to another installation.
    pub fn is_other_installation(&self) -> bool {
        self.reason == Reason::OtherInstallation
    }

    /// Returns true if this resource is deleted, which is no problem.
    pub fn is_deleted(&self) -> bool {
        self.reason == Reason::Deleted
    }

    /// Combines this blocker with another one. The reason stays.
    pub fn and(self, other: &Self) -> Self {
        let message = messages::join([self.message.as_str(), other.message.as_str()]);
        Self { message, retry: self.retry.min(other.retry), ..self }
    }
}

impl From<ivs::Error> for Blocker {
    fn from(error: ivs::Error) -> Self {
        let code = error.code.as_deref();
        let reason = match error.class {
            Class::Invalid => Reason::InvalidSpec,
            Class::MissingReference => Reason::ReferenceNotFound,
            Class::Blocked => blocked_reason(code),
            // The outcome of the Create of a resource is a `Wait`. Of other creates, the next try reads the
            // outcome.
            Class::Transient | Class::Missing | Class::Ambiguous => transient_reason(code),
        };
        Self::new(reason, error.to_string())
    }
}

fn blocked_reason(code: Option<&str>) -> Reason {
    match code {
        Some("ServiceQuotaExceededException") => Reason::QuotaExceeded,
        Some("PendingVerification") => Reason::PendingVerification,
        Some("ValidationException") => Reason::LambdaPermission,
        _ => Reason::AccessDenied,
    }
}

fn transient_reason(code: Option<&str>) -> Reason {
    match code {
        Some("ThrottlingException") => Reason::Throttled,
        Some("ConflictException") => Reason::Conflict,
        _ => Reason::AwsUnavailable,
    }
}

impl From<store::Error> for Blocker {
    fn from(error: store::Error) -> Self {
        if let store::Error::AwsNotListed = error {
            return Self::aws_listing(AWS_LISTING_DELAY);
        }
        Self::new(Reason::DatabaseUnavailable, error.to_string())
    }
}

impl From<provision::Error> for Blocker {
    fn from(error: provision::Error) -> Self {
        match error {
            provision::Error::Aws(error) => error.into(),
            provision::Error::Store(error)
            | provision::Error::LateUpdateNotRecorded { source: error, .. } => error.into(),
            provision::Error::Foreign { .. } => Self::new(Reason::ForeignResource, error.to_string()),
            provision::Error::Gone { .. } => Self::new(Reason::ResourceGone, error.to_string()),
            provision::Error::RecordedElsewhere { .. } => Self::recorded_elsewhere(&error.to_string()),
            provision::Error::OtherInstallation { .. } => Self::other_installation(&error.to_string()),
            provision::Error::Braked { .. } => Self::brake_engaged(&error.to_string()),
        }
    }
}

impl From<kube::Error> for Blocker {
    fn from(error: kube::Error) -> Self {
        Self::new(Reason::KubernetesUnavailable, messages::account::kubernetes_failed(&api_message(&error)))
    }
}

impl From<Wait> for Blocker {
    fn from(wait: Wait) -> Self {
        Self::new(wait.reason, wait.message).retried_after(wait.wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: &'static str, class: Class, code: &str) -> Blocker {
        let (code, message) = (Some(code.to_owned()), "message".to_owned());
        ivs::Error { operation, class, code, message, request_id: None }.into()
    }

    #[test]
    fn each_error_class_has_its_own_reason_and_retry() {
        let quota = error("CreateStage", Class::Blocked, "ServiceQuotaExceededException");
        assert_eq!((quota.reason, quota.retry), (Reason::QuotaExceeded, Retry::FixedDelay));
        let invalid = error("UpdateChannel", Class::Invalid, "ValidationException");
        assert_eq!((invalid.reason, invalid.retry), (Reason::InvalidSpec, Retry::Never));
        let throttled = error("GetRoom", Class::Transient, "ThrottlingException");
        assert_eq!((throttled.reason, throttled.retry), (Reason::Throttled, Retry::Backoff));
        let verification = error("DeleteChannel", Class::Blocked, "PendingVerification");
        assert_eq!(
            (verification.reason, verification.retry),
            (Reason::PendingVerification, Retry::FixedDelay)
        );
        let ambiguous = error("CreateStreamKey", Class::Ambiguous, "InternalServerException");
        assert_eq!((ambiguous.reason, ambiguous.retry), (Reason::AwsUnavailable, Retry::Backoff));
    }

    #[test]
    fn an_error_of_aws_has_the_retry_of_its_reason() {
        let classes = [Class::Transient, Class::Blocked, Class::Invalid, Class::Ambiguous, Class::Missing];
        for class in classes {
            let blocker = error("CreateStreamKey", class, "code");
            assert_eq!(blocker, Blocker::new(blocker.reason, blocker.message.clone()));
            assert_ne!(blocker.retry, Retry::WithOtherResources, "{class:?} is never retried");
        }
    }

    #[test]
    fn a_failed_first_resync_reports_denied_credentials_as_such() {
        let denied = Blocker::aws_not_listed(&error("ListChannels", Class::Blocked, "AccessDenied"));
        assert_eq!((denied.reason, denied.retry), (Reason::AccessDenied, Retry::FixedDelay));
        let failed = Blocker::aws_not_listed(&error("ListStages", Class::Transient, "Throttling"));
        assert_eq!((failed.reason, failed.retry), (Reason::AwsUnavailable, Retry::Backoff));
    }

    #[test]
    fn a_missing_reference_is_retried_slowly_because_somebody_may_create_it() {
        let missing = error("CreateRoom", Class::MissingReference, "ResourceNotFoundException");
        assert_eq!((missing.reason, missing.retry), (Reason::ReferenceNotFound, Retry::FixedDelay));
        let missing = error("UpdateRoom", Class::Missing, "ResourceNotFoundException");
        assert_eq!(missing.retry, Retry::Backoff);
    }
}
