//! Controllers, PostgreSQL and the API server die at random, and are started again.

use std::ops::Range;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use testbed::{Error, Operator, Tenant};
use tokio::time::Instant;

use super::owners;
use super::tally::Tally;

/// How long a controller lives, and how long it is away, in milliseconds.
const LIFETIME_MS: Range<u64> = 1_000..8_000;
const DOWNTIME_MS: Range<u64> = 0..2_000;
/// The longest that PostgreSQL and the API server live, unless the whole soak is shorter.
const POSTGRES_MAX_UPTIME: Duration = Duration::from_mins(1);
const APISERVER_MAX_UPTIME: Duration = Duration::from_mins(2);

/// So that each dies in the shortest soak too.
const UPTIME_FRACTION: Range<f64> = 0.3..0.7;

/// Two controllers that both believe they lead.
pub(super) struct Controllers<'a> {
    tenant: &'a Tenant,
    running: [Operator; 2],
}

impl<'a> Controllers<'a> {
    pub(super) async fn start(tenant: &'a Tenant) -> Result<Self, Error> {
        let running = [start(tenant).await?, start(tenant).await?];
        Ok(Self { tenant, running })
    }

    /// Kills one, and starts it again, again and again.
    pub(super) async fn crash_at_random(
        &mut self,
        tally: &Tally,
        until: Instant,
        mut rng: StdRng,
    ) -> Result<(), Error> {
        while sleep(Duration::from_millis(rng.random_range(LIFETIME_MS)), until).await {
            self.check()?;
            let controller = &mut self.running[rng.random_range(0..2)];
            controller.kill().await;
            tally.killed.add();
            tokio::time::sleep(Duration::from_millis(rng.random_range(DOWNTIME_MS))).await;
            *controller = start(self.tenant).await?;
        }
        Ok(())
    }

    /// None ends by itself, whatever fails around it.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        for controller in &mut self.running {
            if let Some(status) = controller.exited()? {
                let log = controller.log();
                let tail: Vec<_> = log.lines().rev().take(20).collect();
                let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(Error::Unexpected(format!("a controller ended by itself ({status}):\n{tail}")));
            }
        }
        Ok(())
    }
}

async fn start(tenant: &Tenant) -> Result<Operator, Error> {
    let settings = [
        ("STREAMCAT_AWS_CALL_TIMEOUT", "3s"),
        ("STREAMCAT_CONSISTENCY_GRACE", "4s"),
        ("STREAMCAT_RESYNC_INTERVAL", "5s"),
        ("STREAMCAT_AWS_CALLS_PER_SECOND", "100"),
    ];
    let controller =
        settings.iter().fold(tenant.controller(), |builder, (name, value)| builder.env(*name, *value));
    // By it the simulator's journal tells the installations apart.
    controller.env("AWS_ACCESS_KEY_ID", owners::access_key(tenant)).try_start_unready().await
}

pub(super) async fn restart_postgres(
    tenant: &Tenant,
    tally: &Tally,
    until: Instant,
    mut rng: StdRng,
) -> Result<(), Error> {
    let longest = POSTGRES_MAX_UPTIME.min(until.saturating_duration_since(Instant::now()));
    while sleep(longest.mul_f64(rng.random_range(UPTIME_FRACTION)), until).await {
        tenant.testbed().restart_postgres().await?;
        tally.postgres.add();
    }
    Ok(())
}

pub(super) async fn restart_apiserver(
    tenant: &Tenant,
    tally: &Tally,
    until: Instant,
    mut rng: StdRng,
) -> Result<(), Error> {
    let longest = APISERVER_MAX_UPTIME.min(until.saturating_duration_since(Instant::now()));
    while sleep(longest.mul_f64(rng.random_range(UPTIME_FRACTION)), until).await {
        tenant.testbed().restart_apiserver().await?;
        tally.apiserver.add();
    }
    Ok(())
}

/// Sleeps; false when the time is up first.
async fn sleep(pause: Duration, until: Instant) -> bool {
    let wake = Instant::now() + pause;
    tokio::time::sleep_until(wake.min(until)).await;
    wake < until
}
