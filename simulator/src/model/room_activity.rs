//! The last activity in chat rooms, which determines when an idle room expires.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::room::Room;
use crate::timestamp;

/// The time after which an idle room expires: 24 months.
const IDLE_LIFETIME: SignedDuration = SignedDuration::from_hours(730 * 24);

/// The time of the last activity in each room that had any.
///
/// It is not part of the room, because it appears in no output and changes neither `updateTime` nor the order
/// of a list.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct RoomActivity(HashMap<String, LastActivity>);

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(transparent)]
struct LastActivity(#[serde(with = "timestamp")] Timestamp);

impl RoomActivity {
    /// Records activity in a room.
    pub fn record(&mut self, arn: &str, now: Timestamp) {
        self.0.insert(arn.to_owned(), LastActivity(now));
    }

    pub fn remove(&mut self, arn: &str) {
        self.0.remove(arn);
    }

    /// Returns true if the room has expired, because nothing has happened in it for 24 months.
    pub fn has_expired(&self, room: &Room, now: Timestamp) -> bool {
        let last = self.0.get(&room.arn).map_or(room.update_time, |last| last.0.max(room.update_time));
        is_expired(last, now)
    }
}

/// Returns true if the time is at least 24 months in the past.
pub(crate) fn is_expired(last: Timestamp, now: Timestamp) -> bool {
    last.duration_until(now) >= IDLE_LIFETIME
}
