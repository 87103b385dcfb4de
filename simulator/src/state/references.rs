//! What channels, rooms and stages refer to, and what happens as time passes.

use super::State;
use crate::{
    error::Failure,
    ivs::{
        recording_configuration::{self, RecordingConfiguration},
        restriction_policy::RestrictionPolicy,
        stream,
    },
    ivschat::{logging_configuration::LoggingConfiguration, room},
    realtime::storage_configuration::StorageConfiguration,
    scheduler::Timer,
};

impl State {
    pub fn recording_configuration(&self, arn: &str) -> Result<&RecordingConfiguration, Failure> {
        self.find(arn)
    }

    pub fn restriction_policy(&self, arn: &str) -> Result<&RestrictionPolicy, Failure> {
        self.find(arn)
    }

    pub fn logging_configuration(&self, arn: &str) -> Result<&LoggingConfiguration, Failure> {
        self.find(arn)
    }

    pub fn storage_configuration(&self, arn: &str) -> Result<&StorageConfiguration, Failure> {
        self.find(arn)
    }

    /// Refuses the ARN of another account; what is in another region is just not here.
    pub fn check_account(&self, arn: &str) -> Result<(), Failure> {
        self.account_region
            .check(arn)
            .or_else(|failure| if failure.status == 404 { Ok(()) } else { Err(failure) })
    }

    /// Lets all that is due by now have happened. Called before each call and each look at the state, so it must cost
    /// next to nothing when nothing is due.
    pub(super) fn pass_time(&mut self) {
        let now = self.clock.now();
        while let Some((at, due)) = self.scheduler.pop(now) {
            match due {
                Timer::Reconnect(channel) => stream::reconnect(self, &channel, at),
                Timer::Activate(arn) => recording_configuration::activate(self, &arn),
            }
        }
        room::delete_idle(self, now);
    }
}
