//! The operations on streams.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{OfChannel, encoder};
use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    model::{
        channel,
        stream::{Health, Stream},
    },
    operation::Operation,
    paging::{Page, list_output},
    pattern::Pattern,
    service::Service::Ivs,
    state::State,
    validate::{Member, Rule, TOKEN, optional, required},
};

const CHANNEL: Member = required("channelArn", channel::ARN);
const HEALTH: Rule = Rule::Choice(&["HEALTHY", "STARVING", "UNKNOWN"]);
const PAGE: Rule = Rule::Integer { min: 1, max: 100 };
/// The maximum size of the metadata of one call, in bytes.
const MAX_METADATA_BYTES: usize = 1024;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation { name: "GetStream", service: Ivs, success: 200, input: &[CHANNEL], run: get },
    Operation {
        name: "ListStreams",
        service: Ivs,
        success: 200,
        input: &[
            optional("filterBy", Rule::Object(&[optional("health", HEALTH)])),
            optional("nextToken", TOKEN),
            optional("maxResults", PAGE),
        ],
        run: list,
    },
    Operation { name: "StopStream", service: Ivs, success: 200, input: &[CHANNEL], run: stop },
    Operation {
        name: "PutMetadata",
        service: Ivs,
        success: 204,
        input: &[
            CHANNEL,
            required("metadata", Rule::Text { min: 1, max: MAX_METADATA_BYTES, pattern: Pattern::Any }),
        ],
        run: put_metadata,
    },
];

fn get(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let stream = state.broadcasts.streams.of(&channel_arn).ok_or_else(ApiError::not_broadcasting)?;
    encode(json!({ "stream": stream }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filters {
    filter_by: Option<Filter>,
}

#[derive(Deserialize)]
struct Filter {
    health: Option<Health>,
}

fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT_PAGE_SIZE: usize = 100;
    let Filters { filter_by } = decode(input)?;
    let wanted = filter_by.and_then(|filter| filter.health);
    let page = Page::from_input(&state.tokens, "ListStreams", input, DEFAULT_PAGE_SIZE)?;
    let streams = state.broadcasts.streams.after(page.after);
    let streams = streams.filter(|(_, stream)| wanted.is_none_or(|wanted| stream.health == wanted));
    let (streams, next) = page.fill(&state.tokens, streams, Stream::to_summary);
    list_output("streams", streams, next)
}

fn stop(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    if state.broadcasts.streams.of(&channel_arn).is_none() {
        return Err(ApiError::not_broadcasting());
    }
    encoder::stop(state, &channel_arn);
    encode(json!({}))
}

/// Accepts metadata and drops it, because there are no viewers.
fn put_metadata(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    struct Metadata {
        metadata: String,
    }
    let (OfChannel { channel_arn }, Metadata { metadata }) = (decode(input)?, decode(input)?);
    if metadata.len() > MAX_METADATA_BYTES {
        return Err(ApiError::member("metadata", format!("must have at most {MAX_METADATA_BYTES} bytes")));
    }
    state.channel(&channel_arn)?;
    state.broadcasts.streams.of(&channel_arn).ok_or_else(ApiError::not_broadcasting)?;
    encode(json!({}))
}
