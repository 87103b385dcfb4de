//! Stages.

use serde::{Deserialize, Serialize};

use super::participant_recording::{self, ParticipantRecording, ParticipantRecordingSettings};
use crate::{
    arn::AccountRegion,
    ids,
    table::impl_row,
    tags::Tags,
    validate::{Rule, arn},
};

/// The rule for the ARN of a stage.
pub(crate) const ARN: Rule = arn("ivs", "stage");

/// A stage, as in the output of GetStage.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stage {
    arn: String,
    name: String,
    pub active_session_id: String,
    tags: Tags,
    /// Stored only if it is not the default, to save memory.
    #[serde(with = "participant_recording::or_default")]
    auto_participant_recording_configuration: Option<Box<ParticipantRecording>>,
    endpoints: Endpoints,
}

#[derive(Clone, Deserialize, Serialize)]
struct Endpoints {
    events: String,
    whip: String,
    rtmp: String,
    rtmps: String,
}

/// A stage, as in the output of ListStages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StageSummary<'a> {
    arn: &'a str,
    name: &'a str,
    active_session_id: &'a str,
    tags: &'a Tags,
}

impl_row!(Stage, key: name);

/// The settings in the input of a create or an update. Omitted settings remain unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StageSettings {
    name: Option<String>,
    auto_participant_recording_configuration: Option<ParticipantRecordingSettings>,
}

impl StageSettings {
    /// Returns true if the settings include the recording.
    pub fn has_recording(&self) -> bool {
        self.auto_participant_recording_configuration.is_some()
    }
}

impl Stage {
    /// Creates a stage with AWS's defaults.
    pub fn new(account_region: &AccountRegion, tags: Tags) -> Self {
        let host = ids::host();
        let contribute = format!("{host}.global-contribute.live-video.net");
        Self {
            arn: account_region.arn("ivs", "stage", &ids::resource()),
            name: String::new(),
            active_session_id: String::new(),
            tags,
            auto_participant_recording_configuration: None,
            endpoints: Endpoints {
                events: "wss://global.events.live-video.net".to_owned(),
                whip: format!("https://{host}.global-bm.whip.live-video.net"),
                rtmp: format!("rtmp://{contribute}/app/"),
                rtmps: format!("rtmps://{contribute}:443/app/"),
            },
        }
    }

    pub fn to_summary(&self) -> StageSummary<'_> {
        StageSummary {
            arn: &self.arn,
            name: &self.name,
            active_session_id: &self.active_session_id,
            tags: &self.tags,
        }
    }

    pub fn set(&mut self, settings: StageSettings) {
        if let Some(name) = settings.name {
            self.name = name;
        }
        if let Some(recording) = settings.auto_participant_recording_configuration {
            self.auto_participant_recording_configuration =
                ParticipantRecording::from(recording).non_default();
        }
    }

    pub fn storage_configuration(&self) -> &str {
        let recording = self.auto_participant_recording_configuration.as_ref();
        recording.map_or("", |recording| &recording.storage_configuration_arn)
    }
}
