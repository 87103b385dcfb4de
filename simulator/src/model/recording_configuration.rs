//! Recording configurations: how the streams of a channel are recorded to S3.

use serde::{Deserialize, Serialize};

use super::s3::S3;
use crate::{api_error::ApiError, arn::AccountRegion, ids, table::impl_row, tags::Tags};

/// A recording configuration, as in the output of GetRecordingConfiguration.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordingConfiguration {
    arn: String,
    name: String,
    destination_configuration: Destination,
    state: Status,
    tags: Tags,
    thumbnail_configuration: Thumbnails,
    recording_reconnect_window_seconds: u32,
    rendition_configuration: Renditions,
}

/// A recording configuration, as in the output of ListRecordingConfigurations.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordingConfigurationSummary<'a> {
    arn: &'a str,
    name: &'a str,
    destination_configuration: &'a Destination,
    state: Status,
    tags: &'a Tags,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Creating,
    Active,
}

#[derive(Clone, Deserialize, Serialize)]
struct Destination {
    s3: S3,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Thumbnails {
    recording_mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_interval_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<String>,
    storage: Vec<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Renditions {
    rendition_selection: String,
    renditions: Vec<String>,
}

/// The input of CreateRecordingConfiguration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordingConfigurationSettings {
    name: Option<String>,
    destination_configuration: Destination,
    thumbnail_configuration: Option<ThumbnailSettings>,
    recording_reconnect_window_seconds: Option<u32>,
    rendition_configuration: Option<RenditionSettings>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThumbnailSettings {
    recording_mode: Option<String>,
    target_interval_seconds: Option<u32>,
    resolution: Option<String>,
    storage: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenditionSettings {
    rendition_selection: Option<String>,
    renditions: Option<Vec<String>>,
}

impl_row!(RecordingConfiguration, key: name);

impl ThumbnailSettings {
    /// Fills in the defaults. An interval is allowed only in the mode INTERVAL.
    fn with_defaults(self) -> Result<Thumbnails, ApiError> {
        const DEFAULT_INTERVAL_SECONDS: u32 = 60;
        let mode = self.recording_mode.unwrap_or_else(|| "INTERVAL".to_owned());
        let interval = match (mode.as_str(), self.target_interval_seconds) {
            ("INTERVAL", seconds) => Some(seconds.unwrap_or(DEFAULT_INTERVAL_SECONDS)),
            (_, None) => None,
            (_, Some(_)) => {
                let message = "can be set only if recordingMode is INTERVAL";
                return Err(ApiError::member("thumbnailConfiguration.targetIntervalSeconds", message));
            }
        };
        Ok(Thumbnails {
            recording_mode: mode,
            target_interval_seconds: interval,
            resolution: self.resolution,
            storage: self.storage.unwrap_or_else(|| vec!["SEQUENTIAL".to_owned()]),
        })
    }
}

impl RenditionSettings {
    /// Fills in the defaults. CUSTOM requires a list of renditions.
    fn with_defaults(self) -> Result<Renditions, ApiError> {
        let rendition_selection = self.rendition_selection.unwrap_or_else(|| "ALL".to_owned());
        let renditions = self.renditions.unwrap_or_default();
        if rendition_selection == "CUSTOM" && renditions.is_empty() {
            let message = "is required if renditionSelection is CUSTOM";
            return Err(ApiError::member("renditionConfiguration.renditions", message));
        }
        Ok(Renditions { rendition_selection, renditions })
    }
}

impl RecordingConfiguration {
    pub fn new(
        account_region: &AccountRegion,
        settings: RecordingConfigurationSettings,
        tags: Tags,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            arn: account_region.arn("ivs", "recording-configuration", &ids::resource()),
            name: settings.name.unwrap_or_default(),
            destination_configuration: settings.destination_configuration,
            state: Status::Creating,
            tags,
            thumbnail_configuration: settings.thumbnail_configuration.unwrap_or_default().with_defaults()?,
            recording_reconnect_window_seconds: settings.recording_reconnect_window_seconds.unwrap_or(0),
            rendition_configuration: settings.rendition_configuration.unwrap_or_default().with_defaults()?,
        })
    }

    pub fn to_summary(&self) -> RecordingConfigurationSummary<'_> {
        RecordingConfigurationSummary {
            arn: &self.arn,
            name: &self.name,
            destination_configuration: &self.destination_configuration,
            state: self.state,
            tags: &self.tags,
        }
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    pub fn activate(&mut self) {
        self.state = Status::Active;
    }

    pub fn is_active(&self) -> bool {
        self.state == Status::Active
    }

    pub fn bucket(&self) -> &str {
        &self.destination_configuration.s3.bucket_name
    }
}
