//! Specs of the accounts, before and after an edit.

use serde_json::json;
use streamcat_operator::api::{DeletionPolicy, StreamerAccountSpec};

/// Storage configurations for the stage of an edited account.
const STORAGE: &str = "arn:aws:ivs:eu-west-1:1:storage-configuration/a";
const STORAGE_AGAIN: &str = "arn:aws:ivs:eu-west-1:1:storage-configuration/b";

pub fn spec(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC" },
        "chatRoom": { "maximumMessageLength": 200 },
        "tags": { "team": "a", "old": "o" },
    });
    serde_json::from_value(spec).expect("a spec")
}

/// Returns a spec that names nothing but the username.
pub fn plain(username: &str) -> StreamerAccountSpec {
    StreamerAccountSpec::with_defaults(username.to_owned())
}

/// Returns this spec, suspended.
pub fn suspended(spec: StreamerAccountSpec) -> StreamerAccountSpec {
    StreamerAccountSpec { suspend: Some(true), ..spec }
}

/// Returns a spec with deletionPolicy Retain.
pub fn retained(username: &str) -> StreamerAccountSpec {
    StreamerAccountSpec { deletion_policy: Some(DeletionPolicy::Retain), ..spec(username) }
}

pub fn edited(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC", "latencyMode": "NORMAL" },
        "chatRoom": { "maximumMessageLength": 300 },
        "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": STORAGE } },
        "tags": { "team": "b", "new": "n" },
    });
    serde_json::from_value(spec).expect("a spec")
}

/// Returns a spec that changes the same settings and tags as `edited`.
pub fn edited_again(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC", "latencyMode": "LOW" },
        "chatRoom": { "maximumMessageLength": 400 },
        "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": STORAGE_AGAIN } },
        "tags": { "team": "c", "newer": "n" },
    });
    serde_json::from_value(spec).expect("a spec")
}
