//! Chat rooms.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Failure,
    form::Form,
    ids,
    operation::{Operation, Outcome, Service::IvsChat, rendered, typed},
    paging::{Page, listed},
    state::{Row, State},
    tags::{self, Tags},
    timestamp,
    validate::{Member, NAME, Rule, arn, optional, required, text},
};

pub(super) const ARN: Rule = arn("ivschat", "room");
const LOGGING: Rule = arn("ivschat", "logging-configuration");
const LAMBDA: Rule = Rule::Text { min: 0, max: 170, form: Form::Lambda };
const HANDLER: &[Member] =
    &[optional("uri", LAMBDA), optional("fallbackResult", Rule::Choice(&["ALLOW", "DENY"]))];

/// What Create and Update have in common, and then what either has alone.
macro_rules! settings {
    ($($own:expr),*) => {
        &[
            optional("name", NAME),
            optional("maximumMessageRatePerSecond", Rule::Integer { min: 1, max: 100 }),
            optional("maximumMessageLength", Rule::Integer { min: 1, max: 500 }),
            optional("messageReviewHandler", Rule::Object(HANDLER)),
            optional("loggingConfigurationIdentifiers", Rule::List { min: 0, max: 3, of: &LOGGING }),
            $($own),*
        ]
    };
}

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateRoom",
        service: IvsChat,
        success: 200,
        input: settings![optional("tags", tags::ANY)],
        run: create,
    },
    Operation {
        name: "GetRoom",
        service: IvsChat,
        success: 200,
        input: &[required("identifier", ARN)],
        run: get,
    },
    Operation {
        name: "ListRooms",
        service: IvsChat,
        success: 200,
        input: &[
            optional("name", NAME),
            optional("messageReviewHandlerUri", LAMBDA),
            optional("loggingConfigurationIdentifier", LOGGING),
            optional("nextToken", text(1024)),
            optional("maxResults", Rule::Integer { min: 1, max: 50 }),
        ],
        run: list,
    },
    Operation {
        name: "UpdateRoom",
        service: IvsChat,
        success: 200,
        input: settings![required("identifier", ARN)],
        run: update,
    },
    Operation {
        name: "DeleteRoom",
        service: IvsChat,
        success: 204,
        input: &[required("identifier", ARN)],
        run: delete,
    },
];

/// A room, as Get tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    arn: String,
    id: String,
    name: String,
    #[serde(with = "timestamp")]
    create_time: Timestamp,
    #[serde(with = "timestamp")]
    update_time: Timestamp,
    maximum_message_rate_per_second: u32,
    maximum_message_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_review_handler: Option<Handler>,
    tags: Tags,
    logging_configuration_identifiers: Vec<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Handler {
    uri: Option<String>,
    fallback_result: Option<String>,
}

/// A room, as List tells it: without the limits of its messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
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
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

/// What a request sets; what it leaves out stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    name: Option<String>,
    maximum_message_rate_per_second: Option<u32>,
    maximum_message_length: Option<u32>,
    message_review_handler: Option<Handler>,
    logging_configuration_identifiers: Option<Vec<String>>,
}

impl Room {
    /// A room with AWS's defaults.
    fn new(state: &State, tags: Tags) -> Self {
        let id = ids::resource();
        let now = state.clock.now();
        Self {
            arn: state.place.arn("ivschat", "room", &id),
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

    fn set(&mut self, settings: Settings) {
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

    fn summary(&self) -> Summary<'_> {
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

    pub fn is_logged_by(&self, identifier: &str) -> bool {
        self.logging_configuration_identifiers.iter().any(|found| found == identifier)
    }

    fn is_reviewed_by(&self, uri: &str) -> bool {
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

#[derive(Deserialize)]
struct ByIdentifier {
    identifier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filters {
    name: Option<String>,
    message_review_handler_uri: Option<String>,
    logging_configuration_identifier: Option<String>,
}

impl Filters {
    /// What the filters besides the name say, which has an index.
    fn let_through(&self, room: &Room) -> bool {
        let is_given = |filter: &&str| !filter.is_empty();
        self.message_review_handler_uri.as_deref().filter(is_given).is_none_or(|uri| room.is_reviewed_by(uri))
            && self.logging_configuration_identifier.as_ref().is_none_or(|wanted| room.is_logged_by(wanted))
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut room = Room::new(state, tags::of(input)?);
    room.set(typed(input)?);
    refuse_unknown_logging(state, &room)?;
    let output = rendered(&room);
    state.rooms.insert(room);
    output
}

fn get(state: &mut State, input: &Value) -> Outcome {
    let ByIdentifier { identifier } = typed(input)?;
    rendered(state.room(&identifier)?)
}

fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT: usize = 50;
    let filters: Filters = typed(input)?;
    let page = Page::asked(state, "ListRooms", input, DEFAULT)?;
    let rows: Box<dyn Iterator<Item = (u64, &Room)>> = match filters.name.as_deref() {
        None | Some("") => Box::new(state.rooms.newest_first(page.after)),
        Some(name) => Box::new(state.rooms.newest_first_with_key(name, page.after)),
    };
    let rows = rows.filter(|(_, room)| filters.let_through(room));
    let (rooms, next) = page.fill(state, rows, Room::summary);
    listed("rooms", rooms, next)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let ByIdentifier { identifier } = typed(input)?;
    let mut room = state.room(&identifier)?.clone();
    room.set(typed(input)?);
    refuse_unknown_logging(state, &room)?;
    room.update_time = state.clock.now();
    let output = rendered(&room);
    state.rooms.replace_as_newest(room);
    output
}

fn delete(state: &mut State, input: &Value) -> Outcome {
    let ByIdentifier { identifier } = typed(input)?;
    state.room(&identifier)?;
    state.rooms.remove(&identifier);
    Ok(Value::Object(serde_json::Map::new()))
}

fn refuse_unknown_logging(state: &State, room: &Room) -> Result<(), Failure> {
    let mut identifiers = room.logging_configuration_identifiers.iter();
    identifiers.try_for_each(|identifier| state.logging_configuration(identifier).map(|_| ()))
}

/// Rooms that saw nothing for 24 months disappear. They are in the order of their last update.
pub(crate) fn forget_idle(state: &mut State, now: Timestamp) {
    /// 24 months.
    const IDLE: SignedDuration = SignedDuration::from_hours(730 * 24);
    loop {
        let oldest = state.rooms.oldest_first(None).next().map(|(_, room)| room);
        let age = oldest.map_or(SignedDuration::ZERO, |room| room.update_time.duration_until(now));
        match oldest {
            Some(room) if age >= IDLE => {
                let arn = room.arn.clone();
                if !state.rooms.remove(&arn) {
                    return;
                }
            }
            _ => return,
        }
    }
}
