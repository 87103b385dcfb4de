//! `testbed bench blocked`: many accounts cannot become Ready, because AWS's quota of stages is used up,
//! while a few people act.

use std::path::Path;
use std::time::{Duration, Instant};

use kube::api::{DynamicObject, ListParams};
use testbed::threshold::Threshold;
use testbed::{Error, Tenant};

use super::counters::ApiRequests;
use super::fleet;
use super::people::{IMPORT, People};
use super::report::{Report, figure};
use super::rig::{self, AWS_RATE, Quotas};
use crate::accounts;

/// Time for which the calls of blocked accounts are counted: the interval at which each is retried.
const WINDOW: Duration = Duration::from_mins(2);
/// Maximum time to wait for a call.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn run(operator: &Path, count: usize) -> Result<Report, Error> {
    let conditions = format!(
        "{count} accounts wait for a stage; AWS's quota of {AWS_RATE} calls per second for each operation"
    );
    let mut report = Report::new("blocked", conditions);
    let tenant = rig::start_cluster_wide(operator).await?;
    let _controller = rig::controller(&tenant, Quotas::Rate(AWS_RATE)).try_start().await?;
    let people = People::settle(&tenant).await?;
    tenant.simulator().set_limit("stages", Some(tenant.simulator().counts().stages));
    fleet::create_all(&accounts::accounts_in(&tenant, IMPORT), fleet::names("streamer", count)).await?;
    // A quarter more than the time that their channels take at this rate, and some.
    let allowed = Duration::from_secs_f64(1.25 * figure(count as u64) / f64::from(AWS_RATE)) + PATIENCE;
    let (untried, took) = wait_until_tried(&tenant, allowed).await?;
    let none = Threshold::AtMost(0.0);
    report.add_with_goal("accounts that do not say why they wait", figure(untried as u64), none);
    report.add("s until each says so", took.as_secs_f64());

    tenant.simulator().clear_calls();
    let before = ApiRequests::read(&tenant).await?;
    tokio::time::sleep(WINDOW).await;
    let writes = ApiRequests::read(&tenant).await? - before;
    let calls = tenant.simulator().calls();
    let probes = calls.iter().filter(|call| call.operation == "CreateStage").count();
    let per_minute = |calls: usize| figure(calls as u64) * 60.0 / WINDOW.as_secs_f64();
    report.add_with_goal("CreateStage calls per minute", per_minute(probes), Threshold::AtMost(6.0));
    report.add("AWS calls per minute", per_minute(calls.len()));
    report.add_with_goal("status writes", figure(writes.statuses), none);
    people.add_first_calls(&mut report, PATIENCE).await?;
    Ok(report)
}

/// Waits until each account says that the quota is used up. Returns the number of those that do not, and the
/// time.
async fn wait_until_tried(tenant: &Tenant, timeout: Duration) -> Result<(usize, Duration), Error> {
    let (accounts, begun) = (accounts::accounts_in(tenant, IMPORT), Instant::now());
    let is_blocked = |account: &DynamicObject| {
        let conditions = account.data["status"]["conditions"].as_array();
        conditions.into_iter().flatten().any(|condition| condition["reason"] == "QuotaExceeded")
    };
    loop {
        let all = accounts.list(&ListParams::default()).await;
        let all = all.map_err(Error::kube("list the accounts"))?;
        let untried = all.iter().filter(|account| !is_blocked(account)).count();
        if untried == 0 || begun.elapsed() > timeout {
            return Ok((untried, begun.elapsed()));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
