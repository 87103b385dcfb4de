//! `spec.stage`: what CreateStage takes but name, tags and participant tokens, with AWS's own limits; and `status.stage`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aws_enum;

/// Settings of the Amazon IVS real-time stage. A field left out keeps the value AWS gives it, and is not compared later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageSpec {
    /// Recording of every participant, each on its own, to Amazon S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_participant_recording_configuration: Option<AutoParticipantRecordingConfiguration>,
}

/// Recording of every participant of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoParticipantRecordingConfiguration {
    /// ARN of the storage configuration; an empty string switches recording off.
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:storage-configuration/[a-zA-Z0-9-]+$")
    )]
    pub storage_configuration_arn: String,

    /// What is recorded: one of AUDIO_VIDEO, AUDIO_ONLY, NONE. AWS's default: AUDIO_VIDEO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1))]
    pub media_types: Option<Vec<MediaType>>,

    /// Thumbnails taken while recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_configuration: Option<ThumbnailConfiguration>,

    /// Seconds within which a participant who comes back continues the same recording. AWS's default: 0 (off).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub recording_reconnect_window_seconds: Option<i32>,

    /// HLS settings of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hls_configuration: Option<HlsConfiguration>,

    /// Whether participants replicated from another stage are recorded too. AWS's default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_participant_replicas: Option<bool>,
}

/// Thumbnails taken while recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThumbnailConfiguration {
    /// Seconds between two thumbnails. AWS's default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub target_interval_seconds: Option<i32>,

    /// How thumbnails are kept: all of them (SEQUENTIAL), the newest only (LATEST), or both. AWS's default: SEQUENTIAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub storage: Option<Vec<ThumbnailStorage>>,

    /// Whether thumbnails are taken (INTERVAL) or not (DISABLED). AWS's default: DISABLED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_mode: Option<ThumbnailRecordingMode>,
}

/// HLS settings of a recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HlsConfiguration {
    /// Length of a segment, in seconds. AWS's default: 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10))]
    pub target_segment_duration_seconds: Option<i32>,
}

aws_enum! {
    /// What is recorded of a participant.
    MediaType { AudioVideo = "AUDIO_VIDEO", AudioOnly = "AUDIO_ONLY", None = "NONE" }
}
aws_enum! {
    /// How thumbnails are kept.
    ThumbnailStorage { Sequential = "SEQUENTIAL", Latest = "LATEST" }
}
aws_enum! {
    /// Whether thumbnails are taken.
    ThumbnailRecordingMode { Interval = "INTERVAL", Disabled = "DISABLED" }
}

/// The real-time stage as AWS made it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// ARN of the stage.
    pub arn: String,
    /// Endpoints that participants connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<StageEndpoints>,
}

/// Endpoints of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageEndpoints {
    /// WebSocket endpoint for events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
    /// WHIP endpoint, for publishing by WebRTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whip: Option<String>,
    /// RTMP endpoint, for publishing without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<String>,
    /// RTMPS endpoint, for publishing with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtmps: Option<String>,
}
