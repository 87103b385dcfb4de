//! `testbed bench`: the cost of an account when nothing fails, and the time from apply to Ready relative to
//! its slowest Create.

mod figures;
mod writes;

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::{Stream, TryStreamExt as _};
use ivs_simulator::{Call, Latency};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;
use testbed::{Error, Tenant, Testbed};

use self::figures::BenchFigures;
use self::writes::Writes;
use crate::OperatorArgument;
use crate::accounts;

/// Number of accounts created before measuring, so that connections are open and code is loaded.
const WARM_UP: usize = 3;
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct BenchArguments {
    /// Number of accounts to create, one after another
    #[arg(long, default_value_t = 20)]
    accounts: usize,
    /// Latency of each AWS Create call
    #[arg(long, default_value = "200ms", value_parser = ivs_simulator::parse_duration)]
    latency: Duration,
    #[command(flatten)]
    operator: OperatorArgument,
}

pub(crate) async fn bench(arguments: BenchArguments) -> Result<ExitCode, Error> {
    let operator = arguments.operator.path()?;
    print_header(arguments.accounts, arguments.latency, &operator);
    let tenant = Testbed::start().await?.with_operator(operator).try_tenant("bench").await?;
    tenant.simulator().set_latency(Latency::constant(arguments.latency).on("Create*"));
    let controller = tenant.controller().try_start().await?;

    let mut ready = pin!(watcher(accounts::accounts(&tenant), watcher::Config::default()).applied_objects());
    for number in 0..WARM_UP {
        create_and_wait(&tenant, &format!("warm-up-{number}"), ready.as_mut()).await?;
    }
    let before = wait_for_no_writes(&tenant).await?;
    tenant.simulator().clear_calls();
    let mut took = Vec::new();
    for number in 0..arguments.accounts {
        let name = format!("streamer-{number}");
        took.push((create_and_wait(&tenant, &name, ready.as_mut()).await?, name));
    }
    let writes = wait_for_no_writes(&tenant).await?.since(&before);

    let calls = tenant.simulator().calls();
    let took = took.into_iter().map(|(took, name)| Ok((took, slowest_create(&calls, &name)?)));
    let took = took.collect::<Result<_, Error>>()?;
    print!("{}", BenchFigures { took, calls: &calls, writes });
    drop(controller);
    Ok(ExitCode::SUCCESS)
}

fn print_header(accounts: usize, latency: Duration, operator: &Path) {
    let operator = operator.strip_prefix(testbed::workspace()).unwrap_or(operator);
    println!("{accounts} accounts, one after another; each Create takes {latency:?}; {}", operator.display());
}

/// Creates an account, waits until a watch shows it Ready, and returns the time that this took.
async fn create_and_wait(
    tenant: &Tenant,
    name: &str,
    mut seen: std::pin::Pin<&mut impl Stream<Item = Result<DynamicObject, watcher::Error>>>,
) -> Result<Duration, Error> {
    let account =
        DynamicObject::new(name, &accounts::resource()).data(json!({ "spec": { "username": name } }));
    let asked = Instant::now();
    let created = accounts::accounts(tenant).create(&PostParams::default(), &account).await;
    created.map_err(|e| Error::Kube { action: format!("create {name}"), source: Box::new(e) })?;
    let until_ready = async {
        while let Some(account) = seen.try_next().await.map_err(|e| Error::Unexpected(e.to_string()))? {
            if account.name_any() == name && accounts::is_ready(&account) {
                return Ok(asked.elapsed());
            }
        }
        Err(Error::Unexpected("the watch of the accounts ended".into()))
    };
    let late = |_| Error::Unexpected(format!("{name} is not Ready after {READY_TIMEOUT:?}"));
    tokio::time::timeout(READY_TIMEOUT, until_ready).await.map_err(late)?
}

/// Returns the write counts once they no longer change: events are written after Ready.
async fn wait_for_no_writes(tenant: &Tenant) -> Result<Writes, Error> {
    loop {
        let before = Writes::read(tenant).await?;
        tokio::time::sleep(POLL_INTERVAL).await;
        if Writes::read(tenant).await? == before {
            return Ok(before);
        }
    }
}

/// Returns the duration of an account's slowest Create, from the simulator's journal.
fn slowest_create(calls: &[Call], name: &str) -> Result<Duration, Error> {
    let creates = calls.iter().filter(|call| call.operation.starts_with("Create") && call.is_about(name));
    let took = creates.filter_map(|call| call.answered?.checked_sub(call.arrived));
    took.max().ok_or_else(|| Error::Unexpected(format!("AWS received no Create for {name}")))
}
