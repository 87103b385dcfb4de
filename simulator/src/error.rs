//! The errors of starting a simulator.

use std::io;

/// The reason why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listen address is invalid, or its host name cannot be resolved.
    #[error("cannot listen on {address}: invalid address ({source})")]
    Address {
        /// The address as it was given.
        address: String,
        /// The underlying error.
        source: io::Error,
    },
    /// The listen address cannot be bound.
    #[error("cannot listen on {address}: {}", describe(source))]
    Listen {
        /// The address as it was given.
        address: String,
        /// The underlying error.
        source: io::Error,
    },
    /// The region or the account is malformed.
    #[error("{0}")]
    AccountRegion(String),
    /// The URL that events are sent to is invalid.
    #[error("{0}")]
    Events(String),
    /// A setting is invalid, or a file cannot be read.
    #[error("{0}")]
    Setting(String),
    /// The server's thread or runtime cannot be created.
    #[error("cannot start the server: {0}")]
    Runtime(#[source] io::Error),
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is already in use".to_owned(),
        _ => error.to_string(),
    }
}
