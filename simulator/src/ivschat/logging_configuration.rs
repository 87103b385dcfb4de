//! Logging configurations: where the messages of a room are logged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::IvsChat, decode},
    pattern::Pattern,
    resource::{self, Resource},
    s3::{self, S3},
    state::{Row, State, Table},
    tags::{self, Tags},
    timestamp,
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

/// A logging configuration, as Get and List tell it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoggingConfiguration {
    arn: String,
    id: String,
    #[serde(with = "timestamp")]
    create_time: Timestamp,
    #[serde(with = "timestamp")]
    update_time: Timestamp,
    name: String,
    destination_configuration: Destination,
    state: Ready,
    tags: Tags,
}

/// The only state that Create and Update tell.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Ready {
    Active,
}

/// One of the three.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Destination {
    S3(S3),
    #[serde(rename_all = "camelCase")]
    CloudWatchLogs {
        log_group_name: String,
    },
    #[serde(rename_all = "camelCase")]
    Firehose {
        delivery_stream_name: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    name: Option<String>,
    destination_configuration: Option<Value>,
}

impl Row for LoggingConfiguration {
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

impl Resource for LoggingConfiguration {
    const ID: &'static str = "identifier";
    const ONE: Option<&'static str> = None;
    const MANY: &'static str = "loggingConfigurations";
    const PAGE: usize = 50;

    type Summary<'a> = &'a Self;

    fn summary(&self) -> Self::Summary<'_> {
        self
    }
    fn table(state: &State) -> &Table<Self> {
        &state.logging_configurations
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.logging_configurations
    }
    fn check_not_in_use(state: &State, arn: &str) -> Result<(), Failure> {
        if state.rooms.iter().any(|room| room.is_logged_by(arn)) {
            let message = format!("Logging configuration: {arn} is associated with a room");
            return Err(Failure::conflict(message).about(arn));
        }
        Ok(())
    }
}

impl Destination {
    /// The one destination that is given. What is null is not, and neither is what we do not know.
    fn of(given: &Value) -> Result<Self, Failure> {
        const KINDS: [&str; 3] = ["s3", "cloudWatchLogs", "firehose"];
        let members = KINDS.iter().filter_map(|kind| Some((*kind, given.get(kind)?)));
        let set: serde_json::Map<_, _> = members
            .filter(|(_, value)| !value.is_null())
            .map(|(kind, value)| (kind.to_owned(), value.clone()))
            .collect();
        if set.len() != 1 {
            let message = "must be exactly one of s3, cloudWatchLogs and firehose";
            return Err(Failure::member("destinationConfiguration", message));
        }
        decode(&Value::Object(set))
    }
}

#[derive(Deserialize)]
struct ByIdentifier {
    identifier: String,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let Settings { name, destination_configuration } = decode(input)?;
    let id = ids::resource();
    let now = state.clock.now();
    let configuration = LoggingConfiguration {
        arn: state.account_region.arn("ivschat", "logging-configuration", &id),
        id,
        create_time: now,
        update_time: now,
        name: name.unwrap_or_default(),
        destination_configuration: Destination::of(&destination_configuration.unwrap_or_default())?,
        state: Ready::Active,
        tags: tags::of(input)?,
    };
    let output = resource::answer(&configuration);
    state.logging_configurations.insert(configuration);
    output
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let ByIdentifier { identifier } = decode(input)?;
    let Settings { name, destination_configuration } = decode(input)?;
    let mut configuration = state.logging_configuration(&identifier)?.clone();
    if let Some(name) = name {
        configuration.name = name;
    }
    if let Some(destination) = destination_configuration {
        configuration.destination_configuration = Destination::of(&destination)?;
    }
    configuration.update_time = state.clock.now();
    let output = resource::answer(&configuration);
    state.logging_configurations.replace(configuration);
    output
}
