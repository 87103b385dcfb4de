//! Channels and their stream keys.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_ivs::{
    Client,
    types::{
        self, Channel, ChannelLatencyMode, ChannelSummary, ChannelType, ContainerFormat,
        MultitrackMaximumResolution, MultitrackPolicy, StreamKey, TranscodePreset,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Caller, Class, Created, Error, Kind, ListPage, Listed, Live, Properties, Result, StreamKeys, Tags,
    sdk::{conflict_as_in_use, from_sdk, missing_as_deleted, tag_calls, to_sdk},
    settings::live_settings,
};
use crate::api::{AppliedFields, ChannelSpec, ChannelStatus, MultitrackInputConfiguration, ResourceKind};

/// Largest page of ListChannels.
const PAGE: i32 = 100;

/// Maximum number of polls for the end of a stopped stream. After that, the deletion is retried by the next
/// reconcile.
const MAX_STREAM_END_POLLS: u32 = 10;

/// Time between two polls for the end of a stopped stream.
const STREAM_END_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The channels of one AWS account and region.
#[derive(Debug)]
pub struct Channels {
    client: Client,
    caller: Arc<Caller>,
}

impl Channels {
    /// Returns a client with this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        Self { client: Client::new(config), caller }
    }

    async fn stream_key_arns(&self, channel_arn: &str) -> Result<Vec<String>> {
        let request = self.client.list_stream_keys().channel_arn(channel_arn);
        let keys = self.caller.call("ListStreamKeys", request.send()).await?;
        Ok(keys.stream_keys.into_iter().filter_map(|key| key.arn).collect())
    }

    /// Ends a live stream permanently: without the key, the encoder cannot reconnect.
    async fn stop_stream(&self, arn: &str) -> Result<()> {
        for key in self.stream_key_arns(arn).await? {
            let request = self.client.delete_stream_key().arn(key);
            missing_as_deleted(self.caller.call("DeleteStreamKey", request.send()).await)?;
        }
        let request = self.client.stop_stream().channel_arn(arn);
        not_live_as_stopped(self.caller.call("StopStream", request.send()).await.map(|_| ()))?;
        for _ in 0..MAX_STREAM_END_POLLS {
            let request = self.client.get_stream().channel_arn(arn);
            match self.caller.call("GetStream", request.send()).await {
                Ok(_) => tokio::time::sleep(STREAM_END_POLL_INTERVAL).await,
                Err(error) => return not_live_as_stopped(Err(error)),
            }
        }
        Ok(())
    }

    async fn delete_channel(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_channel().arn(arn);
        missing_as_deleted(self.caller.call("DeleteChannel", request.send()).await)
    }
}

/// Treats stopping a stream that is not live as a success.
fn not_live_as_stopped(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.code.as_deref() == Some("ChannelNotBroadcasting") => Ok(()),
        other => missing_as_deleted(other),
    }
}

/// Returns the value of the stream key in a response.
fn key_value(operation: &'static str, creates: bool, key: Option<StreamKey>) -> Result<SecretString> {
    let value = key.and_then(|key| key.value).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| Error::incomplete(operation, creates, "streamKey.value"))?;
    Ok(value.into())
}

fn status(channel: &Channel, operation: &'static str, creates: bool) -> Result<ChannelStatus> {
    let arn = channel.arn.clone().ok_or_else(|| Error::incomplete(operation, creates, "channel.arn"))?;
    Ok(ChannelStatus {
        arn,
        ingest_endpoint: channel.ingest_endpoint.clone(),
        playback_url: channel.playback_url.clone(),
        stream_key_secret_name: None,
        applied_fields: AppliedFields::new(),
    })
}

/// Returns the name and the live settings, under the names that the spec uses.
fn properties_of(channel: &Channel) -> Properties {
    let settings = live_settings!(ChannelSpec {
        latency_mode as "latencyMode": channel.latency_mode.as_ref().map(ChannelLatencyMode::as_str),
        channel_type as "type": channel.r#type.as_ref().map(ChannelType::as_str),
        authorized as "authorized": channel.authorized,
        recording_configuration_arn as "recordingConfigurationArn": channel.recording_configuration_arn,
        insecure_ingest as "insecureIngest": channel.insecure_ingest,
        preset as "preset": channel.preset.as_ref().map(TranscodePreset::as_str),
        playback_restriction_policy_arn as "playbackRestrictionPolicyArn":
            channel.playback_restriction_policy_arn,
        multitrack_input_configuration as "multitrackInputConfiguration":
            channel.multitrack_input_configuration.as_ref().map(multitrack_settings),
        container_format as "containerFormat": channel.container_format.as_ref().map(ContainerFormat::as_str),
        ad_configuration_arn as "adConfigurationArn": channel.ad_configuration_arn,
        failover_slate_configuration_arn as "failoverSlateConfigurationArn":
            channel.failover_slate_configuration_arn,
    });
    Properties { name: channel.name.clone(), settings }
}

/// Returns the settings that lists contain: all except multitrackInputConfiguration and containerFormat.
fn listed_settings(channel: &ChannelSummary) -> Value {
    json!({
        "latencyMode": channel.latency_mode.as_ref().map(ChannelLatencyMode::as_str),
        "type": channel.r#type.as_ref().map(ChannelType::as_str),
        "authorized": channel.authorized,
        "recordingConfigurationArn": channel.recording_configuration_arn,
        "insecureIngest": channel.insecure_ingest,
        "preset": channel.preset.as_ref().map(TranscodePreset::as_str),
        "playbackRestrictionPolicyArn": channel.playback_restriction_policy_arn,
        "adConfigurationArn": channel.ad_configuration_arn,
        "failoverSlateConfigurationArn": channel.failover_slate_configuration_arn,
    })
}

fn multitrack_settings(input: &types::MultitrackInputConfiguration) -> Value {
    live_settings!(MultitrackInputConfiguration {
        enabled as "enabled": input.enabled,
        policy as "policy": input.policy.as_ref().map(MultitrackPolicy::as_str),
        maximum_resolution as "maximumResolution":
            input.maximum_resolution.as_ref().map(MultitrackMaximumResolution::as_str),
    })
}

fn to_multitrack(input: &MultitrackInputConfiguration) -> types::MultitrackInputConfiguration {
    let MultitrackInputConfiguration { enabled, policy, maximum_resolution } = input;
    types::MultitrackInputConfiguration::builder()
        .set_enabled(*enabled)
        .set_policy(policy.map(|policy| policy.as_str().into()))
        .set_maximum_resolution(maximum_resolution.map(|resolution| resolution.as_str().into()))
        .build()
}

/// Adds the settings to a request. CreateChannel and UpdateChannel take the same members, but share no type.
/// The spec is destructured in full, so that a new field must be added here.
macro_rules! with_settings {
    ($request:expr, $settings:expr) => {{
        let ChannelSpec {
            latency_mode,
            channel_type,
            authorized,
            recording_configuration_arn,
            insecure_ingest,
            preset,
            playback_restriction_policy_arn,
            multitrack_input_configuration,
            container_format,
            ad_configuration_arn,
            failover_slate_configuration_arn,
        } = $settings;
        $request
            .set_latency_mode(latency_mode.map(|mode| mode.as_str().into()))
            .set_type(channel_type.map(|channel_type| channel_type.as_str().into()))
            .set_authorized(*authorized)
            .set_recording_configuration_arn(recording_configuration_arn.clone())
            .set_insecure_ingest(*insecure_ingest)
            .set_preset(preset.map(|preset| preset.as_str().into()))
            .set_playback_restriction_policy_arn(playback_restriction_policy_arn.clone())
            .set_multitrack_input_configuration(multitrack_input_configuration.as_ref().map(to_multitrack))
            .set_container_format(container_format.map(|format| format.as_str().into()))
            .set_ad_configuration_arn(ad_configuration_arn.clone())
            .set_failover_slate_configuration_arn(failover_slate_configuration_arn.clone())
    }};
}

impl Kind for Channels {
    const KIND: ResourceKind = ResourceKind::Channel;
    type Settings = ChannelSpec;
    type Status = ChannelStatus;

    async fn admit(&self) -> Result<()> {
        self.caller.admit("CreateChannel").await
    }

    async fn create(
        &self,
        name: &str,
        settings: &ChannelSpec,
        tags: &Tags,
    ) -> Result<Created<ChannelStatus>> {
        let request = self.client.create_channel().name(name).set_tags(Some(to_sdk(tags)));
        let request = with_settings!(request, settings);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.create("CreateChannel", settings, send).await?;
        let channel = answer.channel.ok_or_else(|| Error::incomplete("CreateChannel", true, "channel"))?;
        let stream_key = answer.stream_key.and_then(|key| key.value).map(SecretString::from);
        let status = status(&channel, "CreateChannel", true)?;
        Ok(Created { status, properties: properties_of(&channel), stream_key })
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<ChannelStatus>>> {
        let answer = match self.caller.call("GetChannel", self.client.get_channel().arn(arn).send()).await {
            Err(error) if error.class == Class::Missing => return Ok(None),
            other => other?,
        };
        let channel = answer.channel.ok_or_else(|| Error::incomplete("GetChannel", false, "channel"))?;
        let status = status(&channel, "GetChannel", false)?;
        Ok(Some(Live { status, properties: properties_of(&channel), tags: from_sdk(channel.tags) }))
    }

    async fn list_page(&self, name: Option<&str>, token: Option<String>) -> Result<ListPage> {
        let request = self
            .client
            .list_channels()
            .max_results(PAGE)
            .set_filter_by_name(name.map(str::to_owned))
            .set_next_token(token);
        let page = self.caller.call("ListChannels", request.send()).await?;
        let listed = page.channels.into_iter().map(|channel| Listed {
            settings: listed_settings(&channel),
            arn: channel.arn.unwrap_or_default(),
            name: channel.name.unwrap_or_default(),
            tags: from_sdk(channel.tags),
            updated_at: None,
        });
        Ok((listed.collect(), page.next_token))
    }

    async fn update(&self, arn: &str, name: Option<&str>, changes: &ChannelSpec) -> Result<Properties> {
        let request = self.client.update_channel().arn(arn).set_name(name.map(str::to_owned));
        let request = with_settings!(request, changes);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.update("UpdateChannel", changes, send).await?;
        let channel = answer.channel.ok_or_else(|| Error::incomplete("UpdateChannel", false, "channel"))?;
        Ok(properties_of(&channel))
    }

    tag_calls!();

    /// Stops the stream first if the channel is live: AWS refuses to delete it otherwise.
    async fn delete(&self, arn: &str) -> Result<()> {
        match self.delete_channel(arn).await {
            Err(error) if error.is_conflict() => {
                self.stop_stream(arn).await?;
                self.delete_channel(arn).await
            }
            other => other,
        }
    }

    /// Leaves a live channel alone.
    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        conflict_as_in_use(self.delete_channel(arn).await)
    }
}

impl StreamKeys for Channels {
    async fn stream_key(&self, channel_arn: &str) -> Result<Option<SecretString>> {
        let Some(arn) = self.stream_key_arns(channel_arn).await?.into_iter().next() else { return Ok(None) };
        let answer =
            match self.caller.call("GetStreamKey", self.client.get_stream_key().arn(arn).send()).await {
                // Deleted after it was listed.
                Err(error) if error.class == Class::Missing => return Ok(None),
                other => other?,
            };
        key_value("GetStreamKey", false, answer.stream_key).map(Some)
    }

    async fn create_stream_key(&self, channel_arn: &str) -> Result<SecretString> {
        self.caller.admit("CreateStreamKey").await?;
        let request = self.client.create_stream_key().channel_arn(channel_arn);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.create("CreateStreamKey", &json!({}), send).await?;
        key_value("CreateStreamKey", true, answer.stream_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_gets_name_settings_alike() {
        macro_rules! with_all {
            ($builder:expr) => {
                $builder
                    .latency_mode(ChannelLatencyMode::NormalLatency)
                    .r#type(ChannelType::BasicChannelType)
                    .authorized(true)
                    .recording_configuration_arn("recording")
                    .insecure_ingest(true)
                    .preset(TranscodePreset::ConstrainedBandwidthTranscodePreset)
                    .playback_restriction_policy_arn("policy")
                    .ad_configuration_arn("ads")
                    .failover_slate_configuration_arn("slate")
                    .build()
            };
        }
        let (channel, summary) = (with_all!(Channel::builder()), with_all!(ChannelSummary::builder()));
        let mut all = properties_of(&channel).settings;
        let members = all.as_object_mut().expect("an object");
        for only_in_get in ["multitrackInputConfiguration", "containerFormat"] {
            assert_eq!(members.remove(only_in_get), Some(Value::Null));
        }
        assert!(members.values().all(|value| !value.is_null()));
        assert_eq!(listed_settings(&summary), all);
    }
}
