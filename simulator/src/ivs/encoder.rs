//! Simulated encoders, which connect to channels, disconnect, and reconnect after StopStream.

use jiff::Timestamp;

use super::stream_session;
use crate::{
    api_error::ApiError,
    model::{
        broadcasts::Encoder,
        stream::{Health, Stream},
        stream_session::StreamSession,
    },
    scheduler::Timer,
    state::State,
};

/// Connects an encoder with the channel's stream key. Does nothing if the channel is live.
pub(crate) fn connect(state: &mut State, arn: &str) -> Result<(), ApiError> {
    state.channel(arn)?;
    if state.broadcasts.streams.of(arn).is_none() {
        let key = state.stream_keys.with_key(arn).next().map(|key| key.arn.clone());
        state.broadcasts.encoders.insert(arn.to_owned(), Encoder { key, reconnect_at: None });
        go_live(state, arn, state.clock.now());
    }
    Ok(())
}

/// Disconnects the encoder for good.
pub(crate) fn disconnect(state: &mut State, arn: &str) -> Result<(), ApiError> {
    state.channel(arn)?;
    go_offline(state, arn, state.clock.now());
    state.broadcasts.encoders.remove(arn);
    Ok(())
}

/// Sets the viewer count and the health of a stream. Returns true if the channel is live.
pub(crate) fn update(state: &mut State, arn: &str, viewers: Option<u64>, health: Option<Health>) -> bool {
    let now = state.clock.now();
    let Some(stream) = state.broadcasts.streams.of_mut(arn) else { return false };
    stream.viewer_count = viewers.unwrap_or(stream.viewer_count);
    let before = stream.health;
    stream.health = health.unwrap_or(before);
    let starves = |health| health == Health::Starving;
    match (starves(before), starves(stream.health)) {
        (false, true) => stream_session::note_health(state, arn, now, "Starvation Start"),
        (true, false) => stream_session::note_health(state, arn, now, "Starvation End"),
        _ => {}
    }
    state.mark_changed();
    true
}

/// Stops the stream. The encoder reconnects later, unless its stream key has been deleted.
pub(super) fn stop(state: &mut State, arn: &str) {
    go_offline(state, arn, state.clock.now());
    let reconnect_at = state.clock.after(state.reconnect);
    match state.broadcasts.encoders.get_mut(arn) {
        Some(encoder) if encoder.key.is_some() => {
            encoder.reconnect_at = Some(reconnect_at);
            state.scheduler.schedule(reconnect_at, Timer::Reconnect(arn.to_owned()));
        }
        _ => {
            state.broadcasts.encoders.remove(arn);
        }
    }
}

/// Reconnects the encoder when its timer fires, unless it no longer waits for this timer.
pub(crate) fn reconnect(state: &mut State, arn: &str, due: Timestamp) {
    let Some(encoder) = state.broadcasts.encoders.get_mut(arn) else { return };
    // Compares milliseconds, which is the precision of a saved state.
    let is_due = encoder.reconnect_at.is_some_and(|at| at.as_millisecond() == due.as_millisecond());
    if is_due {
        encoder.reconnect_at = None;
        go_live(state, arn, due);
    }
}

/// Revokes the encoder's stream key: a connected encoder can no longer reconnect, and a disconnected one
/// stays away.
pub(super) fn revoke_key(state: &mut State, arn: &str) {
    let Some(encoder) = state.broadcasts.encoders.get_mut(arn) else { return };
    encoder.key = None;
    if encoder.reconnect_at.is_some() {
        state.broadcasts.encoders.remove(arn);
    }
}

/// Ends the stream of a channel that is being deleted, and removes its encoder and its sessions.
pub(super) fn remove_channel(state: &mut State, arn: &str) {
    go_offline(state, arn, state.clock.now());
    state.broadcasts.encoders.remove(arn);
    state.broadcasts.sessions.remove(arn);
}

fn go_live(state: &mut State, arn: &str, now: Timestamp) {
    let Some(channel) = state.channels.get(arn) else { return };
    let stream = Stream::new(arn, &channel.playback_url, now);
    let previous = state.broadcasts.last_session(arn);
    let recording = state.recording_configurations.get(&channel.recording_configuration_arn);
    let session = StreamSession::new(&state.account_region.account, channel, &stream, recording, previous);
    state.broadcasts.streams.insert(stream);
    state.mark_changed();
    stream_session::begin(state, arn, session);
}

fn go_offline(state: &mut State, arn: &str, now: Timestamp) {
    if state.broadcasts.streams.remove(arn) {
        stream_session::finish(state, arn, now);
        state.mark_changed();
    }
}
