//! The operations on chat rooms, and the expiry of idle rooms.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api_error::ApiError,
    codec::{Outcome, decode},
    model::{
        room::{ARN, Room, RoomSummary},
        room_activity::is_expired,
    },
    operation::Operation,
    paging::{Page, list_output},
    pattern::Pattern,
    resource::{self, Resource},
    service::Service::IvsChat,
    state::State,
    tags::{self, Tags},
    validate::{Member, NAME, Rule, arn, optional, required, text},
};

const LOGGING: Rule = arn("ivschat", "logging-configuration");
const LAMBDA: Rule = Rule::Text { min: 0, max: 170, pattern: Pattern::Lambda };
const HANDLER: &[Member] =
    &[optional("uri", LAMBDA), optional("fallbackResult", Rule::Choice(&["ALLOW", "DENY"]))];

/// The input members that Create and Update share, followed by those of only one of them.
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

impl Resource for Room {
    const ID: &'static str = "identifier";
    const ONE: Option<&'static str> = None;
    const MANY: &'static str = "rooms";
    const PAGE: usize = 50;

    type Summary<'a> = RoomSummary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        self.to_summary()
    }

    fn remove(state: &mut State, arn: &str) -> bool {
        state.room_activity.remove(arn);
        state.rooms.remove(arn)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filters {
    name: Option<String>,
    message_review_handler_uri: Option<String>,
    logging_configuration_identifier: Option<String>,
}

impl Filters {
    /// Returns true if the room matches all filters except the name, for which there is an index.
    fn matches(&self, room: &Room) -> bool {
        let is_given = |filter: &&str| !filter.is_empty();
        self.message_review_handler_uri.as_deref().filter(is_given).is_none_or(|uri| room.is_reviewed_by(uri))
            && self
                .logging_configuration_identifier
                .as_ref()
                .is_none_or(|wanted| room.uses_logging_configuration(wanted))
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let mut room = Room::new(&state.account_region, state.clock.now(), Tags::from_input(input)?);
    room.set(decode(input)?);
    check_logging_configurations(state, &room)?;
    resource::insert(state, room)
}

fn list(state: &mut State, input: &Value) -> Outcome {
    let filters: Filters = decode(input)?;
    let page = Page::from_input(&state.tokens, Room::MANY, input, Room::PAGE)?;
    let rows: Box<dyn Iterator<Item = (u64, &Room)>> = match filters.name.as_deref() {
        None | Some("") => Box::new(state.rooms.newest_first(page.after)),
        Some(name) => Box::new(state.rooms.newest_first_with_key(name, page.after)),
    };
    let rows = rows.filter(|(_, room)| filters.matches(room));
    let (rooms, next) = page.fill(&state.tokens, rows, Room::summary);
    list_output(Room::MANY, rooms, next)
}

fn update(state: &mut State, input: &Value) -> Outcome {
    let mut room = state.find::<Room>(resource::id::<Room>(input)?)?.clone();
    room.set(decode(input)?);
    check_logging_configurations(state, &room)?;
    room.update_time = state.clock.now();
    let output = resource::encode_one(&room);
    state.rooms.replace_as_newest(room);
    output
}

fn check_logging_configurations(state: &State, room: &Room) -> Result<(), ApiError> {
    let mut identifiers = room.logging_configuration_identifiers.iter();
    identifiers.try_for_each(|identifier| state.logging_configuration(identifier).map(|_| ()))
}

/// Deletes the rooms in which nothing has happened for 24 months.
pub(crate) fn delete_expired(state: &mut State, now: Timestamp) {
    // Rooms are in the order of their last update, so that this usually checks only one room.
    let rooms = state.rooms.oldest_first(None).map(|(_, room)| room);
    let old = rooms.take_while(|room| is_expired(room.update_time, now));
    let expired = old.filter(|room| state.room_activity.has_expired(room, now)).map(|room| room.arn.clone());
    for arn in expired.collect::<Vec<_>>() {
        Room::remove(state, &arn);
    }
}
