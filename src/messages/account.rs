//! An account that is ready, or that waits for its resources.

use crate::api::ResourceKind;

pub(crate) const READY: &str = "The channel, the chat room, and the stage match the spec.";

pub(crate) const USER_READY: &str = "The user exists in the database.";

pub(crate) fn resource_ready(kind: ResourceKind) -> String {
    format!("The {kind} matches the spec.")
}

pub(crate) const SUPERSEDED: &str = "The account was modified concurrently; retrying.";

pub(crate) const SUSPENDED: &str =
    "Nothing is created or changed in AWS for this account, because spec.suspend is true.";

pub(crate) const UNKNOWN_WHILE_SUSPENDED: &str = "Whether AWS matches the spec is unknown, because spec.suspend is true. Set it to false to apply the spec.";

pub(crate) fn in_progress(noun: &str) -> String {
    format!("The {noun} is not ready yet.")
}

pub(crate) fn peer_creates(kind: ResourceKind) -> String {
    format!("Another controller is creating the {kind}.")
}

pub(crate) fn outcome_unknown(kind: ResourceKind) -> String {
    format!(
        "The outcome of the last attempt to create the {kind} is unknown. AWS is checked once the attempt must have ended."
    )
}

pub(crate) fn not_returned_yet(kind: ResourceKind) -> String {
    format!("AWS does not return the new {kind} yet.")
}

pub(crate) fn namespace_terminating(namespace: &str) -> String {
    format!("Namespace {namespace} is being deleted, so nothing is created for this account.")
}

/// `error`: the API server's own words.
pub(crate) fn kubernetes_failed(error: &str) -> String {
    format!("Kubernetes: {error}")
}

/// The spec has something that this version does not know. `problem`: the field and what is wrong with it.
pub(crate) fn spec_not_understood(problem: &str, is_policy_known: bool) -> String {
    let on_deletion = if is_policy_known {
        "Deleting the account works as usual."
    } else {
        "If the account is deleted, its resources and rows stay, because its deletionPolicy cannot be read."
    };
    format!(
        "This version of the operator does not understand {problem}. Nothing is created or changed for this account until the spec is corrected or the operator is upgraded. {on_deletion}"
    )
}
