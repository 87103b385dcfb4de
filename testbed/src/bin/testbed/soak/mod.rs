//! `testbed soak`: many accounts come, change and go while everything around them fails at random. At the end cluster,
//! PostgreSQL and AWS must agree, account by account.

mod aws;
mod census;
mod crashes;
mod customer;
mod ledger;
mod tally;
mod verdict;
mod wish;

use std::process::ExitCode;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use testbed::{Error, Tenant, Testbed};
use tokio::time::Instant;

use self::census::Census;
use self::crashes::Controllers;
use self::ledger::Ledger;
use self::tally::Tally;
use self::verdict::Verdict;
use self::wish::Account;
use crate::OperatorArgument;

/// How many people ask for things at the same time.
const CUSTOMERS: usize = 4;
/// The longest that it may take, once nothing fails any more, until all is as it should be: twice the longest pause
/// between two tries of the operator.
const SETTLE: Duration = Duration::from_mins(4);
/// How long it must stay so: longer than a resync, a Create's time-out and its grace.
const QUIET: Duration = Duration::from_secs(12);
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many accounts come and go
    #[arg(long, default_value_t = 1000)]
    accounts: usize,
    /// How long things fail
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Makes the same choices again
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    operator: OperatorArgument,
}

/// The random choices of one actor: the same for the same seed, whatever the others do.
fn dice(seed: u64, actor: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_add(actor.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

pub(crate) async fn soak(arguments: Arguments) -> Result<ExitCode, Error> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (accounts, minutes) = (arguments.accounts, arguments.minutes);
    println!("testbed soak --accounts {accounts} --minutes {minutes} --seed {seed}");
    let testbed = Testbed::start().await?.with_operator(arguments.operator.path()?);
    let tenant = testbed.try_tenant("soak").await?;
    let tally = Tally::begin();
    let mut controllers = Controllers::start(&tenant).await?;

    let duration = Duration::try_from_secs_f64(minutes * 60.0)
        .map_err(|error| Error::Unexpected(format!("--minutes {minutes}: {error}")))?;
    let wishes = trouble(&tenant, &mut controllers, &tally, accounts, duration, seed).await?;
    println!("nothing fails any more: waiting until all is as it should be");
    let verdict = settle(&tenant, &tally, &wishes).await?;
    controllers.check()?;

    println!("\n{verdict}{}{tally}\n{}", Ledger::of(&tenant), verdict.summary());
    for name in verdict.names() {
        println!("\n{}", ledger::story(&tenant, name));
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everybody wants something, and everything fails, for so long; what is wanted at the end.
async fn trouble(
    tenant: &Tenant,
    controllers: &mut Controllers<'_>,
    tally: &Tally,
    accounts: usize,
    duration: Duration,
    seed: u64,
) -> Result<Vec<Account>, Error> {
    let until = Instant::now() + duration;
    aws::trouble(tenant.simulator(), seed);
    let customers = (0..CUSTOMERS).map(|number| {
        let mine = wish::accounts(accounts).skip(number).step_by(CUSTOMERS).collect();
        customer::serve(tenant, mine, tally, until, dice(seed, number as u64))
    });
    let (wishes, (), (), (), ()) = tokio::try_join!(
        futures::future::try_join_all(customers),
        controllers.crash_at_random(tally, until, dice(seed, 100)),
        crashes::restart_postgres(tenant, tally, until, dice(seed, 101)),
        crashes::restart_apiserver(tenant, tally, until, dice(seed, 102)),
        tally.tell(tenant, until),
    )?;
    aws::peace(tenant.simulator());
    Ok(wishes.concat())
}

/// Waits until all is as it should be, and stays so; if it does not come to that, what is wrong at the end.
async fn settle(tenant: &Tenant, tally: &Tally, wishes: &[Account]) -> Result<Verdict, Error> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let verdict = verdict::judge(wishes, &Census::take(tenant).await?);
        if verdict.is_clean() {
            println!("{}  all is as it should be: looking whether it stays so", tally.clock());
            tokio::time::sleep(QUIET).await;
            return Ok(verdict::judge(wishes, &Census::take(tenant).await?));
        }
        if Instant::now() >= deadline {
            return Ok(verdict);
        }
        println!("{}  {}", tally.clock(), verdict.summary());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
