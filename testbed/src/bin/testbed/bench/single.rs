//! `testbed bench single`: one account after another when nothing fails. The time from apply to Ready is
//! compared with the account's slowest Create, which nothing can be faster than.

use std::path::Path;
use std::time::{Duration, Instant};

use ivs_simulator::{Call, Latency};
use testbed::Error;
use testbed::threshold::Threshold;

use super::counters::Meter;
use super::fleet::{self, ReadyWatch};
use super::report::{Report, figure, percentile};
use super::rig::{self, Quotas};
use crate::accounts;

/// Number of accounts created before measuring, so that connections are open and code is loaded.
const WARM_UP: usize = 3;
const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// Latency of each Create.
const LATENCY: Duration = Duration::from_millis(200);

pub(super) async fn run(operator: &Path, count: usize) -> Result<Report, Error> {
    let mut report =
        Report::new("single", format!("{count} accounts, one after another; each Create takes {LATENCY:?}"));
    let tenant = rig::start(operator).await?;
    tenant.simulator().set_latency(Latency::constant(LATENCY).on("Create*"));
    let _controller = rig::controller(&tenant, Quotas::Disabled).try_start().await?;
    let accounts = accounts::accounts(&tenant);
    let mut watch = ReadyWatch::new(accounts.clone());
    let mut time = async |name: &str| {
        let asked = Instant::now();
        fleet::create(&accounts, name).await?;
        Ok::<_, Error>(watch.one(name, READY_TIMEOUT).await?.duration_since(asked))
    };
    for name in fleet::names("warm-up", WARM_UP) {
        time(&name).await?;
    }
    let meter = Meter::start(&tenant).await?;
    tenant.simulator().clear_calls();
    let mut took = Vec::new();
    for name in fleet::names("streamer", count) {
        took.push((time(&name).await?, name));
    }
    let work = meter.finish(&tenant).await?;

    let calls = tenant.simulator().calls();
    let took = took.into_iter().map(|(ready, name)| Ok((ready, slowest_create(&calls, &name)?)));
    let took = took.collect::<Result<Vec<_>, Error>>()?;
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let ratios = || took.iter().map(|(ready, create)| ready.div_duration_f64(*create));
    report.add("apply to Ready, ms, median", percentile(took.iter().map(|(ready, _)| millis(*ready)), 50));
    report.add("slowest Create, ms, median", percentile(took.iter().map(|(_, create)| millis(*create)), 50));
    report.add_with_goal(
        "apply to Ready / slowest Create, median",
        percentile(ratios(), 50),
        Threshold::AtMost(1.1),
    );
    report.add("apply to Ready / slowest Create, 95th percentile", percentile(ratios(), 95));
    work.add_to(&mut report, count);
    let lists = calls.iter().filter(|call| call.operation.starts_with("List")).count();
    let per_account = |calls: usize| figure(calls as u64) / figure(count as u64);
    report.add_with_goal("AWS calls per account", per_account(calls.len()), Threshold::AtMost(3.0));
    report.add_with_goal("AWS lists per account", per_account(lists), Threshold::AtMost(0.0));
    let api = work.api;
    // One write per account is our own create.
    let until_ready = figure(api.accounts + api.statuses + api.secrets) / figure(count as u64) - 1.0;
    report.add_with_goal("Kubernetes writes per account until Ready", until_ready, Threshold::AtMost(4.0));
    Ok(report)
}

/// Returns the duration of an account's slowest Create, from the simulator's journal.
fn slowest_create(calls: &[Call], name: &str) -> Result<Duration, Error> {
    let creates = calls.iter().filter(|call| call.operation.starts_with("Create") && call.is_about(name));
    let took = creates.filter_map(|call| call.answered?.checked_sub(call.arrived));
    took.max().ok_or_else(|| Error::Unexpected(format!("AWS received no Create for {name}")))
}
