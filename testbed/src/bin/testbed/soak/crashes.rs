//! Controllers, PostgreSQL, and the API server are killed at random and restarted.

use std::ops::Range;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use testbed::{Error, Operator, Tenant};
use tokio::time::Instant;

use super::owners;
use super::tally::Tally;

/// Range of a controller's uptime and of its downtime, in milliseconds.
const LIFETIME_MS: Range<u64> = 1_000..8_000;
const DOWNTIME_MS: Range<u64> = 0..2_000;
/// Maximum uptime of PostgreSQL and of the API server, unless the whole soak is shorter.
const POSTGRES_MAX_UPTIME: Duration = Duration::from_mins(1);
const APISERVER_MAX_UPTIME: Duration = Duration::from_mins(2);

/// Range of the uptime as a fraction of the maximum, so that each is killed even in the shortest soak.
const UPTIME_FRACTION: Range<f64> = 0.3..0.7;

/// Two controllers of one installation that run without leader election.
pub(super) struct Controllers<'a> {
    tenant: &'a Tenant,
    running: [Operator; 2],
}

impl<'a> Controllers<'a> {
    pub(super) async fn start(tenant: &'a Tenant) -> Result<Self, Error> {
        let running = [start(tenant).await?, start(tenant).await?];
        Ok(Self { tenant, running })
    }

    /// Kills and restarts one of the controllers repeatedly.
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

    /// Fails if a controller has ended by itself.
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
    // The simulator's journal distinguishes installations by their access key.
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

/// Sleeps for `pause`. Returns false if the deadline comes first.
async fn sleep(pause: Duration, until: Instant) -> bool {
    let wake = Instant::now() + pause;
    tokio::time::sleep_until(wake.min(until)).await;
    wake < until
}
