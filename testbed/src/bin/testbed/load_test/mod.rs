//! `testbed load-test`: registrations per second, compared with the hashing capacity of the same cores; then
//! an overload of ten times that rate.

mod cores;
mod figures;
mod health;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordHasher as _};
use futures::future::try_join_all;
use testbed::load_generator::{self, Outcome, generate_load};
use testbed::{Error, Operator, Testbed};

use self::cores::Cores;
use self::figures::LoadTestFigures;
use self::health::HealthProbe;
use crate::OperatorArgument;

/// Concurrent requests per hashing core, enough to keep each core busy.
const CLIENTS_PER_CORE: usize = 8;
/// Rate of registrations under overload, relative to the hash capacity.
const OVERLOAD_FACTOR: f64 = 10.0;

#[derive(clap::Args)]
pub(crate) struct LoadTestArguments {
    /// Duration of the measurement of registrations per second
    #[arg(long, default_value = "10s", value_parser = ivs_simulator::parse_duration)]
    duration: Duration,
    /// Duration of the overload
    #[arg(long, default_value = "1m", value_parser = ivs_simulator::parse_duration)]
    overload_duration: Duration,
    #[command(flatten)]
    operator: OperatorArgument,
}

pub(crate) async fn load_test(arguments: LoadTestArguments) -> Result<ExitCode, Error> {
    let operator = arguments.operator.path()?;
    // Before anything is started, because child processes inherit the affinity.
    let cores = Cores::split()?;
    println!(
        "cores of the registration server: {}; of everything else: {}",
        cores.registration, cores.others
    );
    let tenant = Testbed::start().await?.with_operator(operator).try_tenant("load-test").await?;
    let registration = tenant.registration().pin_to_cores(cores.registration.to_string());
    let unlimited = u32::MAX.to_string();
    let registration = registration
        .env("STREAMCAT_MAX_ATTEMPTS_PER_IP", &unlimited)
        .env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", &unlimited)
        .env("STREAMCAT_MAX_READS_PER_IP", &unlimited)
        .env("STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", unlimited)
        .env("STREAMCAT_MAX_CONNECTIONS_PER_IP", "65535")
        .try_start()
        .await?;

    let before = hashes(&cores, arguments.duration / 2).await?;
    let registered = registrations(&registration, &cores, arguments.duration).await?;
    let hashed = before.midpoint(hashes(&cores, arguments.duration / 2).await?);
    println!(
        "overload: {:.0} registrations per second for {:?}",
        OVERLOAD_FACTOR * hashed,
        arguments.overload_duration
    );
    let health = HealthProbe::start(registration.admin_url());
    let ended =
        generate_load(registration.url(), OVERLOAD_FACTOR * hashed, arguments.overload_duration).await;
    let figures = LoadTestFigures {
        registered,
        hashed,
        health: health.finish()?,
        memory: registration.peak_memory()?,
        hash_pool: cores.registration.count(),
        ended: &ended,
    };
    print!("{figures}");
    match ended.iter().find(|ended| matches!(ended, Outcome::Unexpected(_) | Outcome::NoResponse(_))) {
        None => Ok(ExitCode::SUCCESS),
        Some(unexpected) => Err(Error::Unexpected(format!(
            "a registration was neither accepted nor told to retry: {unexpected:?}"
        ))),
    }
}

/// Returns the number of passwords per second that the registration server's cores hash when they do nothing
/// else.
async fn hashes(cores: &Cores, duration: Duration) -> Result<f64, Error> {
    let registration = cores.registration.clone();
    let hashing = tokio::task::spawn_blocking(move || {
        let hash = || {
            registration.pin_current_thread()?;
            let (started, mut count) = (Instant::now(), 0_u32);
            while started.elapsed() < duration {
                let hashed = Argon2::default().hash_password(b"correct horse battery");
                hashed.map_err(|error| Error::Unexpected(format!("no hash: {error}")))?;
                count += 1;
            }
            Ok(f64::from(count) / started.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..registration.count()).map(|_| scope.spawn(hash)).collect();
            let panicked = |_| Error::Unexpected("a hashing thread panicked".into());
            threads.into_iter().map(|thread| thread.join().map_err(panicked)?).sum()
        })
    });
    hashing.await.map_err(|error| Error::Unexpected(error.to_string()))?
}

/// Returns the number of registrations per second at full load.
async fn registrations(registration: &Operator, cores: &Cores, duration: Duration) -> Result<f64, Error> {
    let (started, next) = (Instant::now(), AtomicU32::new(0));
    let client = async || {
        let mut registered = 0_u32;
        while started.elapsed() < duration {
            register(registration, next.fetch_add(1, Ordering::Relaxed)).await?;
            registered += 1;
        }
        Ok::<_, Error>(registered)
    };
    let registered: u32 = try_join_all((0..CLIENTS_PER_CORE * cores.registration.count()).map(|_| client()))
        .await?
        .iter()
        .sum();
    Ok(f64::from(registered) / started.elapsed().as_secs_f64())
}

async fn register(registration: &Operator, number: u32) -> Result<(), Error> {
    let url = format!("{}/register", registration.url());
    match load_generator::register(url, format!("streamer-{number}")).await {
        Outcome::Accepted => Ok(()),
        ended => Err(Error::Unexpected(format!("streamer-{number} is not registered: {ended:?}"))),
    }
}
