//! `spec.channel`: every field of CreateChannel but name and tags, with AWS's own limits; and `status.channel`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aws_enum;

/// Settings of the Amazon IVS channel. A field left out keeps the value AWS gives it, and is not compared later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.preset) || (has(self.type) && self.type.startsWith('ADVANCED_'))")
        .message("preset works only with the ADVANCED types: set type to ADVANCED_SD or ADVANCED_HD, or remove preset"),
    validation = Rule::new("!(has(self.multitrackInputConfiguration) && has(self.multitrackInputConfiguration.enabled) && self.multitrackInputConfiguration.enabled) || !has(self.type) || self.type == 'STANDARD'")
        .message("multitrack input works only with type STANDARD: set type to STANDARD, or multitrackInputConfiguration.enabled to false"),
    validation = Rule::new("!(has(self.multitrackInputConfiguration) && has(self.multitrackInputConfiguration.enabled) && self.multitrackInputConfiguration.enabled) || (has(self.containerFormat) && self.containerFormat == 'FRAGMENTED_MP4')")
        .message("multitrack input needs containerFormat FRAGMENTED_MP4: set it, or multitrackInputConfiguration.enabled to false"),
)]
pub struct ChannelSpec {
    /// Delay of the video: LOW for interaction with viewers in near real time, NORMAL otherwise. AWS's default: LOW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_mode: Option<LatencyMode>,

    /// Channel type, which sets the allowed resolution and bit rate, and the transcoding. AWS's default: STANDARD.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub channel_type: Option<ChannelType>,

    /// Whether playback needs a signed token (a private channel). AWS's default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<bool>,

    /// ARN of the recording configuration; an empty string switches recording off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:recording-configuration/[a-zA-Z0-9-]+$")
    )]
    pub recording_configuration_arn: Option<String>,

    /// Whether an encoder may send without TLS. AWS's default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_ingest: Option<bool>,

    /// Transcode preset; only for the types ADVANCED_SD and ADVANCED_HD. AWS's default there: HIGHER_BANDWIDTH_DELIVERY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<TranscodePreset>,

    /// ARN of the playback restriction policy; an empty string removes the restriction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:playback-restriction-policy/[a-zA-Z0-9-]+$")
    )]
    pub playback_restriction_policy_arn: Option<String>,

    /// Multitrack input (several renditions sent by the encoder); only for type STANDARD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multitrack_input_configuration: Option<MultitrackInputConfiguration>,

    /// Packaging of the stream: TS or FRAGMENTED_MP4. AWS's default: TS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_format: Option<ContainerFormat>,

    /// ARN of the ad configuration; an empty string switches server-side ads off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:ad-configuration/[a-zA-Z0-9-]+$")
    )]
    pub ad_configuration_arn: Option<String>,

    /// ARN of the failover slate configuration; an empty string switches the slate off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 128),
        regex(pattern = r"^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:failover-slate-configuration/[a-zA-Z0-9-]+$")
    )]
    pub failover_slate_configuration_arn: Option<String>,
}

/// Multitrack input: the encoder sends several renditions, and IVS transcodes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.enabled) || !self.enabled || (has(self.policy) && has(self.maximumResolution))")
        .message("multitrack input needs policy and maximumResolution: set both, or enabled to false"),
)]
pub struct MultitrackInputConfiguration {
    /// Whether multitrack input is on. AWS's default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,

    /// Whether a stream without several tracks is let in (ALLOW) or refused (REQUIRE). Required when enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<MultitrackPolicy>,

    /// Highest resolution that the encoder may send. Required when enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_resolution: Option<MaximumResolution>,
}

aws_enum! {
    /// Delay of the video.
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
    /// What happens to a stream that has one track only.
    MultitrackPolicy { Allow = "ALLOW", Require = "REQUIRE" }
}
aws_enum! {
    /// Highest resolution of multitrack input.
    MaximumResolution { Sd = "SD", Hd = "HD", FullHd = "FULL_HD" }
}
aws_enum! {
    /// Packaging of the stream.
    ContainerFormat { Ts = "TS", FragmentedMp4 = "FRAGMENTED_MP4" }
}

/// The channel as AWS made it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// ARN of the channel.
    pub arn: String,
    /// Host that an encoder sends to, without scheme; the whole URL is in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest_endpoint: Option<String>,
    /// URL that a player plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback_url: Option<String>,
    /// Name of the Secret, in the account's namespace, that holds the stream key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_key_secret_name: Option<String>,
}
