//! Chat rooms.

mod model;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::model::Room;
use crate::{
    error::Failure,
    form::Form,
    operation::{Operation, Outcome, Service::IvsChat, rendered, typed},
    paging::{Page, listed},
    state::State,
    tags,
    validate::{Member, NAME, Rule, arn, optional, required, text},
};

pub(in crate::ivschat) const ARN: Rule = arn("ivschat", "room");
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
