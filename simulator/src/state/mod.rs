//! All that exists, as AWS would keep it.

mod any_table;
mod dump;
mod index;
mod references;
mod runtime_state;
mod table;

use std::time::Duration;

pub(crate) use self::{
    any_table::{AnyTable, NamedTable},
    table::{Row, Table, View},
};
use crate::{
    arn::{AccountRegion, Arn},
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
        room::{Room, RoomActivity},
    },
    paging::Tokens,
    quotas::Limits,
    realtime::{session::Sessions, stage::Stage, storage_configuration::StorageConfiguration},
    resource::Resource,
    scheduler::Scheduler,
    tags::Tags,
};

/// The resources of one account in one region.
pub(crate) struct State {
    pub account_region: AccountRegion,
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
    pub room_activity: RoomActivity,
    pub scheduler: Scheduler,
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
    pub fn new(account_region: AccountRegion, clock: Clock, reconnect: Duration) -> Self {
        Self {
            account_region,
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
            room_activity: RoomActivity::default(),
            scheduler: Scheduler::default(),
            events: Events::default(),
            other_changes: 0,
        }
    }

    /// All tables: a new one is a line here. From this come dumps, tags, limits, the late view and the page.
    pub fn tables(&mut self) -> [NamedTable<'_>; 8] {
        [
            NamedTable::new("channel", "channels", "Channels", &mut self.channels),
            NamedTable::new("stream-key", "streamKeys", "Stream keys", &mut self.stream_keys),
            NamedTable::new("room", "rooms", "Chat rooms", &mut self.rooms),
            NamedTable::new("stage", "stages", "Stages", &mut self.stages),
            NamedTable::new(
                "recording-configuration",
                "recordingConfigurations",
                "Recording configurations",
                &mut self.recording_configurations,
            ),
            NamedTable::new(
                "playback-restriction-policy",
                "playbackRestrictionPolicies",
                "Playback restriction policies",
                &mut self.restriction_policies,
            ),
            NamedTable::new(
                "logging-configuration",
                "loggingConfigurations",
                "Logging configurations",
                &mut self.logging_configurations,
            ),
            NamedTable::new(
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
        let full = self.tables().iter().any(|table| table.member == kind && table.rows.count() >= limit);
        if full { Err(Failure::full(kind, limit)) } else { Ok(()) }
    }

    /// Lets time have passed before something is read or written, and sets what reads see: the truth, or the late view.
    pub fn look(&mut self, late: bool) {
        self.pass_time();
        let lag = i64::try_from(self.list_lag.as_micros()).unwrap_or(i64::MAX);
        let view = View { now: self.clock.now().as_microsecond(), lag, late: late && lag > 0 };
        for table in self.tables() {
            table.rows.look(view);
        }
    }

    /// The resource with that ARN, or what AWS says when there is none.
    pub fn find<T: Resource>(&self, arn: &str) -> Result<&T, Failure> {
        found(&self.account_region, arn, T::table(self).get(arn))
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

    /// The tags of whatever has that ARN, to be looked at.
    pub fn tags(&mut self, arn: &str) -> Result<&Tags, Failure> {
        let account_region = self.account_region.clone();
        found(&account_region, arn, self.table(arn).and_then(|table| table.tags(arn)))
    }

    /// The tags of whatever has that ARN, to be changed.
    pub fn tags_mut(&mut self, arn: &str) -> Result<&mut Tags, Failure> {
        let account_region = self.account_region.clone();
        found(&account_region, arn, self.table(arn).and_then(|table| table.tags_mut(arn)))
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
        stream::remove_channel(self, arn);
        let keys: Vec<_> = self.stream_keys.with_key(arn).map(|key| key.arn.clone()).collect();
        for key in keys {
            self.stream_keys.remove(&key);
        }
        self.channels.remove(arn)
    }

    fn table(&mut self, arn: &str) -> Option<&mut dyn AnyTable> {
        let kind = kind(arn);
        self.tables().into_iter().find(|table| table.kind == kind).map(|table| table.rows)
    }
}

fn kind(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.kind)
}

/// A row, or what AWS says when there is none.
fn found<T>(account_region: &AccountRegion, arn: &str, row: Option<T>) -> Result<T, Failure> {
    match row {
        Some(row) => Ok(row),
        None => Err(account_region.check(arn).err().unwrap_or_else(|| Failure::not_found(arn))),
    }
}
