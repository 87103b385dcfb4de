//! The enums in a channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The latency mode of the video.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum LatencyMode {
    Normal,
    Low,
}

/// The type of a channel.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ChannelType {
    Basic,
    Standard,
    AdvancedSd,
    AdvancedHd,
}

/// The transcode preset. Only advanced channel types have one.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Preset {
    #[serde(rename = "")]
    None,
    HigherBandwidthDelivery,
    ConstrainedBandwidthDelivery,
}

/// The container format of the video.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Container {
    #[serde(rename = "TS")]
    Ts,
    #[serde(rename = "FRAGMENTED_MP4")]
    FragmentedMp4,
}

/// The multitrack policy: whether multitrack input is allowed or required.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Policy {
    Allow,
    Require,
}

/// The maximum resolution of multitrack input.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Resolution {
    Sd,
    Hd,
    FullHd,
}

/// Returns the name of an enum value in the API.
pub(super) fn api_name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
