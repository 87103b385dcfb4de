//! What a room is, and how its settings change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids,
    resource::Resource,
    state::{Row, State, Table},
    tags::Tags,
    timestamp,
};

/// A room, as Get tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    pub(super) arn: String,
    id: String,
    name: String,
    #[serde(with = "timestamp")]
    create_time: Timestamp,
    #[serde(with = "timestamp")]
    pub(super) update_time: Timestamp,
    maximum_message_rate_per_second: u32,
    maximum_message_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_review_handler: Option<Handler>,
    tags: Tags,
    pub(super) logging_configuration_identifiers: Vec<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handler {
    uri: Option<String>,
    fallback_result: Option<String>,
}

/// A room, as List tells it: without the limits of its messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
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

impl Row for Room {
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

impl Resource for Room {
    const ID: &'static str = "identifier";
    const ONE: Option<&'static str> = None;
    const MANY: &'static str = "rooms";
    const PAGE: usize = 50;

    type Summary<'a> = Summary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        Summary {
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
    fn table(state: &State) -> &Table<Self> {
        &state.rooms
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.rooms
    }
    fn remove(state: &mut State, arn: &str) -> bool {
        state.remove_room(arn)
    }
}

/// What a request sets; what it leaves out stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    name: Option<String>,
    maximum_message_rate_per_second: Option<u32>,
    maximum_message_length: Option<u32>,
    message_review_handler: Option<Handler>,
    logging_configuration_identifiers: Option<Vec<String>>,
}

impl Room {
    /// A room with AWS's defaults.
    pub(super) fn new(state: &State, tags: Tags) -> Self {
        let id = ids::resource();
        let now = state.clock.now();
        Self {
            arn: state.account_region.arn("ivschat", "room", &id),
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

    pub(super) fn set(&mut self, settings: Settings) {
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
            self.message_review_handler = handler.attached(before);
        }
        if let Some(identifiers) = settings.logging_configuration_identifiers {
            self.logging_configuration_identifiers = identifiers;
        }
    }

    pub fn is_logged_by(&self, identifier: &str) -> bool {
        self.logging_configuration_identifiers.iter().any(|found| found == identifier)
    }

    pub(super) fn is_reviewed_by(&self, uri: &str) -> bool {
        self.message_review_handler.as_ref().and_then(|handler| handler.uri.as_deref()) == Some(uri)
    }
}

impl Handler {
    /// The handler with its default; none if its uri is empty, which detaches it. Left out, the uri stays as it was.
    fn attached(self, before: Option<Self>) -> Option<Self> {
        let uri = self.uri.or_else(|| before?.uri).filter(|uri| !uri.is_empty())?;
        let fallback = self.fallback_result.unwrap_or_else(|| "ALLOW".to_owned());
        Some(Self { uri: Some(uri), fallback_result: Some(fallback) })
    }
}
