//! `testbed crowd`: how many register in a second, beside how many passwords the same cores could hash; then a flood of ten
//! times that many.

mod cores;
mod figures;
mod health;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordHasher as _};
use futures::future::try_join_all;
use serde_json::json;
use testbed::flood::{Ended, flood};
use testbed::{Error, Operator, Testbed, http};

use self::cores::Cores;
use self::figures::Figures;
use self::health::Health;
use crate::OperatorArgument;

/// Requests under way for each core that hashes: so many that none waits for work.
const CLIENTS: usize = 8;
/// How much more comes in a flood than can be hashed.
const TOO_MUCH: f64 = 10.0;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long registrations are counted, such as 10s
    #[arg(long, default_value = "10s", value_parser = ivs_simulator::parse_duration)]
    count: Duration,
    /// How long the flood lasts, such as 1m
    #[arg(long, default_value = "1m", value_parser = ivs_simulator::parse_duration)]
    flood: Duration,
    #[command(flatten)]
    operator: OperatorArgument,
}

pub(crate) async fn crowd(arguments: Arguments) -> Result<ExitCode, Error> {
    let operator = arguments.operator.path()?;
    // Before anything is started, which then stays where we are.
    let cores = Cores::split()?;
    println!("the registration has the cores {}; everything else has {}", cores.its_own, cores.others);
    let tenant = Testbed::start().await?.with_operator(operator).try_tenant("crowd").await?;
    let registration = tenant.registration().on_cores(cores.its_own.to_string());
    let unlimited = u32::MAX.to_string();
    let registration = registration
        .env("STREAMCAT_MAX_ATTEMPTS_PER_IP", &unlimited)
        .env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", &unlimited)
        .env("STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", unlimited)
        .env("STREAMCAT_MAX_CONNECTIONS_PER_IP", "65535")
        .try_start()
        .await?;

    let before = hashes(&cores, arguments.count / 2).await?;
    let registered = registrations(&registration, &cores, arguments.count).await?;
    let hashed = before.midpoint(hashes(&cores, arguments.count / 2).await?);
    println!("{:.0} registrations a second come for {:?}", TOO_MUCH * hashed, arguments.flood);
    let health = Health::watch(registration.admin_url());
    let ended = flood(registration.url(), TOO_MUCH * hashed, arguments.flood).await;
    let figures = Figures {
        registered,
        hashed,
        health: health.end()?,
        memory: registration.peak_memory()?,
        hashers: cores.its_own.count(),
        ended: &ended,
    };
    print!("{figures}");
    match ended.iter().find(|ended| matches!(ended, Ended::Otherwise(_) | Ended::Unanswered(_))) {
        None => Ok(ExitCode::SUCCESS),
        Some(strange) => Err(Error::Unexpected(format!("somebody was not told to come again: {strange:?}"))),
    }
}

/// How many passwords a second the registration's cores hash when they do nothing else.
async fn hashes(cores: &Cores, lasts: Duration) -> Result<f64, Error> {
    let its_own = cores.its_own.clone();
    let hashing = tokio::task::spawn_blocking(move || {
        let hash = || {
            its_own.stay()?;
            let (begun, mut count) = (Instant::now(), 0_u32);
            while begun.elapsed() < lasts {
                let hashed = Argon2::default().hash_password(b"correct horse battery");
                hashed.map_err(|error| Error::Unexpected(format!("no hash: {error}")))?;
                count += 1;
            }
            Ok(f64::from(count) / begun.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..its_own.count()).map(|_| scope.spawn(hash)).collect();
            let gone = |_| Error::Unexpected("a thread that hashes is gone".into());
            threads.into_iter().map(|thread| thread.join().map_err(gone)?).sum()
        })
    });
    hashing.await.map_err(|error| Error::Unexpected(error.to_string()))?
}

/// How many register in a second when there are always enough who want to.
async fn registrations(registration: &Operator, cores: &Cores, lasts: Duration) -> Result<f64, Error> {
    let (begun, next) = (Instant::now(), AtomicU32::new(0));
    let client = async || {
        let mut registered = 0_u32;
        while begun.elapsed() < lasts {
            register(registration, next.fetch_add(1, Ordering::Relaxed)).await?;
            registered += 1;
        }
        Ok::<_, Error>(registered)
    };
    let registered: u32 =
        try_join_all((0..CLIENTS * cores.its_own.count()).map(|_| client())).await?.iter().sum();
    Ok(f64::from(registered) / begun.elapsed().as_secs_f64())
}

async fn register(registration: &Operator, number: u32) -> Result<(), Error> {
    let body = json!({ "username": format!("streamer-{number}"), "password": "correct horse battery" });
    let answer = http::post_json(&format!("{}/register", registration.url()), &body).await?;
    match Ended::of(&answer) {
        Ended::Accepted => Ok(()),
        ended => Err(Error::Unexpected(format!("streamer-{number} is not registered: {ended:?}"))),
    }
}
