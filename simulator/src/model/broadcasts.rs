//! The broadcasts of all channels: live streams, encoders, and stream sessions.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{stream::Stream, stream_session::StreamSession};
use crate::timestamp;

/// The live streams, in the order in which they started.
#[derive(Default, Deserialize)]
#[serde(from = "Vec<Stream>")]
pub(crate) struct Streams {
    next: u64,
    by_channel: HashMap<String, u64>,
    rows: BTreeMap<u64, Stream>,
}

impl Streams {
    pub fn of(&self, channel: &str) -> Option<&Stream> {
        self.rows.get(self.by_channel.get(channel)?)
    }

    pub fn of_mut(&mut self, channel: &str) -> Option<&mut Stream> {
        self.rows.get_mut(self.by_channel.get(channel)?)
    }

    /// Returns the streams after a position.
    pub fn after(&self, position: Option<u64>) -> impl Iterator<Item = (u64, &Stream)> {
        let from = position.map_or(0, |position| position.saturating_add(1));
        self.rows.range(from..).map(|(position, stream)| (*position, stream))
    }

    pub fn insert(&mut self, stream: Stream) {
        self.by_channel.insert(stream.channel_arn.clone(), self.next);
        self.rows.insert(self.next, stream);
        self.next += 1;
    }

    /// Removes the stream of a channel. Returns true if the channel was live.
    pub fn remove(&mut self, channel: &str) -> bool {
        let position = self.by_channel.remove(channel);
        position.is_some_and(|position| self.rows.remove(&position).is_some())
    }
}

impl From<Vec<Stream>> for Streams {
    fn from(streams: Vec<Stream>) -> Self {
        let mut all = Self::default();
        for stream in streams {
            all.insert(stream);
        }
        all
    }
}

impl Serialize for Streams {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.values())
    }
}

/// The encoder of a channel, connected or waiting to reconnect.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encoder {
    /// The ARN of the stream key that it uses. Without one, it cannot reconnect.
    pub key: Option<String>,
    /// The time at which it reconnects, if it is disconnected.
    #[serde(rename = "backAt", with = "timestamp::option")]
    pub reconnect_at: Option<Timestamp>,
}

/// The live streams, encoders and stream sessions, each by the ARN of its channel.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Broadcasts {
    pub streams: Streams,
    pub encoders: HashMap<String, Encoder>,
    /// The sessions, oldest first.
    pub sessions: HashMap<String, VecDeque<StreamSession>>,
}

impl Broadcasts {
    pub fn last_session(&self, channel: &str) -> Option<&StreamSession> {
        self.sessions.get(channel)?.back()
    }

    pub fn last_session_mut(&mut self, channel: &str) -> Option<&mut StreamSession> {
        self.sessions.get_mut(channel)?.back_mut()
    }
}
