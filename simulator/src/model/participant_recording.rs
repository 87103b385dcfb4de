//! The automatic recording of the participants of a stage: its validation rule and its defaults.

use serde::{Deserialize, Serialize};

use crate::validate::{Member, Rule, optional, reference, required};

const THUMBNAILS: &[Member] = &[
    optional("targetIntervalSeconds", Rule::Integer { min: 1, max: 86_400 }),
    optional("storage", Rule::List { min: 0, max: 2, of: &Rule::Choice(&["SEQUENTIAL", "LATEST"]) }),
    optional("recordingMode", Rule::Choice(&["INTERVAL", "DISABLED"])),
];
const HLS: &[Member] = &[optional("targetSegmentDurationSeconds", Rule::Integer { min: 2, max: 10 })];

/// The rule for `autoParticipantRecordingConfiguration`.
pub(crate) const RULE: Rule = Rule::Object(&[
    required("storageConfigurationArn", reference("ivs", "storage-configuration")),
    optional(
        "mediaTypes",
        Rule::List { min: 0, max: 1, of: &Rule::Choice(&["AUDIO_VIDEO", "AUDIO_ONLY", "NONE"]) },
    ),
    optional("thumbnailConfiguration", Rule::Object(THUMBNAILS)),
    optional("recordingReconnectWindowSeconds", Rule::Integer { min: 0, max: 300 }),
    optional("hlsConfiguration", Rule::Object(HLS)),
    optional("recordParticipantReplicas", Rule::Boolean),
]);

/// The recording configuration of a stage, with all defaults filled in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantRecording {
    pub storage_configuration_arn: String,
    media_types: Vec<String>,
    thumbnail_configuration: Thumbnails,
    #[serde(rename = "recordingReconnectWindowSeconds")]
    reconnect_window_seconds: u32,
    hls_configuration: Hls,
    record_participant_replicas: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Thumbnails {
    target_interval_seconds: u32,
    storage: Vec<String>,
    recording_mode: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Hls {
    target_segment_duration_seconds: u32,
}

/// The recording settings in the input of a create or an update.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantRecordingSettings {
    storage_configuration_arn: String,
    media_types: Option<Vec<String>>,
    thumbnail_configuration: Option<ThumbnailSettings>,
    recording_reconnect_window_seconds: Option<u32>,
    hls_configuration: Option<HlsSettings>,
    record_participant_replicas: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThumbnailSettings {
    target_interval_seconds: Option<u32>,
    storage: Option<Vec<String>>,
    recording_mode: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HlsSettings {
    target_segment_duration_seconds: Option<u32>,
}

impl From<ParticipantRecordingSettings> for ParticipantRecording {
    /// Fills in AWS's defaults. Without a storage configuration nothing is recorded, and all other settings
    /// are reset.
    fn from(settings: ParticipantRecordingSettings) -> Self {
        let recorded = !settings.storage_configuration_arn.is_empty();
        let settings = if recorded { settings } else { ParticipantRecordingSettings::default() };
        let thumbnails = settings.thumbnail_configuration.unwrap_or_default();
        let hls = settings.hls_configuration.unwrap_or_default();
        Self {
            storage_configuration_arn: settings.storage_configuration_arn,
            media_types: settings.media_types.unwrap_or_else(|| vec!["AUDIO_VIDEO".to_owned()]),
            thumbnail_configuration: Thumbnails {
                target_interval_seconds: thumbnails.target_interval_seconds.unwrap_or(60),
                storage: thumbnails.storage.unwrap_or_else(|| vec!["SEQUENTIAL".to_owned()]),
                recording_mode: thumbnails.recording_mode.unwrap_or_else(|| "DISABLED".to_owned()),
            },
            reconnect_window_seconds: settings.recording_reconnect_window_seconds.unwrap_or(0),
            hls_configuration: Hls {
                target_segment_duration_seconds: hls.target_segment_duration_seconds.unwrap_or(6),
            },
            record_participant_replicas: settings.record_participant_replicas.unwrap_or(true),
        }
    }
}

impl ParticipantRecording {
    /// Returns the configuration for storage, or `None` if it is the default.
    pub fn non_default(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// Serialization of a configuration that is not stored if it is the default, for `#[serde(with = …)]`.
pub(crate) mod or_default {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ParticipantRecording;

    #[expect(clippy::ref_option, reason = "serde passes the field as it is")]
    pub fn serialize<S: Serializer>(
        recording: &Option<Box<ParticipantRecording>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match recording {
            Some(recording) => recording.serialize(serializer),
            None => ParticipantRecording::default().serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Box<ParticipantRecording>>, D::Error> {
        ParticipantRecording::deserialize(deserializer).map(ParticipantRecording::non_default)
    }
}

impl Default for ParticipantRecording {
    fn default() -> Self {
        ParticipantRecordingSettings::default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_reset_without_a_storage_configuration() {
        let settings = ParticipantRecordingSettings {
            recording_reconnect_window_seconds: Some(9),
            ..ParticipantRecordingSettings::default()
        };
        assert_eq!(ParticipantRecording::from(settings), ParticipantRecording::default());
        let arn = "arn:aws:ivs:us-west-2:1:storage-configuration/a".to_owned();
        let settings = ParticipantRecordingSettings {
            storage_configuration_arn: arn,
            recording_reconnect_window_seconds: Some(9),
            ..ParticipantRecordingSettings::default()
        };
        assert_eq!(ParticipantRecording::from(settings).reconnect_window_seconds, 9);
    }
}
