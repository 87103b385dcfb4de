//! Stages.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    recording::{self, Recording},
    session,
    token::{self, Token},
};
use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::IvsRealtime, decode, encode},
    resource::{self, Resource},
    state::{Row, State, Table},
    tags::{self, Tags},
    validate::{NAME, Rule, TOKEN, arn, optional, required},
};

pub(super) const ARN: Rule = arn("ivs", "stage");

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateStage",
        service: IvsRealtime,
        success: 200,
        input: &[
            optional("name", NAME),
            optional(
                "participantTokenConfigurations",
                Rule::List { min: 0, max: 12, of: &Rule::Object(token::CONFIGURATION) },
            ),
            optional("tags", tags::ANY),
            optional("autoParticipantRecordingConfiguration", recording::RULE),
        ],
        run: create,
    },
    Operation {
        name: "GetStage",
        service: IvsRealtime,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::get::<Stage>,
    },
    Operation {
        name: "ListStages",
        service: IvsRealtime,
        success: 200,
        input: &[optional("nextToken", TOKEN), optional("maxResults", Rule::Integer { min: 1, max: 100 })],
        run: resource::list::<Stage>,
    },
    Operation {
        name: "UpdateStage",
        service: IvsRealtime,
        success: 200,
        input: &[
            required("arn", ARN),
            optional("name", NAME),
            optional("autoParticipantRecordingConfiguration", recording::RULE),
        ],
        run: update,
    },
    Operation {
        name: "DeleteStage",
        service: IvsRealtime,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::delete::<Stage>,
    },
];

/// A stage, as Get tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stage {
    arn: String,
    name: String,
    pub active_session_id: String,
    tags: Tags,
    /// Kept only if something is recorded; else it is the default.
    #[serde(with = "recording::or_default")]
    auto_participant_recording_configuration: Option<Box<Recording>>,
    endpoints: Endpoints,
}

#[derive(Clone, Deserialize, Serialize)]
struct Endpoints {
    events: String,
    whip: String,
    rtmp: String,
    rtmps: String,
}

/// A stage, as List tells it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
    arn: &'a str,
    name: &'a str,
    active_session_id: &'a str,
    tags: &'a Tags,
}

impl Row for Stage {
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

impl Resource for Stage {
    const ONE: Option<&'static str> = Some("stage");
    const MANY: &'static str = "stages";
    const PAGE: usize = 50;

    type Summary<'a> = Summary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        Summary {
            arn: &self.arn,
            name: &self.name,
            active_session_id: &self.active_session_id,
            tags: &self.tags,
        }
    }
    fn table(state: &State) -> &Table<Self> {
        &state.stages
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.stages
    }
    fn remove(state: &mut State, arn: &str) -> bool {
        state.remove_stage(arn)
    }
}

/// What a request sets; what it leaves out stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    name: Option<String>,
    auto_participant_recording_configuration: Option<recording::Settings>,
}

impl Stage {
    /// A stage with AWS's defaults.
    fn new(state: &State, tags: Tags) -> Self {
        let host = ids::host();
        let contribute = format!("{host}.global-contribute.live-video.net");
        Self {
            arn: state.account_region.arn("ivs", "stage", &ids::resource()),
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

    fn set(&mut self, settings: Settings) {
        if let Some(name) = settings.name {
            self.name = name;
        }
        if let Some(recording) = settings.auto_participant_recording_configuration {
            self.auto_participant_recording_configuration = Recording::from(recording).kept();
        }
    }

    pub fn storage_configuration(&self) -> &str {
        let recording = self.auto_participant_recording_configuration.as_ref();
        recording.map_or("", |recording| &recording.storage_configuration_arn)
    }
}

#[derive(Deserialize)]
struct ByArn {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WithTokens {
    participant_token_configurations: Option<Vec<token::Configuration>>,
}

/// What Create answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    stage: &'a Stage,
    participant_tokens: &'a [Token],
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let WithTokens { participant_token_configurations } = decode(input)?;
    let configurations = participant_token_configurations.unwrap_or_default().into_iter();
    let tokens = configurations.map(|configuration| Token::new(&state.clock, configuration));
    let tokens = tokens.collect::<Result<Vec<_>, Failure>>()?;
    let mut made = Stage::new(state, tags::of(input)?);
    made.set(decode(input)?);
    check_storage_configuration(state, &made)?;
    let output = encode(Created { stage: &made, participant_tokens: &tokens });
    state.stages.insert(made);
    output
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let ByArn { arn } = decode(input)?;
    let mut changed = state.stage(&arn)?.clone();
    let settings: Settings = decode(input)?;
    let records_otherwise = settings.auto_participant_recording_configuration.is_some();
    if records_otherwise && state.stage_sessions.is_recording(&arn) {
        let message = format!("{arn} is being recorded: its recording cannot be changed now");
        return Err(Failure::conflict(message));
    }
    changed.set(settings);
    check_storage_configuration(state, &changed)?;
    let output = resource::answer(&changed);
    state.stages.replace(changed);
    output
}

/// By the model CreateStage answers no ResourceNotFoundException, and from UpdateStage it would mean the stage.
fn check_storage_configuration(state: &State, made: &Stage) -> Result<(), Failure> {
    const MEMBER: &str = "autoParticipantRecordingConfiguration.storageConfigurationArn";
    let arn = made.storage_configuration();
    if arn.is_empty() || state.storage_configuration(arn).is_ok() {
        return Ok(());
    }
    state.check_account(arn)?;
    Err(Failure::member(MEMBER, format!("the storage configuration {arn} does not exist")))
}

impl State {
    /// Removes a stage: all are disconnected, and its session ends.
    pub fn remove_stage(&mut self, arn: &str) -> bool {
        session::end(self, arn);
        self.stages.remove(arn)
    }
}
