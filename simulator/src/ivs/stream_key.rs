//! Stream keys: one for each channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{batch, channel, stream};
use crate::{
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::Ivs, decode},
    paging::{Page, list_output},
    resource::{self, Resource},
    state::{Row, State, Table},
    tags::{self, Tags},
    validate::{Rule, TOKEN, arn, optional, required},
};

const ARN: Rule = arn("ivs", "stream-key");

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateStreamKey",
        service: Ivs,
        success: 200,
        input: &[required("channelArn", channel::ARN), optional("tags", tags::STRICT)],
        run: create,
    },
    Operation {
        name: "GetStreamKey",
        service: Ivs,
        success: 200,
        input: &[required("arn", ARN)],
        run: resource::get::<StreamKey>,
    },
    Operation {
        name: "BatchGetStreamKey",
        service: Ivs,
        success: 200,
        input: &[required("arns", Rule::List { min: 1, max: 50, of: &ARN })],
        run: batch_get,
    },
    Operation {
        name: "ListStreamKeys",
        service: Ivs,
        success: 200,
        input: &[
            required("channelArn", channel::ARN),
            optional("nextToken", TOKEN),
            optional("maxResults", Rule::Integer { min: 1, max: 50 }),
        ],
        run: list,
    },
    Operation {
        name: "DeleteStreamKey",
        service: Ivs,
        success: 204,
        input: &[required("arn", ARN)],
        run: resource::delete::<StreamKey>,
    },
];

/// A stream key, as Get tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamKey {
    pub arn: String,
    value: String,
    channel_arn: String,
    tags: Tags,
}

/// A stream key, as List tells it: without its value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
    arn: &'a str,
    channel_arn: &'a str,
    tags: &'a Tags,
}

impl StreamKey {
    pub fn new(state: &State, channel_arn: &str, tags: Tags) -> Self {
        let value = format!("sk_{}_{}", state.account_region.region, ids::alphanumeric(24));
        let arn = state.account_region.arn("ivs", "stream-key", &ids::resource());
        Self { arn, value, channel_arn: channel_arn.to_owned(), tags }
    }
}

impl Row for StreamKey {
    fn arn(&self) -> &str {
        &self.arn
    }
    fn key(&self) -> &str {
        &self.channel_arn
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn tags_mut(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Resource for StreamKey {
    const ONE: Option<&'static str> = Some("streamKey");
    const MANY: &'static str = "streamKeys";
    /// The model's own default; a channel has only one key.
    const PAGE: usize = 1;

    type Summary<'a> = Summary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        Summary { arn: &self.arn, channel_arn: &self.channel_arn, tags: &self.tags }
    }
    fn table(state: &State) -> &Table<Self> {
        &state.stream_keys
    }
    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.stream_keys
    }
    fn remove(state: &mut State, arn: &str) -> bool {
        state.remove_stream_key(arn)
    }
}

impl State {
    /// Removes a stream key: an encoder that uses it goes on, but cannot come back.
    pub fn remove_stream_key(&mut self, arn: &str) -> bool {
        let Some(channel) = self.stream_keys.get(arn).map(|key| key.channel_arn.clone()) else {
            return false;
        };
        let removed = self.stream_keys.remove(arn);
        stream::revoke_key(self, &channel);
        removed
    }
}

#[derive(Deserialize)]
struct ByArns {
    arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfChannel {
    channel_arn: String,
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let limit = state.limits.stream_keys();
    if state.stream_keys.with_key(&channel_arn).count() >= limit {
        let message = format!("The limit of {limit} stream keys for channel {channel_arn} is reached");
        return Err(Failure::quota(message));
    }
    let key = StreamKey::new(state, &channel_arn, tags::of(input)?);
    let output = resource::answer(&key);
    state.stream_keys.insert(key);
    output
}

fn batch_get(state: &mut State, input: &Value) -> Outcome {
    let ByArns { arns } = decode(input)?;
    batch(StreamKey::MANY, &arns, |arn| state.stream_key(arn))
}

fn list(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let page = Page::asked(state, StreamKey::MANY, input, StreamKey::PAGE)?;
    let rows = state.stream_keys.oldest_first_with_key(&channel_arn, page.after);
    let (keys, next) = page.fill(state, rows, StreamKey::summary);
    list_output(StreamKey::MANY, keys, next)
}
