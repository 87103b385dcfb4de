//! Rooms that nobody uses, and how they disappear.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Room;
use crate::{state::State, timestamp};

/// 24 months.
const IDLE: SignedDuration = SignedDuration::from_hours(730 * 24);

/// When rooms were used last, of those that have been. Not in the room itself: Get does not tell it, and it leaves
/// `updateTime` and the order of the list as they are.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct RoomActivity(HashMap<String, Use>);

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(transparent)]
struct Use(#[serde(with = "timestamp")] Timestamp);

impl RoomActivity {
    /// Notes that somebody has to do with a room.
    pub fn note(&mut self, arn: &str, now: Timestamp) {
        self.0.insert(arn.to_owned(), Use(now));
    }

    fn last(&self, room: &Room) -> Timestamp {
        self.0.get(&room.arn).map_or(room.update_time, |last| last.0.max(room.update_time))
    }
}

impl State {
    /// Removes a room. Says whether there was one.
    pub fn remove_room(&mut self, arn: &str) -> bool {
        self.room_activity.0.remove(arn);
        self.rooms.remove(arn)
    }
}

/// Rooms that saw nothing for 24 months disappear. They are in the order of their last update, so that mostly one look
/// is enough.
pub(crate) fn delete_idle(state: &mut State, now: Timestamp) {
    let is_idle = |since: Timestamp| since.duration_until(now) >= IDLE;
    let rooms = state.rooms.oldest_first(None).map(|(_, room)| room);
    let old = rooms.take_while(|room| is_idle(room.update_time));
    let idle = old.filter(|room| is_idle(state.room_activity.last(room))).map(|room| room.arn.clone());
    for arn in idle.collect::<Vec<_>>() {
        state.remove_room(&arn);
    }
}
