//! Chat rooms.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    arn::AccountRegion,
    ids,
    table::impl_row,
    tags::Tags,
    timestamp,
    validate::{Rule, arn},
};

/// The rule for the ARN of a room.
pub(crate) const ARN: Rule = arn("ivschat", "room");

/// A chat room, as in the output of GetRoom.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    pub arn: String,
    id: String,
    name: String,
    #[serde(with = "timestamp")]
    create_time: Timestamp,
    #[serde(with = "timestamp")]
    pub update_time: Timestamp,
    maximum_message_rate_per_second: u32,
    maximum_message_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_review_handler: Option<Handler>,
    tags: Tags,
    pub logging_configuration_identifiers: Vec<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Handler {
    uri: Option<String>,
    fallback_result: Option<String>,
}

/// A chat room without its message limits, as in the output of ListRooms.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomSummary<'a> {
    arn: &'a str,
    id: &'a str,
    name: &'a str,
    #[serde(with = "timestamp")]
    create_time: Timestamp,
    #[serde(with = "timestamp")]
    update_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_review_handler: Option<&'a Handler>,
    tags: &'a Tags,
    logging_configuration_identifiers: &'a [String],
}

impl_row!(Room, key: name);

/// The settings in the input of a create or an update. Omitted settings remain unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomSettings {
    name: Option<String>,
    maximum_message_rate_per_second: Option<u32>,
    maximum_message_length: Option<u32>,
    message_review_handler: Option<Handler>,
    logging_configuration_identifiers: Option<Vec<String>>,
}

impl Room {
    /// Creates a room with AWS's defaults.
    pub fn new(account_region: &AccountRegion, now: Timestamp, tags: Tags) -> Self {
        let id = ids::resource();
        Self {
            arn: account_region.arn("ivschat", "room", &id),
            id,
            name: String::new(),
            create_time: now,
            update_time: now,
            maximum_message_rate_per_second: 10,
            maximum_message_length: 500,
            message_review_handler: None,
            tags,
            logging_configuration_identifiers: Vec::new(),
        }
    }

    pub fn to_summary(&self) -> RoomSummary<'_> {
        RoomSummary {
            arn: &self.arn,
            id: &self.id,
            name: &self.name,
            create_time: self.create_time,
            update_time: self.update_time,
            message_review_handler: self.message_review_handler.as_ref(),
            tags: &self.tags,
            logging_configuration_identifiers: &self.logging_configuration_identifiers,
        }
    }

    pub fn set(&mut self, settings: RoomSettings) {
        if let Some(name) = settings.name {
            self.name = name;
        }
        if let Some(rate) = settings.maximum_message_rate_per_second {
            self.maximum_message_rate_per_second = rate;
        }
        if let Some(length) = settings.maximum_message_length {
            self.maximum_message_length = length;
        }
        if let Some(handler) = settings.message_review_handler {
            let before = self.message_review_handler.take();
            self.message_review_handler = handler.with_defaults(before);
        }
        if let Some(identifiers) = settings.logging_configuration_identifiers {
            self.logging_configuration_identifiers = identifiers;
        }
    }

    pub fn uses_logging_configuration(&self, identifier: &str) -> bool {
        self.logging_configuration_identifiers.iter().any(|found| found == identifier)
    }

    pub fn is_reviewed_by(&self, uri: &str) -> bool {
        self.message_review_handler.as_ref().and_then(|handler| handler.uri.as_deref()) == Some(uri)
    }
}

impl Handler {
    /// Fills in the default and a missing URI. Returns `None` if the URI is empty, which removes the handler.
    fn with_defaults(self, before: Option<Self>) -> Option<Self> {
        let uri = self.uri.or_else(|| before?.uri).filter(|uri| !uri.is_empty())?;
        let fallback = self.fallback_result.unwrap_or_else(|| "ALLOW".to_owned());
        Some(Self { uri: Some(uri), fallback_result: Some(fallback) })
    }
}
