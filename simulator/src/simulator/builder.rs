//! The configuration of a simulator.

use std::{path::PathBuf, time::Duration};

use crate::{
    arn::AccountRegion, auth::Credentials, faults::Fault, journal, latency::Latency, server::ServerLimits,
};

/// The configuration of a simulator that has not been started yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(super) address: String,
    pub(super) account_region: AccountRegion,
    pub(super) credentials: Option<Credentials>,
    pub(super) reconnect: Duration,
    pub(super) activation: Duration,
    pub(super) events_url: Option<String>,
    pub(super) latencies: Vec<Latency>,
    pub(super) list_lag: Duration,
    pub(super) quotas: bool,
    pub(super) rates: Vec<(String, f64)>,
    pub(super) limits: Vec<(String, usize)>,
    pub(super) faults: Vec<Fault>,
    pub(super) faults_file: Option<PathBuf>,
    pub(super) state_file: Option<PathBuf>,
    pub(super) server_limits: ServerLimits,
    pub(super) journal_capacity: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:0".to_owned(),
            account_region: AccountRegion {
                region: "us-west-2".to_owned(),
                account: "123456789012".to_owned(),
            },
            credentials: None,
            reconnect: Duration::from_secs(2),
            activation: Duration::ZERO,
            events_url: None,
            latencies: Vec::new(),
            list_lag: Duration::ZERO,
            quotas: false,
            rates: Vec::new(),
            limits: Vec::new(),
            faults: Vec::new(),
            faults_file: None,
            state_file: None,
            server_limits: ServerLimits::default(),
            journal_capacity: journal::DEFAULT_CAPACITY,
        }
    }
}

impl Builder {
    /// Sets the address to listen on, as a socket address or `host:port`. Defaults to a free port of
    /// 127.0.0.1.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass literals and addresses, which are cheap")]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.address = address.to_string();
        self
    }

    /// Sets the AWS region. Defaults to `us-west-2`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.account_region.region = region.into();
        self
    }

    /// Sets the AWS account. Defaults to `123456789012`.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account_region.account = account.into();
        self
    }

    /// Sets the access key that requests must be signed with. By default, signatures are not verified.
    pub fn keys(mut self, access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.credentials = Some(Credentials { access_key: access_key.into(), secret_key: secret_key.into() });
        self
    }

    /// Sets the time from `StopStream` until the encoder reconnects. Defaults to two seconds.
    pub fn reconnect_after(mut self, reconnect: Duration) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sets the time from the creation of a recording configuration until it is active. Defaults to zero.
    pub fn activate_after(mut self, activation: Duration) -> Self {
        self.activation = activation;
        self
    }

    /// Sets the URL to which events are sent, one at a time, such as `http://127.0.0.1:8080/events`. These
    /// are the events that IVS would send to EventBridge.
    pub fn events_url(mut self, url: impl Into<String>) -> Self {
        self.events_url = Some(url.into());
        self
    }

    /// Adds a latency for AWS calls: a `Duration`, or a rule. The last rule that matches a call applies. By
    /// default, there is no latency.
    pub fn latency(mut self, latency: impl Into<Latency>) -> Self {
        self.latencies.push(latency.into());
        self
    }

    /// Sets the delay after which a change is visible in Get and List operations. Defaults to zero.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.list_lag = lag;
        self
    }

    /// Enables or disables AWS's default quotas. They are disabled by default.
    pub fn quotas(mut self, enabled: bool) -> Self {
        self.quotas = enabled;
        self
    }

    /// Sets the maximum number of calls per second for an operation or a pattern, with or without the other
    /// quotas.
    pub fn rate(mut self, operation: impl Into<String>, rate: f64) -> Self {
        self.rates.push((operation.into(), rate));
        self
    }

    /// Sets the maximum number of resources of a kind, such as `stages`, with or without the other quotas.
    pub fn limit(mut self, kind: impl Into<String>, limit: usize) -> Self {
        self.limits.push((kind.into(), limit));
        self
    }

    /// Adds a fault.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds the faults in a file: a list in YAML or JSON.
    pub fn faults_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.faults_file = Some(file.into());
        self
    }

    /// Sets the file in which the state is saved. It is loaded at the start if it exists.
    pub fn state_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.state_file = Some(file.into());
        self
    }

    /// Sets the maximum number of connections. Further connections wait to be accepted. Defaults to 4,096.
    pub fn connections(mut self, connections: usize) -> Self {
        self.server_limits.max_connections = connections;
        self
    }

    /// Sets the timeout for receiving the head of a request, and for receiving its body. Defaults to 30
    /// seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.server_limits.connection.request_timeout = timeout;
        self
    }

    /// Sets the time after which an idle connection is closed. Defaults to 5 minutes.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.server_limits.connection.idle_timeout = timeout;
        self
    }

    /// Sets the approximate amount of memory for the journal, in bytes. Defaults to 32 MiB.
    pub fn journal_capacity(mut self, bytes: usize) -> Self {
        self.journal_capacity = bytes;
        self
    }
}
