//! `testbed bench idle`: the memory of a controller whose accounts are settled, and what it does for them.

use std::time::Instant;

use testbed::Error;

use super::counters::DatabaseWork;
use super::report::{Report, figure, mebibytes};
use super::settled::{RESYNC_INTERVAL, Settled};

/// Number of resyncs after which the memory is measured.
const RESYNCS: usize = 2;

pub(super) async fn run(settled: &mut Settled) -> Result<Report, Error> {
    let count = settled.count;
    let conditions =
        format!("{count} settled accounts; {RESYNCS} resyncs, {RESYNC_INTERVAL:?} apart; without quotas");
    let mut report = Report::new("idle", conditions);
    settled.controller().await?;
    let (changes, begun) = (settled.changes().await?, Instant::now());
    let before = DatabaseWork::read_settled(&settled.tenant).await?;
    settled.wait_for_resyncs(RESYNCS).await?;
    let memory = settled.controller().await?.figures()?.memory;
    let work = DatabaseWork::read_settled(&settled.tenant).await? - before;
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    report.add_with_goal("memory, MiB", mebibytes(memory), settled.memory_goal());
    report.add("memory with one account, MiB", mebibytes(settled.empty_memory));
    let grown = memory.saturating_sub(settled.empty_memory);
    report.add("bytes per account", figure(grown) / figure(count as u64));
    settled.changes().await?.add_since(changes, &mut report);
    report.add("SQL rows written per minute", figure(work.rows) / minutes);
    report.add("SQL transactions per minute", figure(work.transactions) / minutes);
    Ok(report)
}
