//! `testbed bench restart`: the time from the start of a controller with settled accounts, under AWS's
//! quotas, until a new account is Ready. Another controller was stopped before.

use std::time::{Duration, Instant};

use testbed::threshold::Threshold;
use testbed::{Error, wait};

use super::fleet;
use super::report::{Report, figure, mebibytes};
use super::rig::{self, AWS_RATE, Quotas};
use super::settled::Settled;
use crate::accounts;

/// Maximum time to wait for the new account.
const PATIENCE: Duration = Duration::from_mins(3);
const NEW: &str = "new";

pub(super) async fn run(settled: &mut Settled) -> Result<Report, Error> {
    // It has listed AWS, and the Lease has its token.
    settled.controller().await?;
    settled.stop_controller().await?;
    let (tenant, count) = (&settled.tenant, settled.count);
    let conditions =
        format!("{count} settled accounts; AWS's quota of {AWS_RATE} calls per second for each operation");
    let mut report = Report::new("restart", conditions);
    tenant.simulator().clear_calls();
    let begun = Instant::now();
    let mut controller = rig::controller(tenant, Quotas::Rate(AWS_RATE)).try_start_unready().await?;
    let accounts = accounts::accounts(tenant);
    fleet::create(&accounts, NEW).await?;
    let served = wait::until("the new account is Ready", PATIENCE, || async {
        accounts.get(NEW).await.is_ok_and(|account| accounts::is_ready(&account))
    });
    let took = match served.await {
        Ok(()) => begun.elapsed().as_secs_f64(),
        Err(Error::Deadline { .. }) => f64::INFINITY,
        Err(error) => return Err(error),
    };
    report.add_with_goal("s from the start until a new account is Ready", took, Threshold::Below(5.0));
    report.add("AWS calls until then", figure(tenant.simulator().calls().len() as u64));
    report.add_with_goal(
        "peak memory until then, MiB",
        mebibytes(controller.figures()?.peak_memory),
        settled.memory_goal(),
    );
    controller.try_terminate().await?;
    Ok(report)
}
