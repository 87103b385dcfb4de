//! Jitter: keeps those that failed together from trying again together.

use std::{hash::Hash, time::Duration};

use crate::hash::hash;

/// Maximum share of a delay that the jitter takes off, in percent.
const MAX_JITTER: u64 = 25;

/// Returns a delay less its jitter, which depends on the seed alone, so that a test can repeat it.
pub fn less_jitter(delay: Duration, seed: &impl Hash) -> Duration {
    let jitter = u32::try_from(hash(seed) % (MAX_JITTER + 1)).unwrap_or_default();
    delay.saturating_sub(delay * jitter / 100)
}
