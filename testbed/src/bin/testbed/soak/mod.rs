//! `testbed soak`: many accounts of two installations in one AWS account come, change and go while everything around
//! them fails at random. At the end cluster, PostgreSQL and AWS must agree, account by account, and neither installation
//! may have touched what the other one made.

mod aws;
mod census;
mod crashes;
mod customer;
mod ledger;
mod owners;
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
use self::owners::Owners;
use self::tally::Tally;
use self::verdict::Verdict;
use self::wish::Account;
use crate::OperatorArgument;

/// How many people ask each installation for things at the same time.
const CUSTOMERS: usize = 2;
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
    let first = testbed.try_tenant("soak").await?;
    let tenants = [first.try_neighbour("soak-beside").await?, first];
    let tally = Tally::begin();
    let mut controllers = [Controllers::start(&tenants[0]).await?, Controllers::start(&tenants[1]).await?];

    let duration = Duration::try_from_secs_f64(minutes * 60.0)
        .map_err(|error| Error::Unexpected(format!("--minutes {minutes}: {error}")))?;
    let wishes = trouble(&tenants, &mut controllers, &tally, accounts / 2, duration, seed).await?;
    println!("nothing fails any more: waiting until all is as it should be");
    let mut verdict = settle(&tenants, &tally, &wishes).await?;
    verdict.foreign.extend(Owners::of(&tenants[0]).trespasses(&tenants[0]));
    controllers.iter_mut().try_for_each(Controllers::check)?;

    println!("\n{verdict}{}{tally}\n{}", Ledger::of(&tenants[0]), verdict.summary());
    for name in verdict.names() {
        println!("\n{}", ledger::story(&tenants[0], name));
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everybody wants something, and everything fails, for so long; what is wanted of each installation at the end. Both
/// have accounts of the same names.
async fn trouble(
    tenants: &[Tenant; 2],
    controllers: &mut [Controllers<'_>; 2],
    tally: &Tally,
    accounts: usize,
    duration: Duration,
    seed: u64,
) -> Result<[Vec<Account>; 2], Error> {
    let until = Instant::now() + duration;
    let (beside, first) = (&tenants[0], &tenants[1]);
    aws::trouble(first.simulator(), seed);
    let customers = |tenant, actor: usize| {
        let customers = (0..CUSTOMERS).map(move |number| {
            let mine = wish::accounts(accounts).skip(number).step_by(CUSTOMERS).collect();
            customer::serve(tenant, mine, tally, until, dice(seed, (actor + number) as u64))
        });
        futures::future::try_join_all(customers)
    };
    let [beside_crashes, first_crashes] = controllers;
    let (beside_wishes, first_wishes, (), (), (), (), ()) = tokio::try_join!(
        customers(beside, 10),
        customers(first, 0),
        beside_crashes.crash_at_random(tally, until, dice(seed, 103)),
        first_crashes.crash_at_random(tally, until, dice(seed, 100)),
        crashes::restart_postgres(first, tally, until, dice(seed, 101)),
        crashes::restart_apiserver(first, tally, until, dice(seed, 102)),
        tally.tell(first, until),
    )?;
    aws::peace(first.simulator());
    Ok([beside_wishes.concat(), first_wishes.concat()])
}

/// Waits until all is as it should be, and stays so; if it does not come to that, what is wrong at the end.
async fn settle(tenants: &[Tenant; 2], tally: &Tally, wishes: &[Vec<Account>; 2]) -> Result<Verdict, Error> {
    let (deadline, mut owners) = (Instant::now() + SETTLE, Owners::default());
    loop {
        let verdict = judge(tenants, wishes, &mut owners).await?;
        if verdict.is_clean() {
            println!("{}  all is as it should be: looking whether it stays so", tally.clock());
            tokio::time::sleep(QUIET).await;
            return judge(tenants, wishes, &mut owners).await;
        }
        if Instant::now() >= deadline {
            return Ok(verdict);
        }
        println!("{}  {}", tally.clock(), verdict.summary());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Both installations by themselves, and what one did to the other.
async fn judge(
    tenants: &[Tenant; 2],
    wishes: &[Vec<Account>; 2],
    owners: &mut Owners,
) -> Result<Verdict, Error> {
    let state = tenants[0].simulator().state();
    if !owners.know(&state) {
        *owners = Owners::of(&tenants[0]);
    }
    let mut whole = Verdict::default();
    for (tenant, wishes) in tenants.iter().zip(wishes) {
        whole.add(verdict::judge(wishes, &Census::take(tenant, &state, owners).await?));
    }
    Ok(whole)
}
