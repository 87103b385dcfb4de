//! What a program can set while the simulator runs: as the admin API, without HTTP.

use std::time::Duration;

use serde_json::Value;

use super::Simulator;
use crate::latency::Latency;

impl Simulator {
    /// How long each AWS call waits from now on: a `Duration` before its effect, or a rule, in the place of all before.
    ///
    /// # Panics
    /// When the rule is for an operation that is none.
    pub fn set_latency(&self, latency: impl Into<Latency>) {
        self.set_latencies([latency.into()]);
    }

    /// Several rules, in the place of all before; for each call the last one that matches counts.
    ///
    /// # Panics
    /// When a rule is for an operation that is none.
    pub fn set_latencies(&self, latencies: impl IntoIterator<Item = Latency>) {
        must(self.shared.set_latencies(latencies.into_iter().collect()));
    }

    /// How much later than it happens a change shows in Get and List from now on.
    pub fn set_list_lag(&self, lag: Duration) {
        self.shared.state().list_lag = lag;
    }

    /// Turns AWS's default quotas on or off.
    pub fn set_quotas(&self, on: bool) {
        self.shared.set_quotas(on);
    }

    /// How many calls a second an operation may have, which may be a pattern; `None` is no limit.
    ///
    /// # Panics
    /// When there is no such operation, or the rate is negative.
    pub fn set_rate(&self, operation: &str, rate: Option<f64>) {
        must(self.shared.rates().set(operation, rate));
    }

    /// How many resources of a kind there may be, such as `stages`; `None` is no limit.
    ///
    /// # Panics
    /// When there is no such kind.
    pub fn set_limit(&self, kind: &str, limit: Option<usize>) {
        must(self.shared.state().limits.set(kind, limit));
    }

    /// Moves the time of day on, for all that has to do with resources.
    ///
    /// # Panics
    /// When there is no time so long from now.
    pub fn advance(&self, duration: Duration) {
        must(self.shared.clock.advance(duration));
    }

    /// Puts what `state()` told in the place of all that exists.
    ///
    /// # Errors
    /// What is wrong with it; then nothing has changed.
    pub fn load_state(&self, state: Value) -> Result<(), String> {
        self.shared.state().load(state)
    }
}

fn must(done: Result<(), String>) {
    if let Err(message) = done {
        panic!("not a setting: {message}");
    }
}
