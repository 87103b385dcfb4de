//! `testbed soak`: two installations in one AWS account create, edit, and delete many accounts while
//! everything fails at random. At the end the cluster, PostgreSQL, and AWS must agree on each account, and
//! neither installation may have changed the other's resources.

mod aws;
mod crashes;
mod desired;
mod ledger;
mod owners;
mod snapshot;
mod tally;
mod verdict;
mod workload;

use std::process::ExitCode;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use testbed::{Error, Tenant, Testbed};
use tokio::time::Instant;

use self::crashes::Controllers;
use self::desired::Account;
use self::ledger::Ledger;
use self::owners::Owners;
use self::snapshot::Snapshot;
use self::tally::Tally;
use self::verdict::Verdict;
use crate::OperatorArgument;

/// Number of concurrent workloads per installation.
const WORKLOADS: usize = 2;
/// Maximum time until all records agree after the last fault: twice the operator's longest retry interval.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(4);
/// Time for which all records must agree: longer than a resync, and than a Create's timeout plus its grace.
const STABLE_PERIOD: Duration = Duration::from_secs(12);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct SoakArguments {
    /// Number of accounts
    #[arg(long, default_value_t = 1000)]
    accounts: usize,
    /// Minutes during which faults are injected
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Seed of the random choices; prints a random one by default
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    operator: OperatorArgument,
}

/// Returns the random numbers of one actor. They depend only on the seed and the actor.
fn rng(seed: u64, actor: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_add(actor.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

pub(crate) async fn soak(arguments: SoakArguments) -> Result<ExitCode, Error> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (accounts, minutes) = (arguments.accounts, arguments.minutes);
    println!("testbed soak --accounts {accounts} --minutes {minutes} --seed {seed}");
    let testbed = Testbed::start().await?.with_operator(arguments.operator.path()?);
    let first = testbed.try_tenant("soak").await?;
    let tenants = [first.try_peer("soak-peer").await?, first];
    let tally = Tally::new();
    let mut controllers = [Controllers::start(&tenants[0]).await?, Controllers::start(&tenants[1]).await?];

    let duration = Duration::try_from_secs_f64(minutes * 60.0)
        .map_err(|error| Error::Unexpected(format!("--minutes {minutes}: {error}")))?;
    let accounts = run_with_faults(&tenants, &mut controllers, &tally, accounts / 2, duration, seed).await?;
    println!("faults have stopped: waiting until all records agree");
    let mut verdict = settle(&tenants, &tally, &accounts).await?;
    verdict.foreign.extend(Owners::of(&tenants[0]).foreign_changes(&tenants[0]));
    controllers.iter_mut().try_for_each(Controllers::check)?;

    println!("\n{verdict}{}{tally}\n{}", Ledger::of(&tenants[0]), verdict.summary());
    for name in verdict.names() {
        println!("\n{}", ledger::call_log(&tenants[0], name));
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs all workloads while everything fails, for this long. Returns the desired state of each installation
/// at the end. Both have accounts of the same names.
async fn run_with_faults(
    tenants: &[Tenant; 2],
    controllers: &mut [Controllers<'_>; 2],
    tally: &Tally,
    accounts: usize,
    duration: Duration,
    seed: u64,
) -> Result<[Vec<Account>; 2], Error> {
    let until = Instant::now() + duration;
    let (peer, first) = (&tenants[0], &tenants[1]);
    aws::inject_faults(first.simulator(), seed);
    let workloads = |tenant, actor: usize| {
        let workloads = (0..WORKLOADS).map(move |number| {
            let accounts = desired::accounts(accounts).skip(number).step_by(WORKLOADS).collect();
            workload::run(tenant, accounts, tally, until, rng(seed, (actor + number) as u64))
        });
        futures::future::try_join_all(workloads)
    };
    let [peer_controllers, first_controllers] = controllers;
    let (peer_accounts, first_accounts, (), (), (), (), ()) = tokio::try_join!(
        workloads(peer, 10),
        workloads(first, 0),
        peer_controllers.crash_at_random(tally, until, rng(seed, 103)),
        first_controllers.crash_at_random(tally, until, rng(seed, 100)),
        crashes::restart_postgres(first, tally, until, rng(seed, 101)),
        crashes::restart_apiserver(first, tally, until, rng(seed, 102)),
        tally.report(first, until),
    )?;
    aws::clear_faults(first.simulator());
    Ok([peer_accounts.concat(), first_accounts.concat()])
}

/// Waits until all records agree and keep agreeing. Returns the last verdict.
async fn settle(
    tenants: &[Tenant; 2],
    tally: &Tally,
    accounts: &[Vec<Account>; 2],
) -> Result<Verdict, Error> {
    let (deadline, mut owners) = (Instant::now() + SETTLE_TIMEOUT, Owners::default());
    loop {
        let verdict = judge(tenants, accounts, &mut owners).await?;
        if verdict.is_clean() {
            println!("{}  all records agree: checking that they keep agreeing", tally.clock());
            tokio::time::sleep(STABLE_PERIOD).await;
            return judge(tenants, accounts, &mut owners).await;
        }
        if Instant::now() >= deadline {
            return Ok(verdict);
        }
        println!("{}  {}", tally.clock(), verdict.summary());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Checks both installations, and what each did to the other's resources.
async fn judge(
    tenants: &[Tenant; 2],
    accounts: &[Vec<Account>; 2],
    owners: &mut Owners,
) -> Result<Verdict, Error> {
    let state = tenants[0].simulator().state();
    if !owners.cover(&state) {
        *owners = Owners::of(&tenants[0]);
    }
    let mut whole = Verdict::default();
    for (tenant, accounts) in tenants.iter().zip(accounts) {
        whole.add(verdict::judge(accounts, &Snapshot::take(tenant, &state, owners).await?));
    }
    Ok(whole)
}
