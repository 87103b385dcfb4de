//! The operations on the users and messages of a chat room. Nobody is ever connected to a simulated room.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api_error::ApiError,
    clock::iso8601,
    codec::{Outcome, decode, encode},
    ids,
    model::room,
    operation::Operation,
    pattern::{self, Pattern},
    service::Service::IvsChat,
    state::State,
    validate::{Member, Rule, optional, required, text},
};

const ROOM: Member = required("roomIdentifier", room::ARN);
const USER: Member = required("userId", Rule::Text { min: 1, max: 128, pattern: Pattern::Any });
const REASON: Member = optional("reason", Rule::Text { min: 1, max: 256, pattern: Pattern::Any });
/// The maximum size of all attributes, keys and values together, in bytes.
const MAX_ATTRIBUTE_BYTES: usize = 1024;
const ATTRIBUTE: Rule = text(MAX_ATTRIBUTE_BYTES);
const ATTRIBUTES: Member =
    optional("attributes", Rule::Map { max: MAX_ATTRIBUTE_BYTES, key: &ATTRIBUTE, value: &ATTRIBUTE });
const CAPABILITY: Rule = Rule::Choice(&["SEND_MESSAGE", "DISCONNECT_USER", "DELETE_MESSAGE"]);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateChatToken",
        service: IvsChat,
        success: 200,
        input: &[
            ROOM,
            USER,
            // The API model has no size limit for this list.
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

/// Decodes the input of any operation in this module, checks that the room exists, and records activity in
/// it.
fn use_room(state: &mut State, input: &Value) -> Result<Input, ApiError> {
    let input: Input = decode(input)?;
    state.room(&input.room_identifier)?;
    let attributes = input.attributes.iter().flatten();
    if attributes.map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ATTRIBUTE_BYTES {
        let message = format!("must have at most {MAX_ATTRIBUTE_BYTES} bytes in all");
        return Err(ApiError::member("attributes", message));
    }
    state.room_activity.record(&input.room_identifier, state.clock.now());
    Ok(input)
}

fn create_token(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT_SESSION_MINUTES: u32 = 60;
    /// The time for which a token can be used to connect.
    const TOKEN_VALIDITY: Duration = Duration::from_mins(1);
    let input = use_room(state, input)?;
    let minutes = input.session_duration_in_minutes.unwrap_or(DEFAULT_SESSION_MINUTES);
    encode(json!({
        "token": format!("{}#1{}", ids::alphanumeric(160), ids::alphanumeric(160)),
        "tokenExpirationTime": iso8601(state.clock.after(TOKEN_VALIDITY)),
        "sessionExpirationTime": iso8601(state.clock.after(Duration::from_mins(u64::from(minutes)))),
    }))
}

fn disconnect_user(state: &mut State, input: &Value) -> Outcome {
    use_room(state, input)?;
    encode(json!({}))
}

fn send_event(state: &mut State, input: &Value) -> Outcome {
    use_room(state, input)?;
    encode(json!({"id": ids::resource()}))
}

/// Returns the ID of the event that tells clients to delete the message, not the ID of the message.
fn delete_message(state: &mut State, input: &Value) -> Outcome {
    use_room(state, input)?;
    encode(json!({"id": ids::resource()}))
}
