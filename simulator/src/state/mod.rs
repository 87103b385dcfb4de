//! All that exists, as AWS would keep it.

mod dump;
mod table;

use std::time::Duration;

pub(crate) use table::{Row, Table};

use crate::{
    arn::{Arn, Place},
    clock::Clock,
    error::Failure,
    ivs::{channel::Channel, stream_key::StreamKey},
    ivschat::room::Room,
    paging::Tokens,
    realtime::stage::Stage,
    tags::Tags,
};

/// The resources of one account in one region.
pub(crate) struct State {
    pub place: Place,
    pub clock: Clock,
    /// How long an encoder takes to come back after `StopStream`.
    pub reconnect: Duration,
    pub tokens: Tokens,
    pub channels: Table<Channel>,
    pub stream_keys: Table<StreamKey>,
    pub rooms: Table<Room>,
    pub stages: Table<Stage>,
}

/// How many resources of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Channels.
    pub channels: usize,
    /// Stream keys.
    pub stream_keys: usize,
    /// Chat rooms.
    pub rooms: usize,
    /// Stages.
    pub stages: usize,
}

impl State {
    pub fn new(place: Place, clock: Clock, reconnect: Duration) -> Self {
        Self {
            place,
            clock,
            reconnect,
            tokens: Tokens::default(),
            channels: Table::default(),
            stream_keys: Table::default(),
            rooms: Table::default(),
            stages: Table::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        Counts {
            channels: self.channels.len(),
            stream_keys: self.stream_keys.len(),
            rooms: self.rooms.len(),
            stages: self.stages.len(),
        }
    }

    pub fn channel(&self, arn: &str) -> Result<&Channel, Failure> {
        found(&self.place, arn, self.channels.get(arn))
    }

    pub fn stream_key(&self, arn: &str) -> Result<&StreamKey, Failure> {
        found(&self.place, arn, self.stream_keys.get(arn))
    }

    pub fn room(&self, arn: &str) -> Result<&Room, Failure> {
        found(&self.place, arn, self.rooms.get(arn))
    }

    pub fn stage(&self, arn: &str) -> Result<&Stage, Failure> {
        found(&self.place, arn, self.stages.get(arn))
    }

    /// The tags of whatever has that ARN.
    pub fn tags(&mut self, arn: &str) -> Result<&mut Tags, Failure> {
        let tags = match kind(arn) {
            "channel" => self.channels.get_mut(arn).map(Row::tags_mut),
            "stream-key" => self.stream_keys.get_mut(arn).map(Row::tags_mut),
            "room" => self.rooms.get_mut(arn).map(Row::tags_mut),
            "stage" => self.stages.get_mut(arn).map(Row::tags_mut),
            _ => None,
        };
        found(&self.place, arn, tags)
    }

    /// The name of whatever has that ARN; for a stream key, that of its channel.
    pub fn name(&self, arn: &str) -> Option<&str> {
        match kind(arn) {
            "channel" => self.channels.get(arn).map(Row::key),
            "stream-key" => self.name(self.stream_keys.get(arn)?.key()),
            "room" => self.rooms.get(arn).map(Row::key),
            "stage" => self.stages.get(arn).map(Row::key),
            _ => None,
        }
    }

    /// Removes whatever has that ARN, live or not. Says whether there was something.
    pub fn remove(&mut self, arn: &str) -> bool {
        match kind(arn) {
            "channel" => self.remove_channel(arn),
            "stream-key" => self.remove_stream_key(arn),
            "room" => self.rooms.remove(arn).is_some(),
            "stage" => self.stages.remove(arn).is_some(),
            _ => false,
        }
    }

    /// Removes a channel with its stream keys.
    pub fn remove_channel(&mut self, arn: &str) -> bool {
        let keys: Vec<_> = self.stream_keys.with_key(arn).map(|key| key.arn.clone()).collect();
        for key in keys {
            self.stream_keys.remove(&key);
        }
        self.channels.remove(arn).is_some()
    }
}

fn kind(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.kind)
}

/// A row, or what AWS says when there is none.
fn found<T>(place: &Place, arn: &str, row: Option<T>) -> Result<T, Failure> {
    match row {
        Some(row) => Ok(row),
        None => Err(place.check(arn).err().unwrap_or_else(|| Failure::not_found(arn))),
    }
}
