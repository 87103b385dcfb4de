//! `testbed bench`: the figures of docs/performance.md, with their goals.

mod backlog;
mod blocked;
mod cold;
mod counters;
mod fleet;
mod idle;
mod people;
mod registration;
mod report;
mod restart;
mod resync;
mod rig;
mod seed;
mod settled;
mod single;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use testbed::Error;

use self::report::Report;
use self::settled::Settled;
use crate::OperatorArgument;

/// Default numbers of accounts. All benchmarks together take at most 30 minutes on two cores.
const SINGLE: usize = 20;
const COLD: usize = 10_000;
const COLD_UNDER_QUOTAS: usize = 600;
const BACKLOG: usize = 10_000;
const BLOCKED: usize = 750;
const SETTLED: usize = 100_000;
/// Default quotas of `cold --quotas`, as a multiple of AWS's.
const SCALE: u32 = 2;
/// Default durations of `registration`.
const REGISTRATION: Duration = Duration::from_secs(10);
const OVERLOAD: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// The benchmark to run [default: all, which takes up to 30 minutes on two cores]
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
    /// Also write the figures to this file, as JSON
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    operator: OperatorArgument,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Accounts one after another: the time from apply to Ready, and the work for each
    Single {
        /// Number of accounts
        #[arg(default_value_t = SINGLE)]
        accounts: usize,
    },
    /// Accounts that are created at once: speed, and whether the cost of an account grows with their number
    Cold(ColdArguments),
    /// A few people act while many accounts wait for AWS's quotas
    Backlog {
        /// Number of accounts that wait
        #[arg(default_value_t = BACKLOG)]
        accounts: usize,
    },
    /// A few people act while many accounts wait for a stage, because AWS's quota of stages is used up
    Blocked {
        /// Number of accounts that wait
        #[arg(default_value_t = BLOCKED)]
        accounts: usize,
    },
    /// The memory of a controller with settled accounts
    Idle(SettledArguments),
    /// The time from the start of a controller with settled accounts until a new account is Ready
    Restart(SettledArguments),
    /// The calls and the memory of a start and of a resync with settled accounts
    Resync(SettledArguments),
    /// Registrations per second, and the behavior at ten times the capacity
    Registration {
        /// Duration of the measurement of registrations per second [default: 10s]
        #[arg(long, value_parser = ivs_simulator::parse_duration)]
        duration: Option<Duration>,
        /// Duration of the overload [default: 1m]
        #[arg(long, value_parser = ivs_simulator::parse_duration)]
        overload_duration: Option<Duration>,
    },
}

#[derive(Args)]
struct ColdArguments {
    /// Number of accounts [default: 10000; 600 with --quotas]
    accounts: Option<usize>,
    /// Put quotas into force that are a multiple of AWS's
    #[arg(long)]
    quotas: bool,
    /// The multiple
    #[arg(long, requires = "quotas", default_value_t = SCALE)]
    scale: u32,
}

#[derive(Args)]
struct SettledArguments {
    /// Number of settled accounts
    #[arg(default_value_t = SETTLED)]
    accounts: usize,
}

/// The benchmarks that have run.
#[derive(Default)]
struct Run {
    reports: Vec<Report>,
    /// True if a benchmark could not be finished.
    has_failed: bool,
}

impl Run {
    fn add(&mut self, report: Result<Report, Error>) {
        match report {
            Ok(report) => self.reports.push(report),
            Err(error) => {
                println!("  failed: {error:?}");
                self.has_failed = true;
            }
        }
    }

    /// Runs benchmarks that share the settled accounts.
    async fn add_settled(&mut self, operator: &Path, accounts: usize, which: &[SettledBenchmark]) {
        let mut settled = match Settled::seed(operator, accounts).await {
            Ok(settled) => settled,
            Err(error) => return self.add(Err(error)),
        };
        for benchmark in which {
            self.add(match benchmark {
                SettledBenchmark::Restart => restart::run(&mut settled).await,
                SettledBenchmark::Resync => resync::run(&mut settled).await,
                SettledBenchmark::Idle => idle::run(&mut settled).await,
            });
        }
    }
}

/// A benchmark with settled accounts.
enum SettledBenchmark {
    Restart,
    Resync,
    Idle,
}

pub(crate) async fn bench(arguments: BenchArguments) -> Result<ExitCode, Error> {
    let (begun, operator, mut run) = (Instant::now(), arguments.operator.path()?, Run::default());
    println!("{}", operator.strip_prefix(testbed::workspace()).unwrap_or(&operator).display());
    match arguments.benchmark {
        Some(benchmark) => run_one(benchmark, &operator, &mut run).await,
        None => run_all(&operator, &mut run).await,
    }
    if let Some(path) = &arguments.json {
        report::write_json(path, &run.reports)?;
    }
    let is_met = report::summarize(&run.reports);
    println!("finished in {:.0?}", begun.elapsed());
    Ok(if is_met && !run.has_failed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_one(benchmark: Benchmark, operator: &Path, run: &mut Run) {
    match benchmark {
        Benchmark::Single { accounts } => run.add(single::run(operator, accounts).await),
        Benchmark::Cold(ColdArguments { accounts, quotas: false, .. }) => {
            run.add(cold::run(operator, accounts.unwrap_or(COLD)).await);
        }
        Benchmark::Cold(ColdArguments { accounts, quotas: true, scale }) => {
            run.add(cold::run_under_quotas(operator, accounts.unwrap_or(COLD_UNDER_QUOTAS), scale).await);
        }
        Benchmark::Backlog { accounts } => run.add(backlog::run(operator, accounts).await),
        Benchmark::Blocked { accounts } => run.add(blocked::run(operator, accounts).await),
        Benchmark::Idle(SettledArguments { accounts }) => {
            run.add_settled(operator, accounts, &[SettledBenchmark::Idle]).await;
        }
        Benchmark::Restart(SettledArguments { accounts }) => {
            run.add_settled(operator, accounts, &[SettledBenchmark::Restart]).await;
        }
        Benchmark::Resync(SettledArguments { accounts }) => {
            run.add_settled(operator, accounts, &[SettledBenchmark::Resync]).await;
        }
        Benchmark::Registration { duration, overload_duration } => {
            let (duration, overload) =
                (duration.unwrap_or(REGISTRATION), overload_duration.unwrap_or(OVERLOAD));
            run.add(registration::run(operator, duration, overload).await);
        }
    }
}

async fn run_all(operator: &Path, run: &mut Run) {
    run.add(single::run(operator, SINGLE).await);
    run.add(cold::run(operator, COLD).await);
    run.add(cold::run_under_quotas(operator, COLD_UNDER_QUOTAS, SCALE).await);
    run.add(backlog::run(operator, BACKLOG).await);
    run.add(blocked::run(operator, BLOCKED).await);
    let settled = [SettledBenchmark::Restart, SettledBenchmark::Resync, SettledBenchmark::Idle];
    run.add_settled(operator, SETTLED, &settled).await;
    // Last, because it binds this process to half of the cores.
    run.add(registration::run(operator, REGISTRATION, OVERLOAD).await);
}
