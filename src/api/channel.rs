//! `spec.channel`, which has every field of CreateChannel except name and tags, with the limits of AWS; and
//! `status.channel`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AppliedFields, aws_enum};

/// Settings of the Amazon IVS channel. Fields that no spec has named are left to AWS, and not compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.preset) || (has(self.type) && self.type.startsWith('ADVANCED_'))")
        .message("preset requires an ADVANCED type: set type to ADVANCED_SD or ADVANCED_HD, or remove preset"),
    validation = Rule::new("!(has(self.multitrackInputConfiguration) && has(self.multitrackInputConfiguration.enabled) && self.multitrackInputConfiguration.enabled) || !has(self.type) || self.type == 'STANDARD'")
        .message("multitrack input requires type STANDARD: set type to STANDARD, or multitrackInputConfiguration.enabled to false"),
    validation = Rule::new("!(has(self.multitrackInputConfiguration) && has(self.multitrackInputConfiguration.enabled) && self.multitrackInputConfiguration.enabled) || (has(self.containerFormat) && self.containerFormat == 'FRAGMENTED_MP4')")
        .message("multitrack input requires containerFormat FRAGMENTED_MP4: set it, or multitrackInputConfiguration.enabled to false"),
)]
pub struct ChannelSpec {
    /// Video latency: LOW for near real-time interaction with viewers, NORMAL otherwise. AWS default: LOW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_mode: Option<LatencyMode>,

    /// Channel type, which determines the allowed resolution and bitrate, and transcoding. AWS default:
    /// STANDARD.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub channel_type: Option<ChannelType>,

    /// Makes the channel private: playback requires a signed token. AWS default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<bool>,

    /// ARN of the recording configuration. An empty string disables recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:recording-configuration/[a-zA-Z0-9-]+$")
    )]
    pub recording_configuration_arn: Option<String>,

    /// Allows encoders to send without TLS. AWS default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_ingest: Option<bool>,

    /// Transcode preset, only for the types ADVANCED_SD and ADVANCED_HD. AWS default for these types:
    /// HIGHER_BANDWIDTH_DELIVERY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<TranscodePreset>,

    /// ARN of the playback restriction policy. An empty string removes the restriction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:playback-restriction-policy/[a-zA-Z0-9-]+$")
    )]
    pub playback_restriction_policy_arn: Option<String>,

    /// Multitrack input (the encoder sends several renditions), only for type STANDARD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multitrack_input_configuration: Option<MultitrackInputConfiguration>,

    /// Packaging of the stream: TS or FRAGMENTED_MP4. AWS default: TS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_format: Option<ContainerFormat>,

    /// ARN of the ad configuration. An empty string disables server-side ads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:ad-configuration/[a-zA-Z0-9-]+$")
    )]
    pub ad_configuration_arn: Option<String>,

    /// ARN of the failover slate configuration. An empty string disables the slate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:failover-slate-configuration/[a-zA-Z0-9-]+$")
    )]
    pub failover_slate_configuration_arn: Option<String>,
}

/// Multitrack input: the encoder sends several renditions, and IVS does not transcode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.enabled) || !self.enabled || (has(self.policy) && has(self.maximumResolution))")
        .message("multitrack input requires policy and maximumResolution: set both, or enabled to false"),
)]
pub struct MultitrackInputConfiguration {
    /// Enables multitrack input. AWS default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,

    /// Policy for streams with a single track: ALLOW accepts them, REQUIRE rejects them. Required if enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<MultitrackPolicy>,

    /// Maximum resolution that the encoder may send. Required if enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_resolution: Option<MaximumResolution>,
}

aws_enum! {
    /// Video latency.
    LatencyMode { Normal = "NORMAL", Low = "LOW" }
}
aws_enum! {
    /// Channel type.
    ChannelType { Basic = "BASIC", Standard = "STANDARD", AdvancedSd = "ADVANCED_SD", AdvancedHd = "ADVANCED_HD" }
}
aws_enum! {
    /// Transcode preset of the ADVANCED types.
    TranscodePreset { HigherBandwidth = "HIGHER_BANDWIDTH_DELIVERY", ConstrainedBandwidth = "CONSTRAINED_BANDWIDTH_DELIVERY" }
}
aws_enum! {
    /// Policy for streams with a single track.
    MultitrackPolicy { Allow = "ALLOW", Require = "REQUIRE" }
}
aws_enum! {
    /// Maximum resolution of multitrack input.
    MaximumResolution { Sd = "SD", Hd = "HD", FullHd = "FULL_HD" }
}
aws_enum! {
    /// Packaging of the stream.
    ContainerFormat { Ts = "TS", FragmentedMp4 = "FRAGMENTED_MP4" }
}

/// The channel in AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// ARN of the channel.
    pub arn: String,
    /// Host name that encoders send to. The full URL is in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest_endpoint: Option<String>,
    /// Playback URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback_url: Option<String>,
    /// Name of the Secret with the stream key, in the account's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_key_secret_name: Option<String>,
    /// Settings that the spec names, or that an earlier spec has named and that are not back at AWS's default
    /// yet, by their paths within this part of the spec, and tags as `tag KEY`.
    #[serde(default, skip_serializing_if = "AppliedFields::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub applied_fields: AppliedFields,
}
