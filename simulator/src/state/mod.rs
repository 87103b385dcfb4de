//! All that exists, as AWS would keep it.

mod dump;
mod extras;
mod index;
mod references;
mod shelf;
mod table;

use std::time::Duration;

pub(crate) use self::{
    shelf::{Shelf, Shelved},
    table::{Row, Table, View},
};
use crate::{
    agenda::Agenda,
    arn::{Arn, Place},
    clock::Clock,
    error::Failure,
    events::Events,
    ivs::{
        channel::Channel,
        recording_configuration::RecordingConfiguration,
        restriction_policy::RestrictionPolicy,
        stream::{self, Broadcasts},
        stream_key::StreamKey,
    },
    ivschat::{
        logging_configuration::LoggingConfiguration,
        room::{Room, Uses},
    },
    paging::Tokens,
    quotas::Limits,
    realtime::{session::Sessions, stage::Stage, storage_configuration::StorageConfiguration},
    resource::Resource,
    tags::Tags,
};

/// The resources of one account in one region.
pub(crate) struct State {
    pub place: Place,
    pub clock: Clock,
    /// How long an encoder takes to come back after `StopStream`.
    pub reconnect: Duration,
    /// How long a recording configuration takes to become active.
    pub activation: Duration,
    /// How much later than it happens a change shows in Get and List.
    pub list_lag: Duration,
    /// How many resources of each kind there may be.
    pub limits: Limits,
    pub tokens: Tokens,
    pub channels: Table<Channel>,
    pub stream_keys: Table<StreamKey>,
    pub rooms: Table<Room>,
    pub stages: Table<Stage>,
    pub recording_configurations: Table<RecordingConfiguration>,
    pub restriction_policies: Table<RestrictionPolicy>,
    pub logging_configurations: Table<LoggingConfiguration>,
    pub storage_configurations: Table<StorageConfiguration>,
    pub broadcasts: Broadcasts,
    pub stage_sessions: Sessions,
    pub room_uses: Uses,
    pub agenda: Agenda,
    pub events: Events,
    /// What counts as changes besides those of the tables: a load of a dump.
    other_changes: u64,
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
            activation: Duration::ZERO,
            list_lag: Duration::ZERO,
            limits: Limits::default(),
            tokens: Tokens::default(),
            channels: Table::default(),
            stream_keys: Table::default(),
            rooms: Table::default(),
            stages: Table::default(),
            recording_configurations: Table::default(),
            restriction_policies: Table::default(),
            logging_configurations: Table::default(),
            storage_configurations: Table::default(),
            broadcasts: Broadcasts::default(),
            stage_sessions: Sessions::default(),
            room_uses: Uses::default(),
            agenda: Agenda::default(),
            events: Events::default(),
            other_changes: 0,
        }
    }

    /// All tables: a new one is a line here. From this come dumps, tags, limits, the late view and the page.
    pub fn shelves(&mut self) -> [Shelf<'_>; 8] {
        [
            Shelf::new("channel", "channels", "Channels", &mut self.channels),
            Shelf::new("stream-key", "streamKeys", "Stream keys", &mut self.stream_keys),
            Shelf::new("room", "rooms", "Chat rooms", &mut self.rooms),
            Shelf::new("stage", "stages", "Stages", &mut self.stages),
            Shelf::new(
                "recording-configuration",
                "recordingConfigurations",
                "Recording configurations",
                &mut self.recording_configurations,
            ),
            Shelf::new(
                "playback-restriction-policy",
                "playbackRestrictionPolicies",
                "Playback restriction policies",
                &mut self.restriction_policies,
            ),
            Shelf::new(
                "logging-configuration",
                "loggingConfigurations",
                "Logging configurations",
                &mut self.logging_configurations,
            ),
            Shelf::new(
                "storage-configuration",
                "storageConfigurations",
                "Storage configurations",
                &mut self.storage_configurations,
            ),
        ]
    }

    pub fn counts(&self) -> Counts {
        Counts {
            channels: self.channels.len(),
            stream_keys: self.stream_keys.len(),
            rooms: self.rooms.len(),
            stages: self.stages.len(),
        }
    }

    /// Refuses what would add to a table that is full.
    pub fn check_limit(&mut self, operation: &str) -> Result<(), Failure> {
        let Some((kind, limit)) = self.limits.of(operation) else { return Ok(()) };
        let full = self.shelves().iter().any(|shelf| shelf.member == kind && shelf.table.count() >= limit);
        if full { Err(Failure::full(kind, limit)) } else { Ok(()) }
    }

    /// Lets time have passed before something is read or written, and sets what reads see: the truth, or the late view.
    pub fn look(&mut self, late: bool) {
        self.pass_time();
        let lag = i64::try_from(self.list_lag.as_micros()).unwrap_or(i64::MAX);
        let view = View { now: self.clock.now().as_microsecond(), lag, late: late && lag > 0 };
        for shelf in self.shelves() {
            shelf.table.look(view);
        }
    }

    /// The resource with that ARN, or what AWS says when there is none.
    pub fn find<T: Resource>(&self, arn: &str) -> Result<&T, Failure> {
        found(&self.place, arn, T::table(self).get(arn))
    }

    pub fn channel(&self, arn: &str) -> Result<&Channel, Failure> {
        self.find(arn)
    }

    pub fn stream_key(&self, arn: &str) -> Result<&StreamKey, Failure> {
        self.find(arn)
    }

    pub fn room(&self, arn: &str) -> Result<&Room, Failure> {
        self.find(arn)
    }

    pub fn stage(&self, arn: &str) -> Result<&Stage, Failure> {
        self.find(arn)
    }

    /// The tags of whatever has that ARN.
    pub fn tags(&mut self, arn: &str) -> Result<&mut Tags, Failure> {
        // Found first, for the borrow checker: the failure needs the place.
        if self.table(arn).is_none_or(|table| !table.has(arn)) {
            return found(&self.place, arn, None);
        }
        let tags = self.table(arn).and_then(|table| table.tags(arn));
        tags.ok_or_else(|| Failure::not_found(arn))
    }

    /// The name of whatever has that ARN; for a stream key, that of its channel.
    pub fn name(&mut self, arn: &str) -> Option<String> {
        let key = self.table(arn)?.key(arn)?;
        if kind(arn) == "stream-key" { self.table(&key)?.key(&key) } else { Some(key) }
    }

    /// Removes whatever has that ARN, live or not. Says whether there was something.
    pub fn remove(&mut self, arn: &str) -> bool {
        match kind(arn) {
            "channel" => self.remove_channel(arn),
            "stream-key" => self.remove_stream_key(arn),
            "room" => self.remove_room(arn),
            "stage" => self.remove_stage(arn),
            _ => self.table(arn).is_some_and(|table| table.remove(arn)),
        }
    }

    /// Removes a channel with its stream keys.
    pub fn remove_channel(&mut self, arn: &str) -> bool {
        stream::forget_channel(self, arn);
        let keys: Vec<_> = self.stream_keys.with_key(arn).map(|key| key.arn.clone()).collect();
        for key in keys {
            self.stream_keys.remove(&key);
        }
        self.channels.remove(arn)
    }

    fn table(&mut self, arn: &str) -> Option<&mut dyn Shelved> {
        let kind = kind(arn);
        self.shelves().into_iter().find(|shelf| shelf.kind == kind).map(|shelf| shelf.table)
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
