//! The operations on stages.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    stage_session,
    token::{self, Token},
};
use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    model::{
        participant_recording,
        stage::{ARN, Stage, StageSettings, StageSummary},
    },
    operation::Operation,
    resource::{self, Resource},
    service::Service::IvsRealtime,
    state::State,
    table::Row,
    tags::{self, Tags},
    validate::{NAME, Rule, TOKEN, optional, required},
};

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
            optional("autoParticipantRecordingConfiguration", participant_recording::RULE),
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
            optional("autoParticipantRecordingConfiguration", participant_recording::RULE),
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

impl Resource for Stage {
    const ONE: Option<&'static str> = Some("stage");
    const MANY: &'static str = "stages";
    const PAGE: usize = 50;

    type Summary<'a> = StageSummary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        self.to_summary()
    }

    /// Removes a stage. Disconnects all participants and ends the session.
    fn remove(state: &mut State, arn: &str) -> bool {
        stage_session::end(state, arn);
        state.stages.remove(arn)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WithTokens {
    participant_token_configurations: Option<Vec<token::Configuration>>,
}

/// The output of CreateStage.
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
    let tokens = tokens.collect::<Result<Vec<_>, ApiError>>()?;
    let mut created = Stage::new(&state.account_region, Tags::from_input(input)?);
    created.set(decode(input)?);
    check_storage_configuration(state, &created)?;
    let output = encode(Created { stage: &created, participant_tokens: &tokens });
    state.stages.insert(created);
    output
}

fn update(state: &mut State, input: &Value) -> Outcome {
    resource::update(state, input, |state, updated: &mut Stage| {
        let (arn, settings) = (updated.arn(), decode::<StageSettings>(input)?);
        if settings.has_recording() && state.stage_sessions.is_recording(arn) {
            let message =
                format!("{arn} is being recorded: its recording configuration cannot be changed now");
            return Err(ApiError::conflict(message));
        }
        updated.set(settings);
        check_storage_configuration(state, updated)
    })
}

/// Rejects a storage configuration that does not exist.
///
/// This is a validation error: CreateStage has no ResourceNotFoundException in the API model, and for
/// UpdateStage it would mean the stage.
fn check_storage_configuration(state: &State, changed: &Stage) -> Result<(), ApiError> {
    const MEMBER: &str = "autoParticipantRecordingConfiguration.storageConfigurationArn";
    let arn = changed.storage_configuration();
    if arn.is_empty() || state.storage_configuration(arn).is_ok() {
        return Ok(());
    }
    state.check_account(arn)?;
    Err(ApiError::member(MEMBER, format!("the storage configuration {arn} does not exist")))
}
