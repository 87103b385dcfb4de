//! Participant tokens. They are returned once and not stored.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::OfStage;
use crate::{
    api_error::ApiError,
    clock::{Clock, iso8601},
    codec::{Outcome, decode, encode},
    ids,
    model::stage,
    operation::Operation,
    service::Service::IvsRealtime,
    state::State,
    validate::{Member, Rule, optional, required, text},
};

/// The maximum size of all attributes of a token, keys and values together, in bytes.
const MAX_ATTRIBUTE_BYTES: usize = 1024;
const ANY: Rule = text(MAX_ATTRIBUTE_BYTES);

/// The input members of a token's configuration, preceded by those of an operation.
macro_rules! configuration {
    ($($own:expr),*) => {
        &[
            $($own,)*
            optional("duration", Rule::Integer { min: 1, max: 20_160 }),
            optional("userId", text(128)),
            optional("attributes", Rule::Map { max: MAX_ATTRIBUTE_BYTES, key: &ANY, value: &ANY }),
            optional("capabilities", Rule::List { min: 0, max: 2, of: &Rule::Choice(&["PUBLISH", "SUBSCRIBE"]) }),
        ]
    };
}

pub(super) const CONFIGURATION: &[Member] = configuration![];

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "CreateParticipantToken",
    service: IvsRealtime,
    success: 200,
    input: configuration![required("stageArn", stage::ARN)],
    run: create,
}];

/// The configuration of a token in the input.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Configuration {
    duration: Option<u32>,
    user_id: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
    capabilities: Option<Vec<String>>,
}

/// A token, as in the output of a create operation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    participant_id: String,
    #[serde(rename = "token")]
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    attributes: BTreeMap<String, String>,
    duration: u32,
    capabilities: Vec<String>,
    expiration_time: String,
}

impl Token {
    pub fn new(clock: &Clock, configuration: Configuration) -> Result<Self, ApiError> {
        /// The default duration: twelve hours.
        const DEFAULT_MINUTES: u32 = 720;
        let attributes = configuration.attributes.unwrap_or_default();
        if attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ATTRIBUTE_BYTES
        {
            return Err(ApiError::member(
                "attributes",
                format!("must have at most {MAX_ATTRIBUTE_BYTES} bytes in all"),
            ));
        }
        let both = || vec!["PUBLISH".to_owned(), "SUBSCRIBE".to_owned()];
        let duration = configuration.duration.unwrap_or(DEFAULT_MINUTES);
        Ok(Self {
            participant_id: ids::alphanumeric(12),
            value: ids::alphanumeric(200),
            user_id: configuration.user_id,
            attributes,
            duration,
            capabilities: configuration.capabilities.unwrap_or_else(both),
            expiration_time: iso8601(clock.after(Duration::from_secs(u64::from(duration) * 60))),
        })
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let OfStage { stage_arn } = decode(input)?;
    state.stage(&stage_arn)?;
    encode(json!({"participantToken": Token::new(&state.clock, decode(input)?)?}))
}
