//! What goes on in a room: tokens to enter it, and what is sent to all in it. Nobody is in it here.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::room;
use crate::{
    clock::iso8601,
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::IvsChat, decode, encode},
    pattern::{self, Pattern},
    state::State,
    validate::{Member, Rule, optional, required, text},
};

const ROOM: Member = required("roomIdentifier", room::ARN);
const USER: Member = required("userId", Rule::Text { min: 1, max: 128, pattern: Pattern::Any });
const REASON: Member = optional("reason", Rule::Text { min: 1, max: 256, pattern: Pattern::Any });
/// How long attributes can be, keys and values together.
const ATTRIBUTES_SIZE: usize = 1024;
const ATTRIBUTE: Rule = text(ATTRIBUTES_SIZE);
const ATTRIBUTES: Member =
    optional("attributes", Rule::Map { max: ATTRIBUTES_SIZE, key: &ATTRIBUTE, value: &ATTRIBUTE });
const CAPABILITY: Rule = Rule::Choice(&["SEND_MESSAGE", "DISCONNECT_USER", "DELETE_MESSAGE"]);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateChatToken",
        service: IvsChat,
        success: 200,
        input: &[
            ROOM,
            USER,
            // The model tells no size of the list.
            optional("capabilities", Rule::List { min: 0, max: usize::MAX, of: &CAPABILITY }),
            optional("sessionDurationInMinutes", Rule::Integer { min: 1, max: 180 }),
            ATTRIBUTES,
        ],
        run: create_token,
    },
    Operation {
        name: "DisconnectUser",
        service: IvsChat,
        success: 200,
        input: &[ROOM, USER, REASON],
        run: disconnect_user,
    },
    Operation {
        name: "SendEvent",
        service: IvsChat,
        success: 200,
        input: &[
            ROOM,
            required("eventName", Rule::Text { min: 1, max: 100, pattern: Pattern::Any }),
            ATTRIBUTES,
        ],
        run: send_event,
    },
    Operation {
        name: "DeleteMessage",
        service: IvsChat,
        success: 200,
        input: &[ROOM, required("id", Rule::Text { min: 12, max: 12, pattern: pattern::ID }), REASON],
        run: delete_message,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    room_identifier: String,
    session_duration_in_minutes: Option<u32>,
    attributes: Option<BTreeMap<String, String>>,
}

/// The input of any of the four, to a room that exists, which is used by it.
fn to_room(state: &mut State, input: &Value) -> Result<Input, Failure> {
    let input: Input = decode(input)?;
    state.room(&input.room_identifier)?;
    let attributes = input.attributes.iter().flatten();
    if attributes.map(|(key, value)| key.len() + value.len()).sum::<usize>() > ATTRIBUTES_SIZE {
        let message = format!("must have at most {ATTRIBUTES_SIZE} bytes in all");
        return Err(Failure::member("attributes", message));
    }
    state.room_activity.note(&input.room_identifier, state.clock.now());
    Ok(input)
}

fn create_token(state: &mut State, input: &Value) -> Outcome {
    /// In minutes.
    const DEFAULT: u32 = 60;
    /// How long a token is good to enter a room with.
    const GOOD: Duration = Duration::from_mins(1);
    let input = to_room(state, input)?;
    let minutes = input.session_duration_in_minutes.unwrap_or(DEFAULT);
    encode(json!({
        "token": format!("{}#1{}", ids::alphanumeric(160), ids::alphanumeric(160)),
        "tokenExpirationTime": iso8601(state.clock.after(GOOD)),
        "sessionExpirationTime": iso8601(state.clock.after(Duration::from_mins(u64::from(minutes)))),
    }))
}

fn disconnect_user(state: &mut State, input: &Value) -> Outcome {
    to_room(state, input)?;
    encode(json!({}))
}

fn send_event(state: &mut State, input: &Value) -> Outcome {
    to_room(state, input)?;
    encode(json!({"id": ids::resource()}))
}

/// The id is one of the event that tells clients to delete the message, not that of the message.
fn delete_message(state: &mut State, input: &Value) -> Outcome {
    to_room(state, input)?;
    encode(json!({"id": ids::resource()}))
}
