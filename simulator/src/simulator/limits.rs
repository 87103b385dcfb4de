//! How a simulator shall be limited, slow, late and faulty from its start.

use std::{path::PathBuf, time::Duration};

use super::builder::Builder;
use crate::{faults::Fault, latency::Latency};

impl Builder {
    /// How long each AWS call waits before it has its effect, or a rule for that; not at all if not told. Of several rules
    /// the last one that matches a call counts.
    pub fn latency(mut self, latency: impl Into<Latency>) -> Self {
        self.latencies.push(latency.into());
        self
    }

    /// How much later than it happens a change shows in Get and List; at once if not told.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.list_lag = lag;
        self
    }

    /// Whether AWS's default quotas are in force; they are not if not told.
    pub fn quotas(mut self, on: bool) -> Self {
        self.quotas = on;
        self
    }

    /// How many calls a second an operation may have, which may be a pattern, with AWS's other quotas or without.
    pub fn rate(mut self, operation: impl Into<String>, rate: f64) -> Self {
        self.rates.push((operation.into(), rate));
        self
    }

    /// How many resources of a kind there may be, such as `stages`, with AWS's other quotas or without.
    pub fn limit(mut self, kind: impl Into<String>, limit: usize) -> Self {
        self.limits.push((kind.into(), limit));
        self
    }

    /// Has a fault in force from the start.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Has the faults of a file in force from the start: a list in YAML or JSON.
    pub fn faults_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.faults_file = Some(file.into());
        self
    }

    /// Loads the state from a file, if it is there, and keeps it there.
    pub fn state_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.state_file = Some(file.into());
        self
    }

    /// How many connections are served at a time; more wait to be accepted. 4,096 if not told.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connection_limits.connections = connections;
        self
    }

    /// How long a request may take to come: its head, and then its body. 30 seconds each if not told.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.connection_limits.request = timeout;
        self
    }

    /// How long a connection may stay without a request; 5 minutes if not told.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.connection_limits.idle = timeout;
        self
    }

    /// About how much memory the journal may take, in bytes; 32 MiB if not told.
    pub fn journal_capacity(mut self, bytes: usize) -> Self {
        self.journal = bytes;
        self
    }
}
