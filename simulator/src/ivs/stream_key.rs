//! The operations on stream keys.

use serde_json::Value;

use super::{OfChannel, encoder};
use crate::{
    api_error::ApiError,
    codec::{Outcome, decode},
    model::{
        channel,
        stream_key::{StreamKey, StreamKeySummary},
    },
    operation::Operation,
    paging::{Page, list_output},
    resource::{self, Resource},
    service::Service::Ivs,
    state::State,
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
        run: resource::batch_get::<StreamKey>,
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

impl Resource for StreamKey {
    const ONE: Option<&'static str> = Some("streamKey");
    const MANY: &'static str = "streamKeys";
    /// The default of the API model. A channel has only one key by default.
    const PAGE: usize = 1;

    type Summary<'a> = StreamKeySummary<'a>;

    fn summary(&self) -> Self::Summary<'_> {
        self.to_summary()
    }
    /// Removes a stream key. A connected encoder stays connected, but can no longer reconnect.
    fn remove(state: &mut State, arn: &str) -> bool {
        let Some(channel) = state.stream_keys.get(arn).map(|key| key.channel_arn.clone()) else {
            return false;
        };
        let removed = state.stream_keys.remove(arn);
        encoder::revoke_key(state, &channel);
        removed
    }
}

fn create(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let limit = state.limits.stream_keys();
    if state.stream_keys.with_key(&channel_arn).count() >= limit {
        let message = format!("The limit of {limit} stream keys for channel {channel_arn} has been reached");
        return Err(ApiError::quota(message));
    }
    let key = StreamKey::new(&state.account_region, &channel_arn, Tags::from_input(input)?);
    resource::insert(state, key)
}

fn list(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let page = Page::from_input(&state.tokens, StreamKey::MANY, input, StreamKey::PAGE)?;
    let rows = state.stream_keys.oldest_first_with_key(&channel_arn, page.after);
    let (keys, next) = page.fill(&state.tokens, rows, StreamKey::summary);
    list_output(StreamKey::MANY, keys, next)
}
