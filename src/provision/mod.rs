//! Creating once, adopting, retiring, sweeping: written once, generic over the kind.

mod converge;
mod create;
mod decide;
mod error;
mod orphans;
mod owner;
mod retire;
mod sweep;
#[cfg(test)]
mod tests;
mod vanished;
#[cfg(test)]
mod world;

use std::time::Duration;

pub use converge::{Change, Order, Outcome, Provisioned, converge};
pub use error::Error;
pub use orphans::{orphan, orphan_changes};
pub use owner::Owner;
pub use retire::{Retirement, remove, retire};
pub use sweep::{Inventory, Listing, Record, Report, compare};

/// Result of provisioning.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How long things may take before they count as lost.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The longest that a Create may take; its attempt's deadline.
    pub create_timeout: Duration,
    /// How long after the deadline to wait before looking: longer than AWS takes to show a new resource. Also how long
    /// one that AWS does not show must be missing.
    pub grace: Duration,
}

/// Why nothing can be done just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For how long.
    pub wait: Duration,
    /// One word, for a condition.
    pub reason: &'static str,
    /// In a person's words.
    pub message: String,
}
