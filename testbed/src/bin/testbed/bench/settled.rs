//! A fleet of settled accounts, and a controller that has nothing to do for them.

use std::path::Path;
use std::time::{Duration, Instant};

use testbed::threshold::Threshold;
use testbed::{Error, Operator, Tenant};

use super::counters::{ApiRequests, ControllerCounts};
use super::report::{Report, figure};
use super::rig::{self, Quotas};
use super::seed;

/// Time between the starts of two resyncs, shorter than usual so that a benchmark sees some.
pub(super) const RESYNC_INTERVAL: Duration = Duration::from_secs(20);
/// Time without a reconcile after which the controller counts as settled.
const QUIET: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum time to settle, and for a resync: for each account, and besides.
const TIMEOUT_PER_ACCOUNT: Duration = Duration::from_millis(15);
const TIMEOUT: Duration = Duration::from_mins(2);
/// Goal for the memory in MiB: 45 with up to 10,000 accounts, 250 with 100,000.
const BASE_MEMORY: f64 = 22.2;
const MEMORY_PER_ACCOUNT: f64 = 205.0 / 90_000.0;

/// Settled accounts, and the controller once one was started.
pub(super) struct Settled {
    pub(super) tenant: Tenant,
    pub(super) count: usize,
    /// Memory of a controller with one account, in bytes.
    pub(super) empty_memory: u64,
    controller: Option<Operator>,
}

impl Settled {
    /// Starts an environment and seeds the accounts.
    pub(super) async fn seed(operator: &Path, count: usize) -> Result<Self, Error> {
        println!("\nseeding {count} settled accounts");
        let (begun, tenant) = (Instant::now(), rig::start(operator).await?);
        let empty_memory = seed::seed(&tenant, count).await?;
        println!("  seeded in {:.0?}", begun.elapsed());
        Ok(Self { tenant, count, empty_memory, controller: None })
    }

    /// Returns the goal for the memory of a controller with these accounts, in MiB.
    pub(super) fn memory_goal(&self) -> Threshold {
        let goal = BASE_MEMORY + MEMORY_PER_ACCOUNT * figure(self.count.max(10_000) as u64);
        Threshold::AtMost((goal * 10.0).round() / 10.0)
    }

    /// Returns the controller, without quotas, once it has found all accounts settled. Starts it if none
    /// runs.
    pub(super) async fn controller(&mut self) -> Result<&mut Operator, Error> {
        if self.controller.is_none() {
            let controller = rig::controller(&self.tenant, Quotas::Disabled)
                .env("STREAMCAT_RESYNC_INTERVAL", format!("{}s", RESYNC_INTERVAL.as_secs()));
            self.controller = Some(controller.try_start_unready().await?);
        }
        let timeout = self.timeout();
        wait_until_settled(self.running()?, timeout).await?;
        self.running()
    }

    /// Returns the controller that runs.
    pub(super) fn running(&mut self) -> Result<&mut Operator, Error> {
        self.controller.as_mut().ok_or_else(|| Error::Unexpected("no controller runs".into()))
    }

    /// Stops the controller.
    pub(super) async fn stop_controller(&mut self) -> Result<(), Error> {
        if let Some(mut controller) = self.controller.take() {
            controller.try_terminate().await?;
        }
        Ok(())
    }

    /// Waits until this number of resyncs has finished.
    pub(super) async fn wait_for_resyncs(&self, count: usize) -> Result<(), Error> {
        let controller = self.controller.as_ref();
        let controller = controller.ok_or_else(|| Error::Unexpected("no controller runs".into()))?;
        for _ in 0..count {
            let (begun, before) = (Instant::now(), ControllerCounts::read(controller).await?.last_resync);
            #[expect(clippy::float_cmp, reason = "the time is a whole number")]
            while ControllerCounts::read(controller).await?.last_resync == before {
                if begun.elapsed() > self.timeout() {
                    return Err(Error::Unexpected(format!("no resync within {:.0?}", self.timeout())));
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Duration {
        TIMEOUT + TIMEOUT_PER_ACCOUNT.mul_f64(figure(self.count as u64))
    }

    /// Returns the changes that were counted until now.
    pub(super) async fn changes(&self) -> Result<Changes, Error> {
        let calls = self.tenant.simulator().calls();
        let is_read =
            |operation: &str| ["List", "Get", "BatchGet"].iter().any(|verb| operation.starts_with(verb));
        let aws = calls.iter().filter(|call| !is_read(&call.operation)).count();
        let api = ApiRequests::read(&self.tenant).await?;
        Ok(Changes { kubernetes: api.accounts + api.statuses + api.secrets + api.events, aws: aws as u64 })
    }
}

/// Number of changes of Kubernetes and AWS.
#[derive(Clone, Copy)]
pub(super) struct Changes {
    kubernetes: u64,
    aws: u64,
}

impl Changes {
    /// Adds the changes since `before` to a report. There is nothing to change.
    pub(super) fn add_since(self, before: Self, report: &mut Report) {
        let none = Threshold::AtMost(0.0);
        report.add_with_goal("writes to Kubernetes", figure(self.kubernetes - before.kubernetes), none);
        report.add_with_goal("changes of AWS", figure(self.aws - before.aws), none);
    }
}

/// Waits until a resync has finished and nothing is reconciled any more.
async fn wait_until_settled(controller: &Operator, timeout: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    let (mut last, mut since) = (ControllerCounts::read(controller).await?.reconciles, Instant::now());
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let counts = ControllerCounts::read(controller).await?;
        #[expect(clippy::float_cmp, reason = "counts are whole numbers")]
        if counts.reconciles != last {
            (last, since) = (counts.reconciles, Instant::now());
        }
        if counts.last_resync > 0.0 && since.elapsed() > QUIET {
            return Ok(());
        }
        if begun.elapsed() > timeout {
            return Err(Error::Unexpected(format!("the controller has not settled within {timeout:.0?}")));
        }
    }
}
