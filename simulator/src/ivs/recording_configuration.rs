//! Recording configurations: how the streams of a channel go to S3.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::Ivs, decode},
    resource::{self, Resource},
    s3::{self, S3},
    scheduler::Timer,
    state::{Row, State, Table},
    tags::{self, Tags},
    validate::{Member, NAME, Rule, TOKEN, arn, optional, required},
};

const ARN: Rule = arn("ivs", "recording-configuration");
const RESOLUTION: Rule = Rule::Choice(&["SD", "HD", "FULL_HD", "LOWEST_RESOLUTION"]);
const THUMBNAILS: &[Member] = &[
    optional("recordingMode", Rule::Choice(&["DISABLED", "INTERVAL"])),
    optional("targetIntervalSeconds", Rule::Integer { min: 1, max: 60 }),
    optional("resolution", RESOLUTION),
    // The model tells no sizes; there are so many different values.
    optional("storage", Rule::List { min: 0, max: 2, of: &Rule::Choice(&["SEQUENTIAL", "LATEST"]) }),
];
const RENDITIONS: &[Member] = &[
    optional("renditionSelection", Rule::Choice(&["ALL", "NONE", "CUSTOM"])),
    optional("renditions", Rule::List { min: 0, max: 4, of: &RESOLUTION }),
];
/// The model lets `s3` be left out, but there is no other destination.
const DESTINATION: &[Member] = &[required("s3", Rule::Object(s3::MEMBERS))];

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateRecordingConfiguration",
        service: Ivs,
        success: 200,
        input: &[
            optional("name", NAME),
            required("destinationConfiguration", Rule::Object(DESTINATION)),
            optional("tags", tags::STRICT),
            optional("thumbnailConfiguration", Rule::Object(THUMBNAILS)),
            optional("recordingReconnectWindowSeconds", Rule::Integer { min: 0, max: 300 }),
            optional("renditionConfiguration", Rule::Object(RENDITIONS)),
        ],
        run: create,
    },
    Operation {
        name: "GetRecordingConfiguration",
        service: Ivs,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::get::<RecordingConfiguration>,
    },
    Operation {
        name: "ListRecordingConfigurations",
        service: Ivs,
        success: 200,
        input: &[optional("nextToken", TOKEN), optional("maxResults", Rule::Integer { min: 1, max: 100 })],
        run: resource::list::<RecordingConfiguration>,
    },
    Operation {
        name: "DeleteRecordingConfiguration",
        service: Ivs,
        success: 204,
        input: &[required("arn", ARN)],
        run: resource::delete::<RecordingConfiguration>,
    },
];

/// A recording configuration, as Get tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordingConfiguration {
    arn: String,
    name: String,
    destination_configuration: Destination,
    state: Progress,
    tags: Tags,
    thumbnail_configuration: Thumbnails,
    recording_reconnect_window_seconds: u32,
    rendition_configuration: Renditions,
}

/// A recording configuration, as List tells it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
    arn: &'a str,
    name: &'a str,
    destination_configuration: &'a Destination,
    state: Progress,
    tags: &'a Tags,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Progress {
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
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

impl Row for RecordingConfiguration {
    fn arn(&self) -> &str {
        &self.arn
    }
    fn key(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl ThumbnailSettings {
    /// With the defaults; the interval is one only of the mode of that name.
    fn completed(self) -> Result<Thumbnails, Failure> {
        /// In seconds.
        const INTERVAL: u32 = 60;
        let mode = self.recording_mode.unwrap_or_else(|| "INTERVAL".to_owned());
        let interval = match (mode.as_str(), self.target_interval_seconds) {
            ("INTERVAL", seconds) => Some(seconds.unwrap_or(INTERVAL)),
            (_, None) => None,
            (_, Some(_)) => {
                let message = "can be set only if recordingMode is INTERVAL";
                return Err(Failure::member("thumbnailConfiguration.targetIntervalSeconds", message));
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
    fn completed(self) -> Result<Renditions, Failure> {
        let rendition_selection = self.rendition_selection.unwrap_or_else(|| "ALL".to_owned());
        let renditions = self.renditions.unwrap_or_default();
        if rendition_selection == "CUSTOM" && renditions.is_empty() {
            let message = "is required if renditionSelection is CUSTOM";
            return Err(Failure::member("renditionConfiguration.renditions", message));
        }
        Ok(Renditions { rendition_selection, renditions })
    }
}

impl Resource for RecordingConfiguration {
    const ONE: Option<&'static str> = Some("recordingConfiguration");
    const MANY: &'static str = "recordingConfigurations";
    const PAGE: usize = 100;

    type Summary<'a> = Summary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        Summary {
            arn: &self.arn,
            name: &self.name,
            destination_configuration: &self.destination_configuration,
            state: self.state,
            tags: &self.tags,
        }
    }
    fn table(state: &State) -> &Table<Self> {
        &state.recording_configurations
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.recording_configurations
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), Failure> {
        if state.channels.iter().any(|channel| channel.recording_configuration() == arn) {
            let message = format!("Recording configuration: {arn} is associated with a channel");
            return Err(Failure::conflict(message));
        }
        Ok(())
    }
}

impl RecordingConfiguration {
    fn new(state: &State, settings: Settings, tags: Tags) -> Result<Self, Failure> {
        Ok(Self {
            arn: state.account_region.arn("ivs", "recording-configuration", &ids::resource()),
            name: settings.name.unwrap_or_default(),
            destination_configuration: settings.destination_configuration,
            state: Progress::Creating,
            tags,
            thumbnail_configuration: settings.thumbnail_configuration.unwrap_or_default().completed()?,
            recording_reconnect_window_seconds: settings.recording_reconnect_window_seconds.unwrap_or(0),
            rendition_configuration: settings.rendition_configuration.unwrap_or_default().completed()?,
        })
    }

    pub fn is_active(&self) -> bool {
        self.state == Progress::Active
    }

    pub fn bucket(&self) -> &str {
        &self.destination_configuration.s3.bucket_name
    }
}

/// The time has come for one to become active.
pub(crate) fn activate(state: &mut State, arn: &str) {
    if let Some(configuration) = state.recording_configurations.get_mut(arn) {
        configuration.state = Progress::Active;
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let configuration = RecordingConfiguration::new(state, decode(input)?, tags::of(input)?)?;
    let output = resource::answer(&configuration);
    state.scheduler.add(state.clock.after(state.activation), Timer::Activate(configuration.arn.clone()));
    state.recording_configurations.insert(configuration);
    output
}
