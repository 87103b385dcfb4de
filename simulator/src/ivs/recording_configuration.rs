//! The operations on recording configurations.

use serde_json::Value;

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode},
    model::{
        recording_configuration::{RecordingConfiguration, RecordingConfigurationSummary},
        s3,
    },
    operation::Operation,
    resource::{self, Resource},
    scheduler::Timer,
    service::Service::Ivs,
    state::State,
    tags::{self, Tags},
    validate::{Member, NAME, Rule, TOKEN, arn, optional, required},
};

const ARN: Rule = arn("ivs", "recording-configuration");
const RESOLUTION: Rule = Rule::Choice(&["SD", "HD", "FULL_HD", "LOWEST_RESOLUTION"]);
const THUMBNAILS: &[Member] = &[
    optional("recordingMode", Rule::Choice(&["DISABLED", "INTERVAL"])),
    optional("targetIntervalSeconds", Rule::Integer { min: 1, max: 60 }),
    optional("resolution", RESOLUTION),
    // The API model has no size limits; this is the number of distinct values.
    optional("storage", Rule::List { min: 0, max: 2, of: &Rule::Choice(&["SEQUENTIAL", "LATEST"]) }),
];
const RENDITIONS: &[Member] = &[
    optional("renditionSelection", Rule::Choice(&["ALL", "NONE", "CUSTOM"])),
    optional("renditions", Rule::List { min: 0, max: 4, of: &RESOLUTION }),
];
/// `s3` is optional in the API model, but there is no other destination.
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

impl Resource for RecordingConfiguration {
    const ONE: Option<&'static str> = Some("recordingConfiguration");
    const MANY: &'static str = "recordingConfigurations";
    const PAGE: usize = 100;

    type Summary<'a> = RecordingConfigurationSummary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        self.to_summary()
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), ApiError> {
        if state.channels.iter().any(|channel| channel.recording_configuration_arn == arn) {
            let message = format!("Recording configuration: {arn} is associated with a channel");
            return Err(ApiError::conflict(message));
        }
        Ok(())
    }
}

/// Activates a configuration when its timer fires.
pub(crate) fn activate(state: &mut State, arn: &str) {
    if let Some(configuration) = state.recording_configurations.get_mut(arn) {
        configuration.activate();
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let tags = Tags::from_input(input)?;
    let configuration = RecordingConfiguration::new(&state.account_region, decode(input)?, tags)?;
    let timer = Timer::Activate(configuration.arn().to_owned());
    state.scheduler.schedule(state.clock.after(state.activation), timer);
    resource::insert(state, configuration)
}
