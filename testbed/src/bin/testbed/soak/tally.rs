//! Counters, reported every few seconds.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use testbed::{Error, Tenant};
use tokio::time::Instant;

const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// A counter.
#[derive(Default)]
pub(super) struct Count(Cell<u64>);

impl Count {
    pub(super) fn add(&self) {
        self.0.set(self.0.get() + 1);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.get())
    }
}

/// Counters of the requested changes and of the killed processes.
pub(super) struct Tally {
    begin: Instant,
    pub(super) created: Count,
    pub(super) edited: Count,
    pub(super) deleted: Count,
    pub(super) killed: Count,
    pub(super) postgres: Count,
    pub(super) apiserver: Count,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            begin: Instant::now(),
            created: Count::default(),
            edited: Count::default(),
            deleted: Count::default(),
            killed: Count::default(),
            postgres: Count::default(),
            apiserver: Count::default(),
        }
    }

    /// Returns the elapsed time as text.
    pub(super) fn clock(&self) -> String {
        format!("{:>5.0} s", self.begin.elapsed().as_secs_f32())
    }

    /// Prints a line every few seconds.
    pub(super) async fn report(&self, tenant: &Tenant, until: Instant) -> Result<(), Error> {
        while Instant::now() + REPORT_INTERVAL < until {
            tokio::time::sleep(REPORT_INTERVAL).await;
            let aws = tenant.simulator().counts();
            println!(
                "{}  {} in AWS: {} channels, {} chat rooms, {} stages",
                self.clock(),
                self.line(),
                aws.channels,
                aws.rooms,
                aws.stages
            );
        }
        Ok(())
    }

    fn line(&self) -> String {
        let Self { created, edited, deleted, killed, postgres, apiserver, .. } = self;
        format!(
            "accounts created {created}, edited {edited}, deleted {deleted}; controllers killed {killed}, \
             PostgreSQL {postgres}, kube-apiserver {apiserver};"
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, edited, deleted, killed, postgres, apiserver, .. } = self;
        writeln!(f, "asked for    accounts created {created}, edited {edited}, deleted {deleted}")?;
        writeln!(f, "killed       controllers {killed}, PostgreSQL {postgres}, kube-apiserver {apiserver}")
    }
}
