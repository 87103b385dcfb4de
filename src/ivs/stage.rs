//! Real-time stages.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_ivsrealtime::{
    Client,
    types::{
        self, ParticipantRecordingHlsConfiguration, ParticipantRecordingMediaType,
        ParticipantThumbnailConfiguration, Stage, StageEndpoints, ThumbnailRecordingMode,
        ThumbnailStorageType,
    },
};
use serde_json::{Value, json};

use super::{
    Caller, Class, Created, Error, Kind, ListPage, Listed, Live, Properties, Result, Tags, pagination,
    sdk::{conflict_as_in_use, from_sdk, missing_as_deleted, tag_calls, to_sdk},
    settings::live_settings,
    shared_scan::SharedScan,
};
use crate::api::{
    self, AppliedFields, AutoParticipantRecordingConfiguration, HlsConfiguration, ResourceKind, StageSpec,
    StageStatus, ThumbnailConfiguration,
};

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
    /// Returns a client with this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        Self { client: Client::new(config), caller, scan: SharedScan::default() }
    }

    /// Reads a stage. Returns None if AWS says, with its own error code, that it does not exist.
    async fn get_stage(&self, arn: &str) -> Result<Option<Stage>> {
        let answer = match self.caller.call("GetStage", self.client.get_stage().arn(arn).send()).await {
            Err(error) if error.class == Class::Missing => return Ok(None),
            other => other?,
        };
        answer.stage.map(Some).ok_or_else(|| Error::incomplete("GetStage", false, "stage"))
    }
}

fn status(stage: &Stage) -> StageStatus {
    let (arn, endpoints) = (stage.arn.clone(), stage.endpoints.as_ref().map(endpoints));
    StageStatus { arn, endpoints, applied_fields: AppliedFields::new() }
}

fn endpoints(endpoints: &StageEndpoints) -> api::StageEndpoints {
    api::StageEndpoints {
        events: endpoints.events.clone(),
        whip: endpoints.whip.clone(),
        rtmp: endpoints.rtmp.clone(),
        rtmps: endpoints.rtmps.clone(),
    }
}

/// Returns the name and the live settings, under the names that the spec uses.
fn properties_of(stage: &Stage) -> Properties {
    let settings = live_settings!(StageSpec {
        auto_participant_recording_configuration as "autoParticipantRecordingConfiguration":
            stage.auto_participant_recording_configuration.as_ref().map(recording_settings),
    });
    Properties { name: stage.name.clone(), settings }
}

fn recording_settings(recording: &types::AutoParticipantRecordingConfiguration) -> Value {
    let media_types = |types: &[ParticipantRecordingMediaType]| {
        types.iter().map(|media| media.as_str().to_owned()).collect::<Vec<_>>()
    };
    live_settings!(AutoParticipantRecordingConfiguration {
        storage_configuration_arn as "storageConfigurationArn": recording.storage_configuration_arn,
        media_types as "mediaTypes": recording.media_types.as_deref().map(media_types),
        thumbnail_configuration as "thumbnailConfiguration":
            recording.thumbnail_configuration.as_ref().map(thumbnail_settings),
        recording_reconnect_window_seconds as "recordingReconnectWindowSeconds":
            recording.recording_reconnect_window_seconds,
        hls_configuration as "hlsConfiguration": recording.hls_configuration.as_ref().map(hls_settings),
        record_participant_replicas as "recordParticipantReplicas": recording.record_participant_replicas,
    })
}

fn thumbnail_settings(thumbnails: &ParticipantThumbnailConfiguration) -> Value {
    let storage = |types: &[ThumbnailStorageType]| {
        types.iter().map(|storage| storage.as_str().to_owned()).collect::<Vec<_>>()
    };
    live_settings!(ThumbnailConfiguration {
        target_interval_seconds as "targetIntervalSeconds": thumbnails.target_interval_seconds,
        storage as "storage": thumbnails.storage.as_deref().map(storage),
        recording_mode as "recordingMode":
            thumbnails.recording_mode.as_ref().map(ThumbnailRecordingMode::as_str),
    })
}

fn hls_settings(hls: &ParticipantRecordingHlsConfiguration) -> Value {
    live_settings!(HlsConfiguration {
        target_segment_duration_seconds as "targetSegmentDurationSeconds": hls.target_segment_duration_seconds,
    })
}

/// Returns the recording for a request. The spec is destructured in full, here and below, so that a new field
/// must be added.
fn to_recording(
    settings: &StageSpec,
    operation: &'static str,
) -> Result<Option<types::AutoParticipantRecordingConfiguration>> {
    let StageSpec { auto_participant_recording_configuration } = settings;
    let Some(recording) = auto_participant_recording_configuration else { return Ok(None) };
    let AutoParticipantRecordingConfiguration {
        storage_configuration_arn,
        media_types,
        thumbnail_configuration,
        recording_reconnect_window_seconds,
        hls_configuration,
        record_participant_replicas,
    } = recording;
    let media_types = media_types.as_ref();
    let recording = types::AutoParticipantRecordingConfiguration::builder()
        .storage_configuration_arn(storage_configuration_arn)
        .set_media_types(media_types.map(|types| types.iter().map(|media| media.as_str().into()).collect()))
        .set_thumbnail_configuration(thumbnail_configuration.as_ref().map(to_thumbnails))
        .set_recording_reconnect_window_seconds(*recording_reconnect_window_seconds)
        .set_hls_configuration(hls_configuration.as_ref().map(to_hls))
        .set_record_participant_replicas(*record_participant_replicas)
        .build();
    recording.map(Some).map_err(|error| Error {
        operation,
        class: Class::Invalid,
        code: None,
        message: error.to_string(),
        request_id: None,
    })
}

fn to_thumbnails(thumbnails: &ThumbnailConfiguration) -> ParticipantThumbnailConfiguration {
    let ThumbnailConfiguration { target_interval_seconds, storage, recording_mode } = thumbnails;
    let storage = storage.as_ref();
    ParticipantThumbnailConfiguration::builder()
        .set_target_interval_seconds(*target_interval_seconds)
        .set_storage(storage.map(|types| types.iter().map(|storage| storage.as_str().into()).collect()))
        .set_recording_mode(recording_mode.map(|mode| mode.as_str().into()))
        .build()
}

fn to_hls(hls: &HlsConfiguration) -> ParticipantRecordingHlsConfiguration {
    let HlsConfiguration { target_segment_duration_seconds } = hls;
    ParticipantRecordingHlsConfiguration::builder()
        .set_target_segment_duration_seconds(*target_segment_duration_seconds)
        .build()
}

impl Kind for Stages {
    const KIND: ResourceKind = ResourceKind::Stage;
    const IS_LISTED_BY_NAME: bool = false;
    type Settings = StageSpec;
    type Status = StageStatus;

    async fn admit(&self) -> Result<()> {
        self.caller.admit("CreateStage").await
    }

    async fn create(&self, name: &str, settings: &StageSpec, tags: &Tags) -> Result<Created<StageStatus>> {
        let recording = to_recording(settings, "CreateStage")?;
        let request = self
            .client
            .create_stage()
            .name(name)
            .set_auto_participant_recording_configuration(recording)
            .set_tags(Some(to_sdk(tags)));
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.create("CreateStage", settings, send).await?;
        let stage = answer.stage.ok_or_else(|| Error::incomplete("CreateStage", true, "stage"))?;
        Ok(Created { status: status(&stage), properties: properties_of(&stage), stream_key: None })
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<StageStatus>>> {
        let Some(stage) = self.get_stage(arn).await? else { return Ok(None) };
        Ok(Some(Live {
            status: status(&stage),
            properties: properties_of(&stage),
            tags: from_sdk(stage.tags),
        }))
    }

    /// ListStages has no filter: all stages are read, once for all concurrent callers.
    async fn list_by_name(&self, name: &str) -> Result<Vec<Listed>> {
        let all = self.scan.get(|| pagination::collect(|token| self.list_page(None, token))).await?;
        Ok(all.iter().filter(|stage| stage.name == name).cloned().collect())
    }

    async fn list_page(&self, _: Option<&str>, token: Option<String>) -> Result<ListPage> {
        let request = self.client.list_stages().max_results(PAGE).set_next_token(token);
        let page = self.caller.call("ListStages", request.send()).await?;
        let listed = page.stages.into_iter().map(|stage| Listed {
            arn: stage.arn,
            name: stage.name.unwrap_or_default(),
            tags: from_sdk(stage.tags),
            // Lists contain none.
            settings: json!({}),
            updated_at: None,
        });
        Ok((listed.collect(), page.next_token))
    }

    async fn update(&self, arn: &str, name: Option<&str>, changes: &StageSpec) -> Result<Properties> {
        let recording = to_recording(changes, "UpdateStage")?;
        let request = self.client.update_stage().arn(arn).set_name(name.map(str::to_owned));
        let request = request.set_auto_participant_recording_configuration(recording);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.update("UpdateStage", changes, send).await?;
        let stage = answer.stage.ok_or_else(|| Error::incomplete("UpdateStage", false, "stage"))?;
        Ok(properties_of(&stage))
    }

    tag_calls!();

    async fn delete(&self, arn: &str) -> Result<()> {
        missing_as_deleted(self.caller.call("DeleteStage", self.client.delete_stage().arn(arn).send()).await)
    }

    /// Leaves a stage with an active session alone: DeleteStage would disconnect its participants.
    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        match self.get_stage(arn).await? {
            None => Ok(true),
            Some(stage) if stage.active_session_id.as_deref().is_some_and(|id| !id.is_empty()) => Ok(false),
            Some(_) => conflict_as_in_use(self.delete(arn).await),
        }
    }
}
