//! Jitter: keeps those that failed together from trying again together.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// Maximum share of a delay that the jitter takes off, in percent.
const MAX_JITTER: u64 = 25;

/// Returns a delay less its jitter, which depends on the seed alone, so that a test can repeat it.
pub fn less_jitter(delay: Duration, seed: &impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let jitter = u32::try_from(hasher.finish() % (MAX_JITTER + 1)).unwrap_or_default();
    delay.saturating_sub(delay * jitter / 100)
}
