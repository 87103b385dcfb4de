//! What is on the air, and what was: all that channels have besides their settings.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize, Serializer};

use super::{Encoder, Session, Stream};

/// The streams of all channels that are live, in the order of their start.
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

    /// Those after a position in the order.
    pub fn after(&self, position: Option<u64>) -> impl Iterator<Item = (u64, &Stream)> {
        let from = position.map_or(0, |position| position.saturating_add(1));
        self.rows.range(from..).map(|(position, stream)| (*position, stream))
    }

    pub(super) fn insert(&mut self, stream: Stream) {
        self.by_channel.insert(stream.channel_arn.clone(), self.next);
        self.rows.insert(self.next, stream);
        self.next += 1;
    }

    /// Says whether there was one.
    pub(super) fn remove(&mut self, channel: &str) -> bool {
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

/// The streams with their encoders and sessions, each by the ARN of its channel.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Broadcasts {
    pub streams: Streams,
    pub encoders: HashMap<String, Encoder>,
    /// The oldest first.
    pub sessions: HashMap<String, VecDeque<Session>>,
}

impl Broadcasts {
    pub fn last_session(&mut self, channel: &str) -> Option<&mut Session> {
        self.sessions.get_mut(channel)?.back_mut()
    }
}
