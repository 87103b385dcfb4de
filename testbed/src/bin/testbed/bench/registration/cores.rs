//! CPU pinning: the measured process has its own cores, so that the load generator does not slow it down.

use std::fmt;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use testbed::Error;

/// A set of cores.
#[derive(Clone)]
pub(super) struct CoreSet(Vec<usize>);

impl CoreSet {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Pins this thread, and the threads that it starts, to these cores.
    pub(super) fn pin_current_thread(&self) -> Result<(), Error> {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|core| set.set(*core));
        sched_setaffinity(None, &set).map_err(refused)
    }
}

impl fmt::Display for CoreSet {
    /// Formats the set in the syntax of `taskset`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores: Vec<_> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&cores.join(","))
    }
}

/// The cores of the registration server and those of everything else.
pub(super) struct Cores {
    pub(super) registration: CoreSet,
    pub(super) others: CoreSet,
}

impl Cores {
    /// Splits the available cores in half and pins this thread to the other half. A single core is shared.
    pub(super) fn split() -> Result<Self, Error> {
        let ours = sched_getaffinity(None).map_err(refused)?;
        let all: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core)).collect();
        let (others, registration) = all.split_at(all.len() / 2);
        let others = if others.is_empty() { registration } else { others };
        let cores = Self { registration: CoreSet(registration.into()), others: CoreSet(others.into()) };
        cores.others.pin_current_thread()?;
        Ok(cores)
    }
}

fn refused(error: rustix::io::Errno) -> Error {
    Error::Unexpected(format!("cannot read or set the CPU affinity: {error}"))
}
