//! `testbed bench cold`: a fleet of accounts that are created at once. Without quotas, the operator is the
//! limit, and the cost of an account must not grow with their number. Under quotas, AWS is the limit.

use std::path::Path;
use std::time::{Duration, Instant};

use ivs_simulator::Call;
use testbed::threshold::Threshold;
use testbed::{Error, Operator, Tenant};

use super::counters::{Meter, Work};
use super::fleet::{self, ReadyWatch};
use super::report::{self, Report, figure, mebibytes};
use super::rig::{self, AWS_RATE, Quotas};
use crate::accounts;

/// The smaller fleet has this fraction of the accounts.
const SMALLER: usize = 5;
/// Maximum time for an account, on average, without quotas.
const TIMEOUT_PER_ACCOUNT: Duration = Duration::from_millis(100);
/// Maximum time besides.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Creates of an account.
const CREATES: [&str; 3] = ["CreateChannel", "CreateRoom", "CreateStage"];
/// Status of a throttled call.
const THROTTLED: u16 = 429;

/// Figures of one fleet.
struct Fleet {
    count: usize,
    /// Time from the first request to the last account that became Ready.
    took: Duration,
    /// CPU time of the controller.
    cpu: Duration,
    peak_memory: u64,
    work: Work,
}

impl Fleet {
    fn rate(&self) -> f64 {
        figure(self.count as u64) / self.took.as_secs_f64()
    }

    fn cpu_per_account(&self) -> f64 {
        report::cpu_per_account(self.cpu, self.count)
    }
}

/// Measures a fleet without quotas, and one of a fifth of its size.
pub(super) async fn run(operator: &Path, count: usize) -> Result<Report, Error> {
    let smaller = (count / SMALLER).max(1);
    let mut report = Report::new("cold", format!("{smaller} and {count} accounts at once, without quotas"));
    let tenant = rig::start(operator).await?;
    // A tenant of its own: the larger fleet finds no accounts.
    let larger_tenant = tenant.testbed().try_tenant("bench-larger").await?;
    let smaller = measure_without_quotas(&tenant, smaller).await?;
    let larger = measure_without_quotas(&larger_tenant, count).await?;
    report.add(format!("accounts per second, {}", smaller.count), smaller.rate());
    report.add(format!("accounts per second, {}", larger.count), larger.rate());
    report.add(format!("controller CPU per account, ms, {}", smaller.count), smaller.cpu_per_account());
    report.add_with_goal(
        format!("controller CPU per account, ms, {}", larger.count),
        larger.cpu_per_account(),
        Threshold::AtMost(3.7),
    );
    report.add_with_goal(
        "ratio of the two",
        larger.cpu_per_account() / smaller.cpu_per_account(),
        Threshold::AtMost(1.1),
    );
    larger.work.add_to(&mut report, larger.count);
    report.add("peak memory of the controller, MiB", mebibytes(larger.peak_memory));
    Ok(report)
}

async fn measure_without_quotas(tenant: &Tenant, count: usize) -> Result<Fleet, Error> {
    let controller = rig::controller(tenant, Quotas::Disabled).try_start().await?;
    let allowed = TIMEOUT_PER_ACCOUNT.mul_f64(figure(count as u64));
    measure(tenant, &controller, count, TIMEOUT + allowed).await
}

/// Measures a fleet under quotas that are `scale` times those of AWS.
pub(super) async fn run_under_quotas(operator: &Path, count: usize, scale: u32) -> Result<Report, Error> {
    let quota = AWS_RATE * scale;
    let conditions = format!(
        "{count} accounts at once; {quota} calls per second for each operation, {scale} times AWS's quota"
    );
    let mut report = Report::new("cold --quotas", conditions);
    let tenant = rig::start(operator).await?;
    let controller = rig::controller(&tenant, Quotas::Rate(quota)).try_start().await?;
    let expected = Duration::from_secs_f64(figure(count as u64) / f64::from(quota));
    let fleet = measure(&tenant, &controller, count, TIMEOUT + expected * 2).await?;
    let calls = tenant.simulator().calls();
    for operation in CREATES {
        report.add_with_goal(
            format!("{operation} calls per second / quota"),
            rate(&calls, operation) / f64::from(quota),
            Threshold::AtLeast(0.98),
        );
    }
    let throttled = calls.iter().filter(|call| call.status == THROTTLED).count();
    report.add_with_goal("throttled calls", figure(throttled as u64), Threshold::AtMost(0.0));
    report.add("accounts per second / quota", fleet.rate() / f64::from(quota));
    report.add_with_goal(
        "status writes per account",
        figure(fleet.work.api.statuses) / figure(count as u64),
        Threshold::AtMost(1.2),
    );
    Ok(report)
}

/// Returns the calls of an operation per second, between the first and the last that succeeded.
fn rate(calls: &[Call], operation: &str) -> f64 {
    let done = calls.iter().filter(|call| call.operation == operation && call.status == 200);
    let mut times: Vec<_> = done.filter_map(|call| call.effected).collect();
    times.sort();
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return f64::NAN };
    figure(times.len() as u64 - 1) / last.saturating_sub(*first).as_secs_f64()
}

/// Creates a fleet and waits until it is Ready.
async fn measure(
    tenant: &Tenant,
    controller: &Operator,
    count: usize,
    timeout: Duration,
) -> Result<Fleet, Error> {
    let (accounts, names) = (accounts::accounts(tenant), fleet::names("streamer", count));
    let mut watch = ReadyWatch::new(accounts.clone());
    let meter = Meter::start(tenant).await?;
    let cpu = controller.figures()?.cpu;
    tenant.simulator().clear_calls();
    let begun = Instant::now();
    let (_, ready) = tokio::try_join!(fleet::create_all(&accounts, names), watch.all(count, timeout))?;
    if ready.len() < count {
        let missing = count - ready.len();
        return Err(Error::Unexpected(format!(
            "{missing} of {count} accounts are not Ready after {timeout:.0?}"
        )));
    }
    let took = ready.values().max().map_or(timeout, |last| last.duration_since(begun));
    let work = meter.finish(tenant).await?;
    let figures = controller.figures()?;
    Ok(Fleet { count, took, cpu: figures.cpu.saturating_sub(cpu), peak_memory: figures.peak_memory, work })
}
