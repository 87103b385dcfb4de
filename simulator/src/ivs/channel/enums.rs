//! The values that members of a channel can have, where they are few.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How soon the video is seen.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum LatencyMode {
    Normal,
    Low,
}

/// The type of a channel.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    Basic,
    Standard,
    AdvancedSd,
    AdvancedHd,
}

/// How an advanced channel is transcoded; other channels have none.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Preset {
    #[serde(rename = "")]
    None,
    HigherBandwidthDelivery,
    ConstrainedBandwidthDelivery,
}

/// How the video is packaged.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Container {
    #[serde(rename = "TS")]
    Ts,
    #[serde(rename = "FRAGMENTED_MP4")]
    FragmentedMp4,
}

/// Whether multitrack input may be or must be.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Policy {
    Allow,
    Require,
}

/// The most that multitrack input can have.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Resolution {
    Sd,
    Hd,
    FullHd,
}

/// A value as the API writes it.
pub(super) fn api_name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
