//! Changes that no API call makes: timers that fire, idle rooms that expire, and resources that are removed
//! by hand.

use crate::{
    arn::Arn,
    ivs::{encoder, recording_configuration},
    ivschat::room,
    model::{channel::Channel, room::Room, stage::Stage, stream_key::StreamKey},
    resource::Resource,
    scheduler::Timer,
    state::State,
};

/// Fires all timers that are due, and deletes expired rooms.
///
/// This runs before each access to the state, so it must cost almost nothing when nothing is due.
pub(crate) fn run_due(state: &mut State) {
    let now = state.clock.now();
    while let Some((at, timer)) = state.scheduler.pop_due(now) {
        match timer {
            Timer::Reconnect(channel) => encoder::reconnect(state, &channel, at),
            Timer::Activate(arn) => recording_configuration::activate(state, &arn),
        }
    }
    room::delete_expired(state, now);
}

/// Removes the resource with this ARN, even if it is live or in use. Returns true if it existed.
pub(crate) fn remove(state: &mut State, arn: &str) -> bool {
    match Arn::parse(arn).map_or("", |arn| arn.kind) {
        "channel" => Channel::remove(state, arn),
        "stream-key" => StreamKey::remove(state, arn),
        "room" => Room::remove(state, arn),
        "stage" => Stage::remove(state, arn),
        _ => state.table(arn).is_some_and(|table| table.remove(arn)),
    }
}
