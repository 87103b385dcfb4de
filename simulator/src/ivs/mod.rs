//! The `ivs` API: channels, their stream keys and streams, and the configurations that channels refer to.

pub(crate) mod channel;
pub(crate) mod encoder;
pub(crate) mod recording_configuration;
pub(crate) mod restriction_policy;
pub(crate) mod stream;
pub(crate) mod stream_key;
pub(crate) mod stream_session;

use serde::Deserialize;

/// The channel in the input of an operation on what belongs to it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfChannel {
    channel_arn: String,
}
