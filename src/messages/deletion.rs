//! Deletion, and what it leaves in AWS.

use uuid::Uuid;

use crate::api::ResourceKind;

pub(crate) fn deleted(noun: &str) -> String {
    format!("The {noun} is deleted.")
}

pub(crate) fn still_returned(kind: ResourceKind) -> String {
    format!("AWS still returns the {kind} after its deletion.")
}

pub(crate) const USER_WAITS: &str =
    "The user is deleted once the channel, the chat room, and the stage are gone.";

/// `why`: the message of the refused claim.
pub(crate) fn no_claim(why: &str) -> String {
    format!(
        "Nothing was deleted in AWS, because the account holds no claim to its username. Resources in its status, if any, are left in place. {why}"
    )
}

pub(crate) fn foreign_skipped(kind: ResourceKind, arn: &str) -> String {
    format!(
        "Did not delete the {kind} {arn}: it was recorded for this account, but its tags or another record say that it belongs to somebody else."
    )
}

/// `left`: what may be left in AWS, each described by [`left_in_aws`].
pub(crate) fn abandoned(left: &[String]) -> String {
    if left.is_empty() {
        return "Abandoned the account. No resources of it are known in AWS.".to_owned();
    }
    format!(
        "Abandoned the account. It may leave in AWS: {}. Nothing deletes these; `streamcat-operator orphans` lists them.",
        left.join(", ")
    )
}

/// Describes a resource, or the attempt that may have created one.
pub(crate) fn left_in_aws(kind: ResourceKind, arn: Option<&str>, attempt: Option<Uuid>) -> String {
    match (arn, attempt) {
        (Some(arn), _) => format!("the {kind} {arn}"),
        (None, Some(attempt)) => format!("a {kind} that attempt {attempt} may have created"),
        (None, None) => format!("a {kind}"),
    }
}

/// The deletion policy cannot be read. `problem`: the field and what is wrong with it.
pub(crate) fn policy_not_understood(problem: &str) -> String {
    format!(
        "Kept the channel, the chat room, the stage, and the rows in the database, if there are any: this version of the operator cannot read spec.deletionPolicy ({problem}), so it counts as Retain."
    )
}

pub(crate) const REMOVED_EARLY: &str =
    "the API server removed the account without waiting for its finalizer: cleaning up after it";

pub(crate) const USERNAME_UNKNOWN: &str =
    "Its username cannot be read, and the database has no user of this account.";
