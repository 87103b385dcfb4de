//! Streams, which encoders send to channels.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ids, timestamp};

/// The health of the incoming video.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Health {
    Healthy,
    Starving,
    Unknown,
}

/// The state of a stream. The API returns only streams that are live.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Broadcasting {
    Live,
}

/// A stream, as in the output of GetStream. Each live channel has one.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stream {
    pub channel_arn: String,
    #[serde(rename = "streamId")]
    pub id: String,
    playback_url: String,
    #[serde(with = "timestamp")]
    pub start_time: Timestamp,
    state: Broadcasting,
    pub health: Health,
    pub viewer_count: u64,
}

/// A stream, as in the output of ListStreams.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamSummary<'a> {
    channel_arn: &'a str,
    stream_id: &'a str,
    state: Broadcasting,
    health: Health,
    viewer_count: u64,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
}

impl Stream {
    /// Creates a healthy stream without viewers.
    pub fn new(channel_arn: &str, playback_url: &str, start_time: Timestamp) -> Self {
        Self {
            channel_arn: channel_arn.to_owned(),
            id: format!("st-{}", ids::alphanumeric(23)),
            playback_url: playback_url.to_owned(),
            start_time,
            state: Broadcasting::Live,
            health: Health::Healthy,
            viewer_count: 0,
        }
    }

    pub fn to_summary(&self) -> StreamSummary<'_> {
        StreamSummary {
            channel_arn: &self.channel_arn,
            stream_id: &self.id,
            state: self.state,
            health: self.health,
            viewer_count: self.viewer_count,
            start_time: self.start_time,
        }
    }
}
