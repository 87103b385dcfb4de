//! `spec.stage`, which has every field of CreateStage except name, tags and participant tokens, with the
//! limits of AWS; and `status.stage`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AppliedFields, aws_enum};

/// Settings of the Amazon IVS real-time stage. Fields that no spec has named are left to AWS, and not
/// compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageSpec {
    /// Recording of each participant separately to Amazon S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_participant_recording_configuration: Option<AutoParticipantRecordingConfiguration>,
}

/// Recording of each participant of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoParticipantRecordingConfiguration {
    /// ARN of the storage configuration. An empty string disables recording.
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:storage-configuration/[a-zA-Z0-9-]+$")
    )]
    pub storage_configuration_arn: String,

    /// Media types to record: one of AUDIO_VIDEO, AUDIO_ONLY, NONE. AWS default: AUDIO_VIDEO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1))]
    pub media_types: Option<Vec<MediaType>>,

    /// Thumbnails taken while recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_configuration: Option<ThumbnailConfiguration>,

    /// Time in seconds within which a participant who reconnects continues the same recording. AWS default: 0
    /// (disabled).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub recording_reconnect_window_seconds: Option<i32>,

    /// HLS settings of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hls_configuration: Option<HlsConfiguration>,

    /// Also records participants that are replicated from another stage. AWS default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_participant_replicas: Option<bool>,
}

/// Thumbnails taken while recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThumbnailConfiguration {
    /// Interval between thumbnails, in seconds. AWS default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub target_interval_seconds: Option<i32>,

    /// Thumbnails to store: all of them (SEQUENTIAL), only the latest (LATEST), or both. AWS default:
    /// SEQUENTIAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub storage: Option<Vec<ThumbnailStorage>>,

    /// Thumbnail recording: at intervals (INTERVAL) or not at all (DISABLED). AWS default: DISABLED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_mode: Option<ThumbnailRecordingMode>,
}

/// HLS settings of a recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HlsConfiguration {
    /// Length of a segment, in seconds. AWS default: 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10))]
    pub target_segment_duration_seconds: Option<i32>,
}

aws_enum! {
    /// Media type to record.
    MediaType { AudioVideo = "AUDIO_VIDEO", AudioOnly = "AUDIO_ONLY", None = "NONE" }
}
aws_enum! {
    /// Thumbnails to store.
    ThumbnailStorage { Sequential = "SEQUENTIAL", Latest = "LATEST" }
}
aws_enum! {
    /// Thumbnail recording mode.
    ThumbnailRecordingMode { Interval = "INTERVAL", Disabled = "DISABLED" }
}

/// The real-time stage in AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// ARN of the stage.
    pub arn: String,
    /// Endpoints that participants connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<StageEndpoints>,
    /// Settings that the spec names, or that an earlier spec has named and that are not back at AWS's default
    /// yet, by their paths within this part of the spec, and tags as `tag KEY`.
    #[serde(default, skip_serializing_if = "AppliedFields::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub applied_fields: AppliedFields,
}

/// Endpoints of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageEndpoints {
    /// WebSocket endpoint for events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
    /// WHIP endpoint, for publishing with WebRTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whip: Option<String>,
    /// RTMP endpoint, for publishing without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<String>,
    /// RTMPS endpoint, for publishing with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtmps: Option<String>,
}
