//! Streams: what an encoder sends to a channel, and how it comes back when it is cut off.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::channel;
use crate::{
    clock::iso8601,
    error::Failure,
    ids,
    operation::{Operation, Outcome, Service::Ivs, typed},
    state::State,
    validate::required,
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetStream",
        service: Ivs,
        success: 200,
        input: &[required("channelArn", channel::ARN)],
        run: get,
    },
    Operation {
        name: "StopStream",
        service: Ivs,
        success: 200,
        input: &[required("channelArn", channel::ARN)],
        run: stop,
    },
];

/// An encoder at a channel.
#[derive(Clone)]
pub(crate) struct Broadcast {
    /// The stream key that it uses; without one it was let in by the admin API, and cannot come back.
    key: Option<String>,
    /// What it sends, while it is connected.
    pub stream: Option<Stream>,
    /// When it comes back, if it was cut off.
    resume_at: Option<Timestamp>,
}

/// A stream, as Get tells it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stream {
    channel_arn: String,
    #[serde(rename = "streamId")]
    id: String,
    playback_url: String,
    #[serde(serialize_with = "as_iso8601")]
    start_time: Timestamp,
    state: &'static str,
    health: &'static str,
    viewer_count: u64,
}

fn as_iso8601<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso8601(*time))
}

impl Stream {
    fn new(channel_arn: &str, playback_url: &str, start_time: Timestamp) -> Self {
        Self {
            channel_arn: channel_arn.to_owned(),
            id: format!("st-{}", ids::alphanumeric(23)),
            playback_url: playback_url.to_owned(),
            start_time,
            state: "LIVE",
            health: "HEALTHY",
            viewer_count: 0,
        }
    }
}

/// An encoder connects with the channel's stream key. A channel that is live stays as it is.
pub(crate) fn start(state: &mut State, arn: &str) -> Result<(), Failure> {
    settle(state, arn);
    let now = state.clock.now();
    let key = state.stream_keys.with_key(arn).next().map(|key| key.arn.clone());
    state.channel(arn)?;
    if let Some(channel) = state.channels.get_mut(arn).filter(|channel| !channel.is_live()) {
        let stream = Some(Stream::new(arn, &channel.playback_url, now));
        channel.broadcast = Some(Box::new(Broadcast { key, stream, resume_at: None }));
    }
    Ok(())
}

/// The encoder goes away by itself.
pub(crate) fn end(state: &mut State, arn: &str) -> Result<(), Failure> {
    state.channel(arn)?;
    if let Some(channel) = state.channels.get_mut(arn) {
        channel.broadcast = None;
    }
    Ok(())
}

/// Lets what is due by now have happened: an encoder that was cut off has come back.
pub(crate) fn settle(state: &mut State, arn: &str) {
    let now = state.clock.now();
    let Some(channel) = state.channels.get_mut(arn) else { return };
    let Some(broadcast) = &mut channel.broadcast else { return };
    if let Some(due) = broadcast.resume_at.take_if(|due| *due <= now) {
        broadcast.stream = Some(Stream::new(arn, &channel.playback_url, due));
    }
}

/// The same for all channels.
pub(crate) fn settle_all(state: &mut State) {
    let waiting = state.channels.iter().filter(|channel| channel.broadcast.is_some());
    let arns: Vec<_> = waiting.map(|channel| channel.arn.clone()).collect();
    for arn in arns {
        settle(state, &arn);
    }
}

/// The stream key is gone: an encoder that was cut off stays away, one that is connected cannot come back.
pub(super) fn forget_reconnect(state: &mut State, channel: &str) {
    let Some(channel) = state.channels.get_mut(channel) else { return };
    let Some(broadcast) = &mut channel.broadcast else { return };
    broadcast.key = None;
    broadcast.resume_at = None;
    if broadcast.stream.is_none() {
        channel.broadcast = None;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfChannel {
    channel_arn: String,
}

fn get(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = typed(input)?;
    settle(state, &channel_arn);
    let stream = state.channel(&channel_arn)?.stream().ok_or_else(Failure::not_broadcasting)?;
    Ok(json!({ "stream": stream }))
}

fn stop(state: &mut State, input: &Value) -> Outcome {
    let OfChannel { channel_arn } = typed(input)?;
    settle(state, &channel_arn);
    if !state.channel(&channel_arn)?.is_live() {
        return Err(Failure::not_broadcasting());
    }
    let comes_back = state.clock.after(state.reconnect);
    if let Some(channel) = state.channels.get_mut(&channel_arn) {
        // Encoders reconnect by themselves; only one whose stream key is gone stays away.
        channel.broadcast = channel.broadcast.take().filter(|broadcast| broadcast.key.is_some());
        if let Some(broadcast) = &mut channel.broadcast {
            broadcast.stream = None;
            broadcast.resume_at = Some(comes_back);
        }
    }
    Ok(json!({}))
}
