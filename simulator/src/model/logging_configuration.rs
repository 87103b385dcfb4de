//! Logging configurations: the destinations to which the messages of a chat room are logged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::s3::S3;
use crate::{
    api_error::ApiError, arn::AccountRegion, codec::decode, ids, table::impl_row, tags::Tags, timestamp,
};

/// A logging configuration, as in the outputs of Get and List.
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
    state: Status,
    tags: Tags,
}

/// The state. ACTIVE is the only one that the outputs of Create and Update can have.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Active,
}

/// A destination of one of the three kinds.
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

/// The settings in the input of a create or an update. Omitted settings remain unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoggingConfigurationSettings {
    name: Option<String>,
    destination_configuration: Option<Value>,
}

impl_row!(LoggingConfiguration, key: name);

impl Destination {
    /// Returns the one destination in the input. Ignores null and unknown members.
    fn from_input(input: &Value) -> Result<Self, ApiError> {
        const KINDS: [&str; 3] = ["s3", "cloudWatchLogs", "firehose"];
        let members = KINDS.iter().filter_map(|kind| Some((*kind, input.get(kind)?)));
        let set: serde_json::Map<_, _> = members
            .filter(|(_, value)| !value.is_null())
            .map(|(kind, value)| (kind.to_owned(), value.clone()))
            .collect();
        if set.len() != 1 {
            let message = "must be exactly one of s3, cloudWatchLogs and firehose";
            return Err(ApiError::member("destinationConfiguration", message));
        }
        decode(&Value::Object(set))
    }
}

impl LoggingConfiguration {
    pub fn new(
        account_region: &AccountRegion,
        now: Timestamp,
        settings: LoggingConfigurationSettings,
        tags: Tags,
    ) -> Result<Self, ApiError> {
        let id = ids::resource();
        let destination = settings.destination_configuration.unwrap_or_default();
        Ok(Self {
            arn: account_region.arn("ivschat", "logging-configuration", &id),
            id,
            create_time: now,
            update_time: now,
            name: settings.name.unwrap_or_default(),
            destination_configuration: Destination::from_input(&destination)?,
            state: Status::Active,
            tags,
        })
    }

    pub fn update(&mut self, settings: LoggingConfigurationSettings, now: Timestamp) -> Result<(), ApiError> {
        if let Some(name) = settings.name {
            self.name = name;
        }
        if let Some(destination) = settings.destination_configuration {
            self.destination_configuration = Destination::from_input(&destination)?;
        }
        self.update_time = now;
        Ok(())
    }
}
