//! The state of the simulated account: its resources, and what happens to them over time.

mod dump;
mod lookup;
mod runtime_state;
pub(crate) mod tables;

use std::time::Duration;

use crate::{
    api_error::ApiError,
    arn::AccountRegion,
    clock::Clock,
    events::Events,
    limits::Limits,
    model::{
        broadcasts::Broadcasts, channel::Channel, logging_configuration::LoggingConfiguration,
        recording_configuration::RecordingConfiguration, restriction_policy::RestrictionPolicy, room::Room,
        room_activity::RoomActivity, stage::Stage, stage_session::StageSessions,
        storage_configuration::StorageConfiguration, stream_key::StreamKey,
    },
    paging::Tokens,
    scheduler::Scheduler,
    table::{Table, View},
};

/// The resources of one account in one region.
pub(crate) struct State {
    pub account_region: AccountRegion,
    pub clock: Clock,
    /// The time from `StopStream` until the encoder reconnects.
    pub reconnect: Duration,
    /// The time from the creation of a recording configuration until it is active.
    pub activation: Duration,
    /// The delay after which a change is visible in Get and List operations.
    pub list_lag: Duration,
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
    pub stage_sessions: StageSessions,
    pub room_activity: RoomActivity,
    pub scheduler: Scheduler,
    pub events: Events,
    /// The number of changes other than those of the tables.
    other_changes: u64,
}

/// The number of resources of each kind.
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
            stage_sessions: StageSessions::default(),
            room_activity: RoomActivity::default(),
            scheduler: Scheduler::default(),
            events: Events::default(),
            other_changes: 0,
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

    /// Rejects a create operation if the limit of its resource kind has been reached.
    pub fn check_limit(&mut self, operation: &str) -> Result<(), ApiError> {
        let Some((kind, limit)) = self.limits.of(operation) else { return Ok(()) };
        let full = self.tables().iter().any(|table| table.member == kind && table.rows.count() >= limit);
        if full { Err(ApiError::limit_reached(kind, limit)) } else { Ok(()) }
    }

    /// Sets the view of the following reads: all current resources, or the delayed view.
    pub fn set_view(&mut self, delayed: bool) {
        let lag = i64::try_from(self.list_lag.as_micros()).unwrap_or(i64::MAX);
        let view = View { now: self.clock.now().as_microsecond(), lag, delayed: delayed && lag > 0 };
        for table in self.tables() {
            table.rows.set_view(view);
        }
    }

    /// Returns the number of changes so far.
    pub fn changes(&mut self) -> u64 {
        self.other_changes + self.tables().into_iter().map(|table| table.rows.changes()).sum::<u64>()
    }

    /// Counts a change outside of the tables.
    pub fn mark_changed(&mut self) {
        self.other_changes += 1;
    }
}
