//! Encoders: how they connect to a channel, go away, and come back when they are cut off.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Health, Session, Stream, session};
use crate::{error::Failure, scheduler::Timer, state::State, timestamp};

/// An encoder at a channel, connected or about to come back.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encoder {
    /// The stream key that it uses; without one it was let in by the admin API, and cannot come back.
    key: Option<String>,
    /// When it comes back, if it was cut off.
    #[serde(with = "timestamp::option")]
    back_at: Option<Timestamp>,
}

/// An encoder connects with the channel's stream key. A channel that is live stays as it is.
pub(crate) fn start(state: &mut State, arn: &str) -> Result<(), Failure> {
    state.channel(arn)?;
    if state.broadcasts.streams.of(arn).is_none() {
        let key = state.stream_keys.with_key(arn).next().map(|key| key.arn.clone());
        state.broadcasts.encoders.insert(arn.to_owned(), Encoder { key, back_at: None });
        go_live(state, arn, state.clock.now());
    }
    Ok(())
}

/// The encoder goes away by itself.
pub(crate) fn end(state: &mut State, arn: &str) -> Result<(), Failure> {
    state.channel(arn)?;
    go_offline(state, arn, state.clock.now());
    state.broadcasts.encoders.remove(arn);
    Ok(())
}

/// Sets what is seen of a stream. Says whether the channel is live.
pub(crate) fn set(state: &mut State, arn: &str, viewers: Option<u64>, health: Option<Health>) -> bool {
    let now = state.clock.now();
    let Some(stream) = state.broadcasts.streams.of_mut(arn) else { return false };
    stream.viewer_count = viewers.unwrap_or(stream.viewer_count);
    let before = stream.health;
    stream.health = health.unwrap_or(before);
    let starves = |health| health == Health::Starving;
    match (starves(before), starves(stream.health)) {
        (false, true) => session::note_health(state, arn, now, "Starvation Start"),
        (true, false) => session::note_health(state, arn, now, "Starvation End"),
        _ => {}
    }
    state.changed();
    true
}

/// The stream is stopped. Encoders reconnect by themselves; only one whose stream key is gone stays away.
pub(super) fn disconnect(state: &mut State, arn: &str) {
    go_offline(state, arn, state.clock.now());
    let back_at = state.clock.after(state.reconnect);
    match state.broadcasts.encoders.get_mut(arn) {
        Some(encoder) if encoder.key.is_some() => {
            encoder.back_at = Some(back_at);
            state.scheduler.add(back_at, Timer::Reconnect(arn.to_owned()));
        }
        _ => {
            state.broadcasts.encoders.remove(arn);
        }
    }
}

/// The time has come for an encoder that was cut off, if it is still minded to come back.
pub(crate) fn reconnect(state: &mut State, arn: &str, due: Timestamp) {
    let Some(encoder) = state.broadcasts.encoders.get_mut(arn) else { return };
    // To the millisecond, as a state that was saved and loaded has it.
    let is_due = encoder.back_at.is_some_and(|at| at.as_millisecond() == due.as_millisecond());
    if is_due {
        encoder.back_at = None;
        go_live(state, arn, due);
    }
}

/// The stream key is gone: an encoder that was cut off stays away, one that is connected cannot come back.
pub(in crate::ivs) fn revoke_key(state: &mut State, arn: &str) {
    let Some(encoder) = state.broadcasts.encoders.get_mut(arn) else { return };
    encoder.key = None;
    if encoder.back_at.is_some() {
        state.broadcasts.encoders.remove(arn);
    }
}

/// The channel is about to go, with all that is on it.
pub(crate) fn remove_channel(state: &mut State, arn: &str) {
    go_offline(state, arn, state.clock.now());
    state.broadcasts.encoders.remove(arn);
    state.broadcasts.sessions.remove(arn);
}

fn go_live(state: &mut State, arn: &str, now: Timestamp) {
    let Some(channel) = state.channels.get(arn) else { return };
    let stream = Stream::new(arn, &channel.playback_url, now);
    let session = Session::new(state, channel, &stream);
    state.broadcasts.streams.insert(stream);
    state.changed();
    session::begin(state, arn, session);
}

fn go_offline(state: &mut State, arn: &str, now: Timestamp) {
    if state.broadcasts.streams.remove(arn) {
        session::finish(state, arn, now);
        state.changed();
    }
}
