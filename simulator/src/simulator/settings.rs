//! Settings that can change while the simulator runs. The admin API has the same settings.

use std::time::Duration;

use serde_json::Value;

use super::handle::Simulator;
use crate::latency::Latency;

impl Simulator {
    /// Replaces all latency rules by one: a `Duration` before each call takes effect, or a rule.
    ///
    /// # Panics
    /// Panics if the rule is for an unknown operation.
    pub fn set_latency(&self, latency: impl Into<Latency>) {
        self.set_latencies([latency.into()]);
    }

    /// Replaces all latency rules. The last rule that matches a call applies.
    ///
    /// # Panics
    /// Panics if a rule is for an unknown operation.
    pub fn set_latencies(&self, latencies: impl IntoIterator<Item = Latency>) {
        expect_valid(self.shared.set_latencies(latencies.into_iter().collect()));
    }

    /// Sets the delay after which a change is visible in Get and List operations.
    pub fn set_list_lag(&self, lag: Duration) {
        self.shared.state().list_lag = lag;
    }

    /// Enables or disables AWS's default quotas.
    pub fn set_quotas(&self, enabled: bool) {
        self.shared.set_quotas(enabled);
    }

    /// Sets the maximum number of calls per second for an operation or a pattern. `None` removes the limit.
    ///
    /// # Panics
    /// Panics if the operation is unknown, or the rate is negative.
    pub fn set_rate(&self, operation: &str, rate: Option<f64>) {
        expect_valid(self.shared.rates().set(operation, rate));
    }

    /// Sets the maximum number of resources of a kind, such as `stages`. `None` removes the limit.
    ///
    /// # Panics
    /// Panics if the kind is unknown.
    pub fn set_limit(&self, kind: &str, limit: Option<usize>) {
        expect_valid(self.shared.state().limits.set(kind, limit));
    }

    /// Moves the time of day forward. Signatures and the journal are not affected.
    ///
    /// # Panics
    /// Panics if the resulting time is out of range.
    pub fn advance(&self, duration: Duration) {
        expect_valid(self.shared.clock.advance(duration));
    }

    /// Replaces the whole state by one that `state()` has returned.
    ///
    /// # Errors
    /// Returns a message if the state is invalid. Nothing has changed then.
    pub fn load_state(&self, state: Value) -> Result<(), String> {
        self.shared.state().load(state)
    }
}

fn expect_valid(result: Result<(), String>) {
    if let Err(message) = result {
        panic!("invalid setting: {message}");
    }
}
