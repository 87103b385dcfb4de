//! Streams: what an encoder sends to a channel.

mod encoder;
mod live;
mod session;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use self::encoder::revoke_key;
pub(crate) use self::{
    encoder::{Encoder, end, reconnect, remove_channel, set, start},
    live::Broadcasts,
    session::Session,
};
use super::channel;
use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::Ivs, decode, encode},
    paging::{Page, list_output},
    pattern::Pattern,
    state::State,
    timestamp,
    validate::{Member, Rule, TOKEN, optional, required},
};

const CHANNEL: Member = required("channelArn", channel::ARN);
const STREAM: Rule = Rule::Text { min: 26, max: 26, pattern: Pattern::Session };
const HEALTH: Rule = Rule::Choice(&["HEALTHY", "STARVING", "UNKNOWN"]);
const PAGE: Rule = Rule::Integer { min: 1, max: 100 };
/// How much metadata one call can put into a stream, in bytes.
const METADATA: usize = 1024;

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
        input: &[CHANNEL, required("metadata", Rule::Text { min: 1, max: METADATA, pattern: Pattern::Any })],
        run: put_metadata,
    },
    Operation {
        name: "ListStreamSessions",
        service: Ivs,
        success: 200,
        input: &[CHANNEL, optional("nextToken", TOKEN), optional("maxResults", PAGE)],
        run: session::list,
    },
    Operation {
        name: "GetStreamSession",
        service: Ivs,
        success: 200,
        input: &[CHANNEL, optional("streamId", STREAM)],
        run: session::get,
    },
];

/// How well the video comes in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Health {
    Healthy,
    Starving,
    Unknown,
}

/// What the API can say of a stream that it tells at all.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Broadcasting {
    Live,
}

/// A stream, as Get tells it. There is one for each channel that is live.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stream {
    channel_arn: String,
    #[serde(rename = "streamId")]
    id: String,
    playback_url: String,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    state: Broadcasting,
    health: Health,
    viewer_count: u64,
}

/// A stream, as List tells it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    channel_arn: &'a str,
    stream_id: &'a str,
    state: Broadcasting,
    health: Health,
    viewer_count: u64,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
}

impl Stream {
    fn new(channel_arn: &str, playback_url: &str, start_time: Timestamp) -> Self {
        Self {
            channel_arn: channel_arn.to_owned(),
            id: format!("st-{}", ids::alphanumeric(23)),
            playback_url: playback_url.to_owned(),
            start_time,
            state: Broadcasting::Live,
            health: Health::Healthy,
            viewer_count: 0,
        }
    }

    fn summary(&self) -> Summary<'_> {
        Summary {
            channel_arn: &self.channel_arn,
            stream_id: &self.id,
            state: self.state,
            health: self.health,
            viewer_count: self.viewer_count,
            start_time: self.start_time,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfChannel {
    channel_arn: String,
}

fn get(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let stream = state.broadcasts.streams.of(&channel_arn).ok_or_else(Failure::not_broadcasting)?;
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
    const DEFAULT: usize = 100;
    let Filters { filter_by } = decode(input)?;
    let wanted = filter_by.and_then(|filter| filter.health);
    let page = Page::asked(state, "ListStreams", input, DEFAULT)?;
    let streams = state.broadcasts.streams.after(page.after);
    let streams = streams.filter(|(_, stream)| wanted.is_none_or(|wanted| stream.health == wanted));
    let (streams, next) = page.fill(state, streams, Stream::summary);
    list_output("streams", streams, next)
}

fn stop(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    if state.broadcasts.streams.of(&channel_arn).is_none() {
        return Err(Failure::not_broadcasting());
    }
    encoder::disconnect(state, &channel_arn);
    encode(json!({}))
}

/// Viewers would see it; here nothing watches.
fn put_metadata(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    struct Metadata {
        metadata: String,
    }
    let (OfChannel { channel_arn }, Metadata { metadata }) = (decode(input)?, decode(input)?);
    if metadata.len() > METADATA {
        return Err(Failure::member("metadata", format!("must have at most {METADATA} bytes")));
    }
    state.channel(&channel_arn)?;
    state.broadcasts.streams.of(&channel_arn).ok_or_else(Failure::not_broadcasting)?;
    encode(json!({}))
}
