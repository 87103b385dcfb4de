//! `testbed bench resync`: the calls and the memory of a resync that finds nothing to do, and the memory of
//! the start before it.

use testbed::Error;
use testbed::threshold::Threshold;

use super::report::{Report, cpu_per_account, figure, mebibytes};
use super::settled::{RESYNC_INTERVAL, Settled};

pub(super) async fn run(settled: &mut Settled) -> Result<Report, Error> {
    let (count, goal) = (settled.count, settled.memory_goal());
    let conditions = format!("{count} settled accounts; a resync every {RESYNC_INTERVAL:?}; without quotas");
    let mut report = Report::new("resync", conditions);
    let before = settled.changes().await?;
    let started = settled.controller().await?.figures()?;
    report.add_with_goal("peak memory of the start, MiB", mebibytes(started.peak_memory), goal);
    report.add("memory after the start, MiB", mebibytes(started.memory));
    report.add("controller CPU of the start per account, ms", cpu_per_account(started.cpu, count));
    settled.changes().await?.add_since(before, &mut report);

    // A whole resync, from the end of one to the end of the next.
    settled.wait_for_resyncs(1).await?;
    settled.tenant.simulator().clear_calls();
    let controller = settled.running()?;
    controller.reset_peak_memory()?;
    let before = controller.figures()?;
    settled.wait_for_resyncs(1).await?;
    let calls = settled.tenant.simulator().calls();
    let after = settled.running()?.figures()?;
    let lists = calls.iter().filter(|call| call.operation.starts_with("List")).count();
    let per_thousand = |calls: usize| figure(calls as u64) * 1000.0 / figure(count as u64);
    report.add_with_goal("AWS lists per 1,000 accounts", per_thousand(lists), Threshold::AtMost(45.0));
    report.add_with_goal("other AWS calls", figure((calls.len() - lists) as u64), Threshold::AtMost(0.0));
    report.add_with_goal("peak memory of a resync, MiB", mebibytes(after.peak_memory), goal);
    report.add(
        "controller CPU of a resync per account, ms",
        cpu_per_account(after.cpu.saturating_sub(before.cpu), count),
    );
    Ok(report)
}
