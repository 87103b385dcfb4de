//! Real-time stages.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_ivsrealtime::{
    Client,
    types::{
        AutoParticipantRecordingConfiguration, ParticipantRecordingHlsConfiguration,
        ParticipantThumbnailConfiguration, Stage, StageEndpoints, ThumbnailRecordingMode,
    },
};
use serde_json::{Value, json};

use super::{
    Caller, Class, Created, Error, Kind, Listed, Live, Page, Result, Tags, from_sdk, gone, gone_if_idle,
    shared_scan::SharedScan, tag_calls, to_sdk,
};
use crate::api::{self, ResourceKind, StageSpec, StageStatus};

/// Largest page of ListStages.
const PAGE: i32 = 100;

/// The stages of one AWS account and region.
#[derive(Debug)]
pub struct Stages {
    client: Client,
    caller: Arc<Caller>,
    scan: SharedScan<Vec<Listed>>,
}

impl Stages {
    /// Stages behind this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        Self { client: Client::new(config), caller, scan: SharedScan::default() }
    }

    /// None when AWS says, with its own code, that it is not there.
    async fn get_stage(&self, arn: &str) -> Result<Option<Stage>> {
        let answer = match self.caller.call("GetStage", self.client.get_stage().arn(arn).send()).await {
            Err(error) if error.class == Class::Missing => return Ok(None),
            other => other?,
        };
        answer.stage.map(Some).ok_or_else(|| Error::incomplete("GetStage", false, "stage"))
    }
}

fn status(stage: &Stage) -> StageStatus {
    StageStatus { arn: stage.arn.clone(), endpoints: stage.endpoints.as_ref().map(endpoints) }
}

fn endpoints(endpoints: &StageEndpoints) -> api::StageEndpoints {
    api::StageEndpoints {
        events: endpoints.events.clone(),
        whip: endpoints.whip.clone(),
        rtmp: endpoints.rtmp.clone(),
        rtmps: endpoints.rtmps.clone(),
    }
}

/// The settings that one has, under the names that the spec uses.
fn live(stage: &Stage) -> Value {
    let recording = stage.auto_participant_recording_configuration.as_ref();
    json!({ "autoParticipantRecordingConfiguration": recording.map(recording_settings) })
}

fn recording_settings(recording: &AutoParticipantRecordingConfiguration) -> Value {
    let names = |types: &[aws_sdk_ivsrealtime::types::ParticipantRecordingMediaType]| {
        types.iter().map(|media| media.as_str().to_owned()).collect::<Vec<_>>()
    };
    json!({
        "storageConfigurationArn": recording.storage_configuration_arn,
        "mediaTypes": recording.media_types.as_deref().map(names),
        "thumbnailConfiguration": recording.thumbnail_configuration.as_ref().map(|thumbnails| json!({
            "targetIntervalSeconds": thumbnails.target_interval_seconds,
            "storage": thumbnails.storage.as_ref().map(|kinds| {
                kinds.iter().map(|kind| kind.as_str().to_owned()).collect::<Vec<_>>()
            }),
            "recordingMode": thumbnails.recording_mode.as_ref().map(ThumbnailRecordingMode::as_str),
        })),
        "recordingReconnectWindowSeconds": recording.recording_reconnect_window_seconds,
        "hlsConfiguration": recording.hls_configuration.as_ref().map(|hls| json!({
            "targetSegmentDurationSeconds": hls.target_segment_duration_seconds,
        })),
        "recordParticipantReplicas": recording.record_participant_replicas,
    })
}

fn recording(
    recording: &api::AutoParticipantRecordingConfiguration,
    operation: &'static str,
) -> Result<AutoParticipantRecordingConfiguration> {
    let media = recording.media_types.as_ref();
    AutoParticipantRecordingConfiguration::builder()
        .storage_configuration_arn(&recording.storage_configuration_arn)
        .set_media_types(media.map(|types| types.iter().map(|media| media.as_str().into()).collect()))
        .set_thumbnail_configuration(recording.thumbnail_configuration.as_ref().map(thumbnails))
        .set_recording_reconnect_window_seconds(recording.recording_reconnect_window_seconds)
        .set_hls_configuration(recording.hls_configuration.as_ref().map(hls))
        .set_record_participant_replicas(recording.record_participant_replicas)
        .build()
        .map_err(|error| Error {
            operation,
            class: Class::Invalid,
            code: None,
            message: error.to_string(),
            request_id: None,
        })
}

fn thumbnails(thumbnails: &api::ThumbnailConfiguration) -> ParticipantThumbnailConfiguration {
    let storage = thumbnails.storage.as_ref();
    ParticipantThumbnailConfiguration::builder()
        .set_target_interval_seconds(thumbnails.target_interval_seconds)
        .set_storage(storage.map(|kinds| kinds.iter().map(|kind| kind.as_str().into()).collect()))
        .set_recording_mode(thumbnails.recording_mode.map(|mode| mode.as_str().into()))
        .build()
}

fn hls(hls: &api::HlsConfiguration) -> ParticipantRecordingHlsConfiguration {
    ParticipantRecordingHlsConfiguration::builder()
        .set_target_segment_duration_seconds(hls.target_segment_duration_seconds)
        .build()
}

impl Kind for Stages {
    const KIND: ResourceKind = ResourceKind::Stage;
    type Settings = StageSpec;
    type Status = StageStatus;

    async fn admit(&self) -> Result<()> {
        self.caller.admit("CreateStage").await
    }

    async fn create(&self, name: &str, settings: &StageSpec, tags: &Tags) -> Result<Created<StageStatus>> {
        let wanted = settings.auto_participant_recording_configuration.as_ref();
        let recording = wanted.map(|wanted| recording(wanted, "CreateStage")).transpose()?;
        let request = self
            .client
            .create_stage()
            .name(name)
            .set_auto_participant_recording_configuration(recording)
            .set_tags(Some(to_sdk(tags)));
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.create("CreateStage", settings, send).await?;
        let stage = answer.stage.ok_or_else(|| Error::incomplete("CreateStage", true, "stage"))?;
        Ok(Created { status: status(&stage), settings: live(&stage), stream_key: None })
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<StageStatus>>> {
        let Some(stage) = self.get_stage(arn).await? else { return Ok(None) };
        Ok(Some(Live { status: status(&stage), settings: live(&stage), tags: from_sdk(stage.tags) }))
    }

    /// ListStages has no filter: all of them are read, once for all who look at the same time.
    async fn find(&self, name: &str) -> Result<Vec<Listed>> {
        let all = self.scan.get(|| self.list()).await?;
        Ok(all.iter().filter(|stage| stage.name == name).cloned().collect())
    }

    async fn page(&self, _: Option<&str>, token: Option<String>) -> Result<Page> {
        let request = self.client.list_stages().max_results(PAGE).set_next_token(token);
        let page = self.caller.call("ListStages", request.send()).await?;
        let listed = page.stages.into_iter().map(|stage| Listed {
            arn: stage.arn,
            name: stage.name.unwrap_or_default(),
            tags: from_sdk(stage.tags),
            updated_at: None,
        });
        Ok((listed.collect(), page.next_token))
    }

    async fn update(&self, arn: &str, changes: &StageSpec) -> Result<Value> {
        let wanted = changes.auto_participant_recording_configuration.as_ref();
        let recording = wanted.map(|wanted| recording(wanted, "UpdateStage")).transpose()?;
        let request =
            self.client.update_stage().arn(arn).set_auto_participant_recording_configuration(recording);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.update("UpdateStage", changes, send).await?;
        let stage = answer.stage.ok_or_else(|| Error::incomplete("UpdateStage", false, "stage"))?;
        Ok(live(&stage))
    }

    tag_calls!();

    async fn delete(&self, arn: &str) -> Result<()> {
        gone(self.caller.call("DeleteStage", self.client.delete_stage().arn(arn).send()).await)
    }

    /// DeleteStage would disconnect whoever takes part: a stage with a session stays.
    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        match self.get_stage(arn).await? {
            None => Ok(true),
            Some(stage) if stage.active_session_id.as_deref().is_some_and(|id| !id.is_empty()) => Ok(false),
            Some(_) => gone_if_idle(self.delete(arn).await),
        }
    }
}
