//! Channels.

mod enums;

use serde::{Deserialize, Serialize};

use self::enums::{ChannelType, Container, LatencyMode, Policy, Preset, Resolution, api_name};
use crate::{
    api_error::ApiError,
    arn::AccountRegion,
    ids,
    table::impl_row,
    tags::Tags,
    validate::{Rule, arn},
};

/// The rule for the ARN of a channel.
pub(crate) const ARN: Rule = arn("ivs", "channel");

/// A channel, as in the output of GetChannel.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Channel {
    pub arn: String,
    pub name: String,
    latency_mode: LatencyMode,
    r#type: ChannelType,
    pub recording_configuration_arn: String,
    ingest_endpoint: String,
    pub playback_url: String,
    authorized: bool,
    tags: Tags,
    insecure_ingest: bool,
    preset: Preset,
    srt: Srt,
    pub playback_restriction_policy_arn: String,
    multitrack_input_configuration: Multitrack,
    container_format: Container,
    pub ad_configuration_arn: String,
    pub failover_slate_configuration_arn: String,
}

#[derive(Clone, Deserialize, Serialize)]
struct Srt {
    endpoint: String,
    passphrase: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Multitrack {
    enabled: bool,
    policy: Policy,
    maximum_resolution: Resolution,
}

/// A channel, as in the output of ListChannels.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChannelSummary<'a> {
    arn: &'a str,
    name: &'a str,
    latency_mode: LatencyMode,
    authorized: bool,
    recording_configuration_arn: &'a str,
    tags: &'a Tags,
    insecure_ingest: bool,
    r#type: ChannelType,
    preset: Preset,
    playback_restriction_policy_arn: &'a str,
    ad_configuration_arn: &'a str,
    failover_slate_configuration_arn: &'a str,
}

impl_row!(Channel, key: name);

/// The settings in the input of CreateChannel and UpdateChannel. Omitted settings remain unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChannelSettings {
    name: Option<String>,
    latency_mode: Option<LatencyMode>,
    r#type: Option<ChannelType>,
    authorized: Option<bool>,
    recording_configuration_arn: Option<String>,
    insecure_ingest: Option<bool>,
    preset: Option<Preset>,
    playback_restriction_policy_arn: Option<String>,
    multitrack_input_configuration: Option<MultitrackSettings>,
    container_format: Option<Container>,
    ad_configuration_arn: Option<String>,
    failover_slate_configuration_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MultitrackSettings {
    enabled: Option<bool>,
    policy: Option<Policy>,
    maximum_resolution: Option<Resolution>,
}

impl Channel {
    /// Creates a channel with AWS's defaults.
    pub fn new(account_region: &AccountRegion, tags: Tags) -> Self {
        let (id, host) = (ids::resource(), ids::host());
        let (region, account) = (&account_region.region, &account_region.account);
        let video = format!("{region}.{account}.channel.{id}.m3u8");
        Self {
            arn: account_region.arn("ivs", "channel", &id),
            name: String::new(),
            latency_mode: LatencyMode::Low,
            r#type: ChannelType::Standard,
            recording_configuration_arn: String::new(),
            ingest_endpoint: format!("{host}.global-contribute.live-video.net"),
            playback_url: format!("https://{host}.{region}.playback.live-video.net/api/video/v1/{video}"),
            authorized: false,
            tags,
            insecure_ingest: false,
            preset: Preset::None,
            srt: Srt { endpoint: format!("{host}.srt.live-video.net"), passphrase: ids::alphanumeric(69) },
            playback_restriction_policy_arn: String::new(),
            multitrack_input_configuration: Multitrack::of(None),
            container_format: Container::Ts,
            ad_configuration_arn: String::new(),
            failover_slate_configuration_arn: String::new(),
        }
    }

    pub fn to_summary(&self) -> ChannelSummary<'_> {
        ChannelSummary {
            arn: &self.arn,
            name: &self.name,
            latency_mode: self.latency_mode,
            authorized: self.authorized,
            recording_configuration_arn: &self.recording_configuration_arn,
            tags: &self.tags,
            insecure_ingest: self.insecure_ingest,
            r#type: self.r#type,
            preset: self.preset,
            playback_restriction_policy_arn: &self.playback_restriction_policy_arn,
            ad_configuration_arn: &self.ad_configuration_arn,
            failover_slate_configuration_arn: &self.failover_slate_configuration_arn,
        }
    }

    fn is_advanced(&self) -> bool {
        matches!(self.r#type, ChannelType::AdvancedSd | ChannelType::AdvancedHd)
    }

    /// Applies the settings, and rejects combinations that are not allowed.
    pub fn set(&mut self, settings: ChannelSettings) -> Result<(), ApiError> {
        let preset = settings.preset;
        put(&mut self.name, settings.name);
        put(&mut self.latency_mode, settings.latency_mode);
        put(&mut self.r#type, settings.r#type);
        put(&mut self.authorized, settings.authorized);
        put(&mut self.recording_configuration_arn, settings.recording_configuration_arn);
        put(&mut self.insecure_ingest, settings.insecure_ingest);
        put(&mut self.playback_restriction_policy_arn, settings.playback_restriction_policy_arn);
        put(&mut self.container_format, settings.container_format);
        put(&mut self.ad_configuration_arn, settings.ad_configuration_arn);
        put(&mut self.failover_slate_configuration_arn, settings.failover_slate_configuration_arn);
        if let Some(multitrack) = settings.multitrack_input_configuration {
            multitrack.check()?;
            self.multitrack_input_configuration = Multitrack::of(Some(multitrack));
        }
        self.set_preset(preset)?;
        self.check_multitrack()
    }

    fn set_preset(&mut self, preset: Option<Preset>) -> Result<(), ApiError> {
        match preset {
            Some(_) if !self.is_advanced() => {
                let message = format!(
                    "can be set only for the channel types ADVANCED_SD and ADVANCED_HD, not {}",
                    api_name(self.r#type)
                );
                return Err(ApiError::member("preset", message));
            }
            Some(preset) => self.preset = preset,
            None if !self.is_advanced() => self.preset = Preset::None,
            None if self.preset == Preset::None => self.preset = Preset::HigherBandwidthDelivery,
            None => {}
        }
        Ok(())
    }

    fn check_multitrack(&self) -> Result<(), ApiError> {
        const MEMBER: &str = "multitrackInputConfiguration";
        if !self.multitrack_input_configuration.enabled {
            return Ok(());
        }
        if self.r#type != ChannelType::Standard {
            let message =
                format!("can be enabled only for the channel type STANDARD, not {}", api_name(self.r#type));
            return Err(ApiError::member(MEMBER, message));
        }
        if self.container_format != Container::FragmentedMp4 {
            return Err(ApiError::member(MEMBER, "requires containerFormat FRAGMENTED_MP4 when enabled"));
        }
        Ok(())
    }
}

impl Multitrack {
    fn of(settings: Option<MultitrackSettings>) -> Self {
        let (enabled, policy, resolution) =
            settings.map_or((None, None, None), |set| (set.enabled, set.policy, set.maximum_resolution));
        Self {
            enabled: enabled.unwrap_or(false),
            policy: policy.unwrap_or(Policy::Allow),
            maximum_resolution: resolution.unwrap_or(Resolution::FullHd),
        }
    }
}

impl MultitrackSettings {
    fn check(&self) -> Result<(), ApiError> {
        if self.enabled == Some(true) && (self.policy.is_none() || self.maximum_resolution.is_none()) {
            let message = "policy and maximumResolution are required when enabled";
            return Err(ApiError::member("multitrackInputConfiguration", message));
        }
        Ok(())
    }
}

fn put<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
