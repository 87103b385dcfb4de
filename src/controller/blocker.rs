//! What is wrong, as a condition says it, and when to try again.

use std::time::Duration;

use super::kubernetes::api_message;
use crate::{
    api::{AccountRef, RECONCILE_AT_ANNOTATION},
    ivs::{self, Class},
    provision::{self, Drift, Wait},
    store,
};

/// When to try again; of several, the first in this order says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// Soon, and less often the longer it fails.
    Backoff,
    /// At a known time.
    After(Duration),
    /// Slowly: somebody must act elsewhere, and we are not told when they have.
    FixedDelay,
    /// Not before the spec changes.
    Never,
    /// When the others are tried: there is nothing to do for this part alone.
    WithOtherResources,
}

/// When to look again at an account whose namespace is being deleted: its own deletion, which comes soon, is
/// watched.
const NAMESPACE_AGAIN: Duration = Duration::from_secs(5);

/// Reason of an account whose resources are recorded in another AWS account or region.
pub const RECORDED_ELSEWHERE: &str = "RecordedElsewhere";

/// Reason of an account whose database or resources are another installation's.
const OTHER_INSTALLATION: &str = "OtherInstallation";

/// Reason of a resource that AWS does not show as the spec says, though it was updated.
pub const DRIFT_PERSISTS: &str = "DriftPersists";

/// Reason of a part that is deleted while others are not yet.
const DELETED: &str = "Deleted";

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// One word, for a condition.
    pub reason: &'static str,
    /// What is wrong and, where we know it, what to do.
    pub message: String,
    /// When to try again.
    pub retry: Retry,
}

impl Blocker {
    /// Another account has the username; `exists` says whether that account is there.
    pub fn username_taken(username: &str, by: &AccountRef, exists: bool) -> Self {
        let message = if exists {
            format!(
                "the username {username} belongs to the account {by}: delete one of the two, or create this one with another username"
            )
        } else {
            format!(
                "the username {username} is kept for the account {by}, which is not there now (it was deleted with the policy Retain, or another controller serves it): create this one with another username, or that one again"
            )
        };
        Self { reason: "UsernameTaken", message, retry: Retry::Never }
    }

    /// The user is kept under another spelling, which is the name of its resources.
    pub fn username_spelling(username: &str, kept: &str) -> Self {
        let message = format!(
            "the user is kept as {kept}, and so are its channel, chat room and stage: create this account with the username {kept}, not {username}"
        );
        Self { reason: "UsernameTaken", message, retry: Retry::Never }
    }

    /// The user is held by an object of another cluster on the same database.
    pub fn other_cluster(username: &str, cluster: &str) -> Self {
        let message = format!(
            "the user {username} is held by an account of another cluster on the same database ({cluster}), and was not taken over from it"
        );
        Self { reason: "OtherCluster", message, retry: Retry::FixedDelay }
    }

    /// The row of the username names another user than the account's tags or status; AWS does not show what
    /// that user has, which proves nothing yet.
    pub fn record_unproven(arn: &str, again: Duration) -> Self {
        let message = format!(
            "the row of the username names another user than the account has, and AWS does not show what that user had ({arn}): the row goes, and the account's own user comes back, once two complete lists of AWS lack it and no brake is on"
        );
        Self { reason: "ResourceMissing", message, retry: Retry::After(again) }
    }

    /// Nothing has been seen of AWS yet, so nothing is created.
    pub fn aws_not_listed(why: &str, again: Duration) -> Self {
        let message = format!("waiting for the first look at AWS: {why}");
        Self { reason: "AwsUnavailable", message, retry: Retry::After(again) }
    }

    /// Another object has the account's name by now, or another controller was faster.
    pub fn superseded() -> Self {
        let message = "the account was changed elsewhere while it was worked on";
        Self { reason: "Progressing", message: message.to_owned(), retry: Retry::Backoff }
    }

    /// This part is not ready yet, while others are.
    pub fn in_progress(noun: &str) -> Self {
        let message = format!("the {noun} is not ready yet");
        Self { reason: "Progressing", message, retry: Retry::After(Duration::from_secs(1)) }
    }

    /// Everything that is recorded is in another AWS account or region.
    pub fn recorded_elsewhere(message: &str) -> Self {
        Self { reason: RECORDED_ELSEWHERE, message: message.to_owned(), retry: Retry::FixedDelay }
    }

    /// The database is another installation's.
    pub fn other_installation(message: &str) -> Self {
        Self { reason: OTHER_INSTALLATION, message: message.to_owned(), retry: Retry::FixedDelay }
    }

    /// Too much is missing at once.
    pub fn braked(message: &str) -> Self {
        Self { reason: "BrakeEngaged", message: message.to_owned(), retry: Retry::FixedDelay }
    }

    /// AWS does not show these settings or tags as the spec says, though they were sent.
    pub fn drift_persists(noun: &str, drift: &Drift) -> Self {
        let fields = &drift.fields;
        let (message, retry) = match drift.again_in {
            Some(again_in) => (
                format!(
                    "the {noun} was updated, but AWS does not show it as the spec says ({fields}): the update is repeated in a moment"
                ),
                Retry::After(again_in),
            ),
            None => (
                format!(
                    "the {noun} keeps drifting from the spec ({fields}): something else changes it, or AWS does not keep the value. It is left as it is until the spec changes, or the annotation {RECONCILE_AT_ANNOTATION} asks for another update"
                ),
                Retry::FixedDelay,
            ),
        };
        Self { reason: DRIFT_PERSISTS, message, retry }
    }

    /// The namespace is being deleted, so nothing is created in it.
    pub fn namespace_terminating(namespace: &str) -> Self {
        let message =
            format!("the namespace {namespace} is being deleted: nothing is created for an account in it");
        Self { reason: "NamespaceTerminating", message, retry: Retry::After(NAMESPACE_AGAIN) }
    }

    /// This part is deleted; others are not yet.
    pub fn deleted(noun: &str) -> Self {
        let message = format!("the {noun} is deleted");
        Self { reason: DELETED, message, retry: Retry::WithOtherResources }
    }

    /// The user's row goes last.
    pub fn waits_for_resources() -> Self {
        let message = "the user's row goes when all three are gone".to_owned();
        Self { reason: "Deleting", message, retry: Retry::WithOtherResources }
    }

    /// Returns true if AWS has refused what the spec says.
    pub fn is_refusal(&self) -> bool {
        ["InvalidSpec", "QuotaExceeded", "AccessDenied"].contains(&self.reason)
    }

    /// Returns true if the database or the resources are another installation's.
    pub fn is_other_installation(&self) -> bool {
        self.reason == OTHER_INSTALLATION
    }

    /// Whether it says that this part is deleted, which is no problem.
    pub fn is_deleted(&self) -> bool {
        self.reason == DELETED
    }

    /// A person registered the username with a password, and this account was not made for them.
    pub fn username_registered(username: &str) -> Self {
        let annotation = crate::api::USER_ID_ANNOTATION;
        let message = format!(
            "the username {username} was registered on the registration page, and this account was not made there (its annotation {annotation} is not that user's id): create this one with another username"
        );
        Self { reason: "UsernameTaken", message, retry: Retry::Never }
    }

    /// Somebody else's Secret has the name that ours would have.
    pub fn secret_taken(name: &str) -> Self {
        let message = format!(
            "a Secret {name} that is not this account's, or not of its channel, is in the way of the stream key: rename or delete it"
        );
        Self { reason: "SecretExists", message, retry: Retry::FixedDelay }
    }

    /// The Secret is not as it should be, and Kubernetes does not let its data be changed.
    pub fn secret_immutable(name: &str) -> Self {
        let message = format!(
            "the Secret {name} is immutable and has another stream key or address than the channel: delete it, and it is made again"
        );
        Self { reason: "SecretImmutable", message, retry: Retry::FixedDelay }
    }

    /// AWS shows no stream key of the channel, and makes none because there is one.
    pub fn stream_key_not_shown() -> Self {
        let message = "AWS does not show the stream key of the channel yet";
        Self { reason: "StreamKeyMissing", message: message.to_owned(), retry: Retry::Backoff }
    }
}

impl From<ivs::Error> for Blocker {
    fn from(error: ivs::Error) -> Self {
        let code = error.code.as_deref();
        let (reason, retry) = match error.class {
            Class::Invalid => ("InvalidSpec", Retry::Never),
            // On the Create of one of the three this is a reference to something that is not there.
            Class::Missing
                if error.operation.starts_with("Create") && error.operation != "CreateStreamKey" =>
            {
                ("InvalidSpec", Retry::Never)
            }
            Class::Blocked => (blocked_reason(code), Retry::FixedDelay),
            Class::Ambiguous => ("OutcomeUnknown", Retry::Backoff),
            Class::Transient | Class::Missing => (transient_reason(code), Retry::Backoff),
        };
        Self { reason, message: error.to_string(), retry }
    }
}

fn blocked_reason(code: Option<&str>) -> &'static str {
    match code {
        Some("ServiceQuotaExceededException") => "QuotaExceeded",
        Some("PendingVerification") => "PendingVerification",
        Some("ValidationException") => "LambdaPermission",
        _ => "AccessDenied",
    }
}

fn transient_reason(code: Option<&str>) -> &'static str {
    match code {
        Some("ThrottlingException") => "Throttled",
        Some("ConflictException") => "Conflict",
        _ => "AwsUnavailable",
    }
}

impl From<store::Error> for Blocker {
    fn from(error: store::Error) -> Self {
        Self { reason: "DatabaseUnavailable", message: error.to_string(), retry: Retry::Backoff }
    }
}

impl From<provision::Error> for Blocker {
    fn from(error: provision::Error) -> Self {
        match error {
            provision::Error::Aws(error) => error.into(),
            provision::Error::Store(error) | provision::Error::Unnoted(error) => error.into(),
            provision::Error::Foreign { .. } => {
                Self { reason: "ForeignResource", message: error.to_string(), retry: Retry::FixedDelay }
            }
            provision::Error::Gone { .. } => {
                Self { reason: "ResourceGone", message: error.to_string(), retry: Retry::Never }
            }
            provision::Error::Elsewhere { .. } => Self::recorded_elsewhere(&error.to_string()),
            provision::Error::OtherInstallation { .. } => Self::other_installation(&error.to_string()),
            provision::Error::Braked { .. } => Self::braked(&error.to_string()),
        }
    }
}

impl From<kube::Error> for Blocker {
    fn from(error: kube::Error) -> Self {
        let message = format!("Kubernetes: {}", api_message(&error));
        Self { reason: "KubernetesUnavailable", message, retry: Retry::Backoff }
    }
}

impl From<Wait> for Blocker {
    fn from(wait: Wait) -> Self {
        Self { reason: wait.reason, message: wait.message, retry: Retry::After(wait.wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: &'static str, class: Class, code: &str) -> Blocker {
        let (code, message) = (Some(code.to_owned()), "words".to_owned());
        ivs::Error { operation, class, code, message, request_id: None }.into()
    }

    #[test]
    fn each_class_has_its_retry() {
        let quota = error("CreateStage", Class::Blocked, "ServiceQuotaExceededException");
        assert_eq!((quota.reason, quota.retry), ("QuotaExceeded", Retry::FixedDelay));
        let invalid = error("UpdateChannel", Class::Invalid, "ValidationException");
        assert_eq!((invalid.reason, invalid.retry), ("InvalidSpec", Retry::Never));
        let throttled = error("GetRoom", Class::Transient, "ThrottlingException");
        assert_eq!((throttled.reason, throttled.retry), ("Throttled", Retry::Backoff));
        let verification = error("DeleteChannel", Class::Blocked, "PendingVerification");
        assert_eq!((verification.reason, verification.retry), ("PendingVerification", Retry::FixedDelay));
    }

    #[test]
    fn a_missing_reference_on_create_is_for_the_spec_to_mend() {
        let missing = error("CreateRoom", Class::Missing, "ResourceNotFoundException");
        assert_eq!((missing.reason, missing.retry), ("InvalidSpec", Retry::Never));
        let vanished = error("UpdateRoom", Class::Missing, "ResourceNotFoundException");
        assert_eq!(vanished.retry, Retry::Backoff);
    }
}
