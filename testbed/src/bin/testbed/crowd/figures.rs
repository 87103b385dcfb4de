//! What was measured, with the goals beside it.

use std::fmt;
use std::time::Duration;

use testbed::flood::Ended;

/// What a hash needs, in MiB: the default.
const HASH_MEMORY: usize = 19;
/// What the process needs besides hashes, in MiB.
const OTHER_MEMORY: usize = 160;
const MIB: u64 = 1024 * 1024;

/// What was measured.
pub(super) struct Figures<'a> {
    /// A second.
    pub(super) registered: f64,
    /// A second, by the same cores.
    pub(super) hashed: f64,
    /// What 99 of 100 answers of /healthz took at most during the flood.
    pub(super) health: Duration,
    /// The most that there ever was, in bytes.
    pub(super) memory: u64,
    /// How many hashes there are at the same time.
    pub(super) hashers: usize,
    /// The flood.
    pub(super) ended: &'a [Ended],
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: &Ended| self.ended.iter().filter(|ended| *ended == wanted).count();
        let (accepted, put_off) = (count(&Ended::Accepted), count(&Ended::PutOff));
        let ratio = self.registered / self.hashed;
        let health = self.health.as_secs_f64() * 1000.0;
        let most = self.hashers * HASH_MEMORY + OTHER_MEMORY;
        writeln!(f, "{:<42} {:>8}   goal", "", "")?;
        writeln!(f, "{:<42} {:>8.1}", "registrations a second", self.registered)?;
        writeln!(f, "{:<42} {:>8.1}", "Argon2id a second, on the same cores", self.hashed)?;
        writeln!(f, "{:<42} {ratio:>8.2}   at least 0.9", "the one over the other")?;
        writeln!(f, "{:<42} {accepted:>8}", "flood: accepted")?;
        writeln!(f, "{:<42} {put_off:>8}", "flood: put off (429, 503)")?;
        let others = self.ended.len() - accepted - put_off;
        writeln!(f, "{:<42} {others:>8}   0", "flood: answered otherwise")?;
        writeln!(f, "{:<42} {health:>8.1}   below 50", "flood: /healthz p99, ms")?;
        writeln!(f, "{:<42} {:>8}   at most {most}", "memory at its peak, MiB", self.memory / MIB)
    }
}
