//! Channels, and the stream keys they come with.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_ivs::{
    Client,
    types::{
        Channel, ChannelLatencyMode, ChannelType, ContainerFormat, MultitrackInputConfiguration,
        MultitrackMaximumResolution, MultitrackPolicy, StreamKey, TranscodePreset,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Caller, Class, Created, Error, Kind, Listed, Live, Page, Result, StreamKeys, Tags, from_sdk, gone,
    gone_if_idle, tag_calls, to_sdk,
};
use crate::api::{self, ChannelSpec, ChannelStatus, ResourceKind};

/// Largest page of ListChannels.
const PAGE: i32 = 100;

/// How long to wait, in all, for a stream that was stopped to end; after that the deletion is tried again later.
const STOP_PATIENCE: u32 = 10;
const STOP_INTERVAL: Duration = Duration::from_millis(500);

/// The channels of one AWS account and region.
#[derive(Debug)]
pub struct Channels {
    client: Client,
    caller: Arc<Caller>,
}

impl Channels {
    /// Channels behind this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        Self { client: Client::new(config), caller }
    }

    async fn stream_key_arns(&self, channel_arn: &str) -> Result<Vec<String>> {
        let request = self.client.list_stream_keys().channel_arn(channel_arn);
        let keys = self.caller.call("ListStreamKeys", request.send()).await?;
        Ok(keys.stream_keys.into_iter().filter_map(|key| key.arn).collect())
    }

    /// Ends a live stream for good: without the key the encoder cannot come back.
    async fn take_off_air(&self, arn: &str) -> Result<()> {
        for key in self.stream_key_arns(arn).await? {
            let request = self.client.delete_stream_key().arn(key);
            gone(self.caller.call("DeleteStreamKey", request.send()).await)?;
        }
        let request = self.client.stop_stream().channel_arn(arn);
        off_air(self.caller.call("StopStream", request.send()).await.map(|_| ()))?;
        for _ in 0..STOP_PATIENCE {
            let request = self.client.get_stream().channel_arn(arn);
            match self.caller.call("GetStream", request.send()).await {
                Ok(_) => tokio::time::sleep(STOP_INTERVAL).await,
                Err(error) => return off_air(Err(error)),
            }
        }
        Ok(())
    }

    async fn delete_once(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_channel().arn(arn);
        gone(self.caller.call("DeleteChannel", request.send()).await)
    }
}

/// Stopping a stream that is not live is done.
fn off_air(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.code.as_deref() == Some("ChannelNotBroadcasting") => Ok(()),
        other => gone(other),
    }
}

/// The value of the stream key in an answer.
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
    })
}

/// The settings that one has, under the names that the spec uses.
fn live(channel: &Channel) -> Value {
    json!({
        "latencyMode": channel.latency_mode.as_ref().map(ChannelLatencyMode::as_str),
        "type": channel.r#type.as_ref().map(ChannelType::as_str),
        "authorized": channel.authorized,
        "recordingConfigurationArn": channel.recording_configuration_arn,
        "insecureIngest": channel.insecure_ingest,
        "preset": channel.preset.as_ref().map(TranscodePreset::as_str),
        "playbackRestrictionPolicyArn": channel.playback_restriction_policy_arn,
        "multitrackInputConfiguration": channel.multitrack_input_configuration.as_ref().map(|input| json!({
            "enabled": input.enabled,
            "policy": input.policy.as_ref().map(MultitrackPolicy::as_str),
            "maximumResolution": input.maximum_resolution.as_ref().map(MultitrackMaximumResolution::as_str),
        })),
        "containerFormat": channel.container_format.as_ref().map(ContainerFormat::as_str),
        "adConfigurationArn": channel.ad_configuration_arn,
        "failoverSlateConfigurationArn": channel.failover_slate_configuration_arn,
    })
}

fn multitrack(input: &api::MultitrackInputConfiguration) -> MultitrackInputConfiguration {
    MultitrackInputConfiguration::builder()
        .set_enabled(input.enabled)
        .set_policy(input.policy.map(|policy| policy.as_str().into()))
        .set_maximum_resolution(input.maximum_resolution.map(|resolution| resolution.as_str().into()))
        .build()
}

/// The settings on a request: CreateChannel and UpdateChannel take the same members, but share no type.
macro_rules! with_settings {
    ($request:expr, $settings:expr) => {
        $request
            .set_latency_mode($settings.latency_mode.map(|mode| mode.as_str().into()))
            .set_type($settings.channel_type.map(|kind| kind.as_str().into()))
            .set_authorized($settings.authorized)
            .set_recording_configuration_arn($settings.recording_configuration_arn.clone())
            .set_insecure_ingest($settings.insecure_ingest)
            .set_preset($settings.preset.map(|preset| preset.as_str().into()))
            .set_playback_restriction_policy_arn($settings.playback_restriction_policy_arn.clone())
            .set_multitrack_input_configuration(
                $settings.multitrack_input_configuration.as_ref().map(multitrack),
            )
            .set_container_format($settings.container_format.map(|format| format.as_str().into()))
            .set_ad_configuration_arn($settings.ad_configuration_arn.clone())
            .set_failover_slate_configuration_arn($settings.failover_slate_configuration_arn.clone())
    };
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
        Ok(Created { status, settings: live(&channel), stream_key })
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<ChannelStatus>>> {
        let answer = match self.caller.call("GetChannel", self.client.get_channel().arn(arn).send()).await {
            Err(error) if error.class == Class::Missing => return Ok(None),
            other => other?,
        };
        let channel = answer.channel.ok_or_else(|| Error::incomplete("GetChannel", false, "channel"))?;
        let status = status(&channel, "GetChannel", false)?;
        Ok(Some(Live { status, settings: live(&channel), tags: from_sdk(channel.tags) }))
    }

    async fn page(&self, name: Option<&str>, token: Option<String>) -> Result<Page> {
        let request = self
            .client
            .list_channels()
            .max_results(PAGE)
            .set_filter_by_name(name.map(str::to_owned))
            .set_next_token(token);
        let page = self.caller.call("ListChannels", request.send()).await?;
        let listed = page.channels.into_iter().map(|channel| Listed {
            arn: channel.arn.unwrap_or_default(),
            name: channel.name.unwrap_or_default(),
            tags: from_sdk(channel.tags),
            updated_at: None,
        });
        Ok((listed.collect(), page.next_token))
    }

    async fn update(&self, arn: &str, changes: &ChannelSpec) -> Result<Value> {
        let request = with_settings!(self.client.update_channel().arn(arn), changes);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.update("UpdateChannel", changes, send).await?;
        let channel = answer.channel.ok_or_else(|| Error::incomplete("UpdateChannel", false, "channel"))?;
        Ok(live(&channel))
    }

    tag_calls!();

    /// A live channel is taken off air first: AWS refuses to delete it otherwise.
    async fn delete(&self, arn: &str) -> Result<()> {
        match self.delete_once(arn).await {
            Err(error) if error.is_conflict() => {
                self.take_off_air(arn).await?;
                self.delete_once(arn).await
            }
            other => other,
        }
    }

    /// One that is live stays, and stays live.
    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        gone_if_idle(self.delete_once(arn).await)
    }
}

impl StreamKeys for Channels {
    async fn stream_key(&self, channel_arn: &str) -> Result<Option<SecretString>> {
        let Some(arn) = self.stream_key_arns(channel_arn).await?.into_iter().next() else { return Ok(None) };
        let answer =
            match self.caller.call("GetStreamKey", self.client.get_stream_key().arn(arn).send()).await {
                // Deleted since it was listed.
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
