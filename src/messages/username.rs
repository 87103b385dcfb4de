//! The claim on a username.

use crate::api::{AccountRef, USER_ID_ANNOTATION};

pub(crate) fn taken(username: &str, by: &AccountRef) -> String {
    format!(
        "Username \"{username}\" belongs to account {by}. Delete one of the two accounts, or re-create this one with another username."
    )
}

pub(crate) fn reserved(username: &str, by: &AccountRef) -> String {
    format!(
        "Username \"{username}\" is reserved for account {by}, which does not exist here: it was deleted with deletionPolicy Retain, or another controller serves it. Choose another username, or re-create {by}."
    )
}

pub(crate) fn other_spelling(username: &str, recorded: &str) -> String {
    format!(
        "The user is recorded as \"{recorded}\", and its channel, chat room, and stage have that name. Create this account with the username \"{recorded}\" instead of \"{username}\"."
    )
}

pub(crate) fn registered(username: &str) -> String {
    format!(
        "Username \"{username}\" belongs to a person who registered on the registration page, and this account was not created there: its annotation {USER_ID_ANNOTATION} is not that person's user id. Re-create this account with another username."
    )
}

pub(crate) fn other_cluster(username: &str, cluster: &str) -> String {
    format!(
        "User \"{username}\" is held by an account of another cluster on the same database ({cluster}). It can be taken over once that cluster has not been seen for --cluster-takeover-after."
    )
}

pub(crate) const EARLIER_IN_DELETION: &str = "An earlier account of this name was being deleted. This account waits until no call of that deletion can still be in progress.";

pub(crate) fn earlier_not_cleaned_up(message: &str) -> String {
    format!(
        "An earlier account of this name is still being cleaned up. This account waits for that. {message}"
    )
}

pub(crate) fn record_unproven(arn: &str) -> String {
    format!(
        "The row of the username names another user than this account has, and AWS does not return that user's resource {arn}. Once two complete lists of AWS lack the resource and no brake is engaged, the row is deleted. The account then gets its own user back."
    )
}
