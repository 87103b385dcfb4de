//! The operations on logging configurations.

use serde_json::Value;

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode},
    model::{logging_configuration::LoggingConfiguration, s3},
    operation::Operation,
    pattern::Pattern,
    resource::{self, Resource},
    service::Service::IvsChat,
    state::State,
    tags::{self, Tags},
    validate::{Member, NAME, Rule, arn, optional, required, text},
};

const ARN: Rule = arn("ivschat", "logging-configuration");
const GROUP: Pattern = Pattern::Characters { lower: false, others: ".-_/#", regex: r"[\.\-_/#A-Za-z0-9]+" };
const DELIVERY: Pattern = Pattern::Characters { lower: false, others: "_.-", regex: "[a-zA-Z0-9_.-]+" };
const CLOUD_WATCH: &[Member] = &[required("logGroupName", Rule::Text { min: 1, max: 512, pattern: GROUP })];
const FIREHOSE: &[Member] =
    &[required("deliveryStreamName", Rule::Text { min: 1, max: 64, pattern: DELIVERY })];
const DESTINATION: Rule = Rule::Object(&[
    optional("s3", Rule::Object(s3::MEMBERS)),
    optional("cloudWatchLogs", Rule::Object(CLOUD_WATCH)),
    optional("firehose", Rule::Object(FIREHOSE)),
]);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateLoggingConfiguration",
        service: IvsChat,
        success: 200,
        input: &[
            optional("name", NAME),
            required("destinationConfiguration", DESTINATION),
            optional("tags", tags::ANY),
        ],
        run: create,
    },
    Operation {
        name: "GetLoggingConfiguration",
        service: IvsChat,
        success: 200,
        input: &[required("identifier", ARN)],
        run: resource::get::<LoggingConfiguration>,
    },
    Operation {
        name: "ListLoggingConfigurations",
        service: IvsChat,
        success: 200,
        input: &[
            optional("nextToken", text(1024)),
            optional("maxResults", Rule::Integer { min: 1, max: 50 }),
        ],
        run: resource::list::<LoggingConfiguration>,
    },
    Operation {
        name: "UpdateLoggingConfiguration",
        service: IvsChat,
        success: 200,
        input: &[
            required("identifier", ARN),
            optional("name", NAME),
            optional("destinationConfiguration", DESTINATION),
        ],
        run: update,
    },
    Operation {
        name: "DeleteLoggingConfiguration",
        service: IvsChat,
        success: 204,
        input: &[required("identifier", ARN)],
        run: resource::delete::<LoggingConfiguration>,
    },
];

impl Resource for LoggingConfiguration {
    const ID: &'static str = "identifier";
    const ONE: Option<&'static str> = None;
    const MANY: &'static str = "loggingConfigurations";
    const PAGE: usize = 50;

    type Summary<'a> = &'a Self;

    fn summary(&self) -> Self::Summary<'_> {
        self
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), ApiError> {
        if state.rooms.iter().any(|room| room.uses_logging_configuration(arn)) {
            let message = format!("Logging configuration: {arn} is associated with a room");
            return Err(ApiError::conflict(message).about(arn));
        }
        Ok(())
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let (settings, tags) = (decode(input)?, Tags::from_input(input)?);
    let configuration = LoggingConfiguration::new(&state.account_region, state.clock.now(), settings, tags)?;
    resource::insert(state, configuration)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    resource::update(state, input, |state, configuration: &mut LoggingConfiguration| {
        configuration.update(decode(input)?, state.clock.now())
    })
}
