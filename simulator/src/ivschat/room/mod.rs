//! Chat rooms.

mod idle;
mod model;

use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::{
    idle::{RoomActivity, delete_idle},
    model::Room,
};
use crate::{
    error::Failure,
    operation::{Operation, Outcome, Service::IvsChat, decode},
    paging::{Page, list_output},
    pattern::Pattern,
    resource::{self, Resource},
    state::State,
    tags,
    validate::{Member, NAME, Rule, arn, optional, required, text},
};

pub(in crate::ivschat) const ARN: Rule = arn("ivschat", "room");
const LOGGING: Rule = arn("ivschat", "logging-configuration");
const LAMBDA: Rule = Rule::Text { min: 0, max: 170, pattern: Pattern::Lambda };
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
        run: resource::get::<Room>,
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
        run: resource::delete::<Room>,
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
    fn matches(&self, room: &Room) -> bool {
        let is_given = |filter: &&str| !filter.is_empty();
        self.message_review_handler_uri.as_deref().filter(is_given).is_none_or(|uri| room.is_reviewed_by(uri))
            && self.logging_configuration_identifier.as_ref().is_none_or(|wanted| room.is_logged_by(wanted))
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut room = Room::new(state, tags::of(input)?);
    room.set(decode(input)?);
    check_logging_configurations(state, &room)?;
    let output = resource::answer(&room);
    state.rooms.insert(room);
    output
}

fn list(state: &mut State, input: &Value) -> Outcome {
    let filters: Filters = decode(input)?;
    let page = Page::asked(state, Room::MANY, input, Room::PAGE)?;
    let rows: Box<dyn Iterator<Item = (u64, &Room)>> = match filters.name.as_deref() {
        None | Some("") => Box::new(state.rooms.newest_first(page.after)),
        Some(name) => Box::new(state.rooms.newest_first_with_key(name, page.after)),
    };
    let rows = rows.filter(|(_, room)| filters.matches(room));
    let (rooms, next) = page.fill(state, rows, Room::summary);
    list_output(Room::MANY, rooms, next)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let ByIdentifier { identifier } = decode(input)?;
    let mut room = state.room(&identifier)?.clone();
    room.set(decode(input)?);
    check_logging_configurations(state, &room)?;
    room.update_time = state.clock.now();
    let output = resource::answer(&room);
    state.rooms.replace_as_newest(room);
    output
}

fn check_logging_configurations(state: &State, room: &Room) -> Result<(), Failure> {
    let mut identifiers = room.logging_configuration_identifiers.iter();
    identifiers.try_for_each(|identifier| state.logging_configuration(identifier).map(|_| ()))
}
