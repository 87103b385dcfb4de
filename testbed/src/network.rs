//! The network that an environment listens on.

use std::net::Ipv4Addr;

/// Addresses of Services.
pub(crate) const SERVICES: &str = "10.0.0.0/24";

/// Network of an environment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Loopback. No pod runs.
    Loopback,
    /// The network namespace of a node. Pods reach the environment at the node's address.
    Node,
}

impl Network {
    /// Returns the address that servers listen on.
    pub(crate) fn address(self) -> Ipv4Addr {
        match self {
            Self::Loopback => Ipv4Addr::LOCALHOST,
            Self::Node => Ipv4Addr::new(10, 88, 0, 1),
        }
    }

    /// Returns the addresses of the clients of servers.
    pub(crate) fn clients(self) -> &'static str {
        match self {
            Self::Loopback => "127.0.0.0/8",
            Self::Node => "10.88.0.0/16",
        }
    }
}
