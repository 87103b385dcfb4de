//! The limits for connections.

use std::time::Duration;

/// The limits for the number of connections and for slow or idle clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// The maximum number of connections that are served at the same time. Further connections wait to be
    /// accepted.
    pub max_connections: usize,
    /// The timeout for receiving the head of a request, for receiving its body, and for sending a part of a
    /// response.
    pub request_timeout: Duration,
    /// The time after which a connection without a request is closed.
    pub idle_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            request_timeout: Duration::from_secs(30),
            // Longer than the keep-alive time of clients, so that they close idle connections first.
            idle_timeout: Duration::from_mins(5),
        }
    }
}
