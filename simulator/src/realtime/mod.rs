//! The `ivs-realtime` API: stages, their participants, and the storage configurations for recordings.

pub(crate) mod stage;
pub(crate) mod stage_session;
pub(crate) mod storage_configuration;
pub(crate) mod token;

use serde::Deserialize;

/// The stage in the input of an operation on what belongs to it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfStage {
    stage_arn: String,
}
