//! The texts of conditions, events and `/readyz`: each says what happened, why, and what to do.

use crate::{
    api::{AccountRef, RECONCILE_AT_ANNOTATION, ResourceKind, SpecProblem, USER_ID_ANNOTATION},
    provision::SettingsDrift,
    store::{ClusterIdentity, Orphan, OtherCluster},
};

// Conditions of an account that is ready.

pub(super) const READY: &str = "The channel, the chat room and the stage match the spec.";

pub(super) const USER_READY: &str = "The user exists in the database.";

pub(super) fn resource_ready(kind: ResourceKind) -> String {
    format!("The {kind} matches the spec.")
}

// The username.

pub(super) fn username_taken(username: &str, by: &AccountRef) -> String {
    format!(
        "Username \"{username}\" belongs to account {by}. Delete one of the two accounts, or re-create this one with another username."
    )
}

pub(super) fn username_reserved(username: &str, by: &AccountRef) -> String {
    format!(
        "Username \"{username}\" is reserved for account {by}, which does not exist here: it was deleted with deletionPolicy Retain, or another controller serves it. Choose another username, or re-create {by}."
    )
}

pub(super) fn username_spelling(username: &str, recorded: &str) -> String {
    format!(
        "The user is recorded as \"{recorded}\", and its channel, chat room and stage have that name. Create this account with the username \"{recorded}\" instead of \"{username}\"."
    )
}

pub(super) fn username_registered(username: &str) -> String {
    format!(
        "Username \"{username}\" belongs to a person who registered on the registration page, and this account was not created there: its annotation {USER_ID_ANNOTATION} is not that person's user id. Re-create this account with another username."
    )
}

pub(super) fn other_cluster(username: &str, cluster: &str) -> String {
    format!(
        "User \"{username}\" is held by an account of another cluster on the same database ({cluster}). It can be taken over once that cluster has not been seen for --cluster-takeover-after."
    )
}

pub(super) fn record_unproven(arn: &str) -> String {
    format!(
        "The row of the username names another user than this account has, and AWS does not return that user's resource {arn}. Once two complete lists of AWS lack the resource and no brake is engaged, the row is deleted. The account then gets its own user back."
    )
}

// The spec.

pub(super) fn spec_not_understood(problem: &SpecProblem) -> String {
    let on_deletion = if problem.is_policy_known {
        "Deleting the account works as usual."
    } else {
        "If the account is deleted, its resources and rows stay, because its deletionPolicy cannot be read."
    };
    format!(
        "This version of the operator does not understand {}. Nothing is created or changed for this account until the spec is corrected or the operator is upgraded. {on_deletion}",
        problem.message
    )
}

pub(super) fn policy_not_understood(problem: &SpecProblem) -> String {
    format!(
        "Kept the channel, the chat room, the stage and the rows in the database, if there are any: this version of the operator cannot read spec.deletionPolicy ({}), so it counts as Retain.",
        problem.message
    )
}

pub(super) const USERNAME_UNKNOWN: &str =
    "Its username cannot be read, and the database has no user of this account.";

// Progress.

pub(super) const SUPERSEDED: &str = "The account was modified concurrently; retrying.";

pub(super) const FIRST_RESYNC_IN_PROGRESS: &str = "it is in progress";

pub(super) fn first_resync(why: &str) -> String {
    format!("Waiting for the first complete list of AWS: {why}")
}

pub(super) fn resync_timed_out(minutes: u64) -> String {
    format!("The resync took longer than {minutes} minutes.")
}

/// `since`: the time of the latest success.
pub(super) fn resync_fails(since: &str, why: &str) -> String {
    format!("No resync has succeeded since {since}, so changes in AWS are not noticed: {why}")
}

pub(super) fn in_progress(noun: &str) -> String {
    format!("The {noun} is not ready yet.")
}

pub(super) fn namespace_terminating(namespace: &str) -> String {
    format!("Namespace {namespace} is being deleted, so nothing is created for this account.")
}

pub(super) fn deleted(noun: &str) -> String {
    format!("The {noun} is deleted.")
}

pub(super) const WAITS_FOR_RESOURCES: &str =
    "The user is deleted once the channel, the chat room and the stage are gone.";

// Drift and records.

pub(super) fn drift_retried(noun: &str, drift: &SettingsDrift) -> String {
    format!(
        "Updated the {noun}, but AWS still returns other values than the spec has ({}). The update is sent again shortly.",
        drift.fields
    )
}

pub(super) fn drift_persists(noun: &str, drift: &SettingsDrift) -> String {
    format!(
        "The {noun} keeps drifting from the spec ({}): something else changes it, or AWS does not keep the value. It is left as it is until the spec changes, or until the annotation {RECONCILE_AT_ANNOTATION} requests another update.",
        drift.fields
    )
}

pub(super) fn recorded_elsewhere(elsewhere: usize, all: usize, recorded: &str, target: &str) -> String {
    format!(
        "{elsewhere} of {all} resources are recorded in {recorded}, but this controller works in {target}. Start it with the region and the credentials of the records."
    )
}

pub(super) fn other_installation(known: &str, set: &str) -> String {
    format!(
        "The database belongs to installation {known:?}, but this controller is set to {set:?} (--installation-id). Nothing is created or deleted. Set --installation-id to the id of the database, or use another database."
    )
}

pub(super) const NO_RECENT_LIST: &str = "no complete list of AWS was seen recently";

pub(super) fn held_by_other_cluster(other: &OtherCluster, cluster: &ClusterIdentity) -> String {
    format!(
        "Cluster {} holds the lease on this database and was last seen at {}. This cluster ({}) changes nothing until the other one has not been seen for {} s (--cluster-takeover-after).",
        other.id,
        other.seen_at,
        cluster.id,
        cluster.takeover_after.as_secs()
    )
}

// The Secret with the stream key.

pub(super) fn secret_taken(name: &str) -> String {
    format!(
        "Secret {name} does not belong to this account's channel, so the stream key cannot be written. Rename or delete that Secret."
    )
}

pub(super) fn secret_immutable(name: &str) -> String {
    format!(
        "Secret {name} is immutable, and its stream key or addresses differ from the channel's. Delete it; the controller creates it again."
    )
}

pub(super) const STREAM_KEY_NOT_RETURNED: &str =
    "AWS does not return the stream key of the channel yet; retrying.";

pub(super) fn stream_key_created(channel_arn: &str) -> String {
    format!(
        "Channel {channel_arn} had no stream key, so a new one was created. The new key is written to the Secret. Configure encoders with it."
    )
}

pub(super) fn stream_key_replaced(name: &str) -> String {
    format!("Replaced the stream key in Secret {name}, which differed from the channel's.")
}

pub(super) fn secret_adopted(name: &str) -> String {
    format!("Adopted Secret {name}, which had no owner.")
}

// Changes.

pub(super) fn record_corrected(kind: ResourceKind, now: &str) -> String {
    format!("The database named another {kind}, which does not exist. It now names {now}.")
}

/// `replaced`: the ARNs before and after, if they are known.
pub(super) fn recreated(kind: ResourceKind, replaced: Option<(&str, &str)>) -> String {
    let (before, now) =
        replaced.map_or_else(Default::default, |(before, now)| (format!(" {before}"), format!(": {now}")));
    format!("Created the {kind}{before} again, because it was gone from AWS{now}.")
}

pub(super) fn arn_changed(kind: ResourceKind, before: &str, now: &str) -> String {
    format!("The records of the {kind} differed: {now} replaces {before} in status.")
}

pub(super) fn adopted(kind: ResourceKind) -> String {
    format!("Adopted the {kind} of an earlier attempt.")
}

pub(super) fn updated(kind: ResourceKind) -> String {
    format!("Updated the {kind} to match the spec.")
}

// Deletion.

pub(super) fn no_claim(why: &str) -> String {
    format!(
        "Nothing was deleted in AWS, because the account holds no claim to its username. Resources in its status, if any, are left in place. {why}"
    )
}

pub(super) fn foreign_resource_skipped(kind: ResourceKind, arn: &str) -> String {
    format!(
        "Did not delete the {kind} {arn}: it was recorded for this account, but its tags or another record say that it belongs to somebody else."
    )
}

pub(super) fn abandoned(orphans: &[Orphan]) -> String {
    let items: Vec<_> = orphans.iter().map(orphan).collect();
    if items.is_empty() {
        return "Abandoned the account. No resources of it are known in AWS.".to_owned();
    }
    format!(
        "Abandoned the account. It may leave in AWS: {}. Nothing deletes these; `streamcat-operator orphans` lists them.",
        items.join(", ")
    )
}

fn orphan(orphan: &Orphan) -> String {
    match (&orphan.arn, orphan.attempt) {
        (Some(arn), _) => format!("the {} {arn}", orphan.kind),
        (None, Some(attempt)) => format!("a {} that attempt {attempt} may have created", orphan.kind),
        (None, None) => format!("a {}", orphan.kind),
    }
}

// Combined messages.

/// The text between the report of a changed ARN and the message of a blocker in the same condition.
pub(super) const ALSO: &str = " Also: ";

/// Joins messages. Some are sentences, others are not.
pub(super) fn join<'a>(messages: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for message in messages {
        if !joined.is_empty() {
            joined.push_str(if joined.ends_with('.') { " " } else { "; " });
        }
        joined.push_str(message);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_joined_by_a_space_and_others_by_a_semicolon() {
        assert_eq!(join(["One.", "two", "Three."]), "One. two; Three.");
        assert_eq!(join([]), "");
    }
}
