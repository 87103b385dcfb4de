//! `testbed bench registration`: registrations per second, compared with the hashing capacity of the same
//! cores; then an overload of ten times that rate.

mod cores;
mod health;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordHasher as _};
use futures::future::try_join_all;
use testbed::load_generator::{Outcome, generate_load};
use testbed::threshold::Threshold;
use testbed::{Error, Operator};

use self::cores::Cores;
use self::health::HealthProbe;
use super::report::{Report, figure, mebibytes, percentile};
use super::rig;

/// Concurrent requests per hashing core, enough to keep each core busy.
const CLIENTS_PER_CORE: usize = 8;
/// Rate of registrations under overload, relative to the hash capacity.
const OVERLOAD_FACTOR: f64 = 10.0;
/// Memory of one hash in MiB, by default.
const HASH_MEMORY: u64 = 19;
/// Memory of the process without hashes, in MiB.
const OTHER_MEMORY: u64 = 160;

/// Measures registrations per second for `duration`, then an overload of `overload_duration`. From then on,
/// this process runs on half of the cores.
pub(super) async fn run(
    operator: &Path,
    duration: Duration,
    overload_duration: Duration,
) -> Result<Report, Error> {
    // Before anything is started, because child processes inherit the affinity.
    let cores = Cores::split()?;
    let conditions =
        format!("the page runs on the cores {}, everything else on {}", cores.registration, cores.others);
    let mut report = Report::new("registration", conditions);
    let tenant = rig::start(operator).await?;
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

    let before = hashes(&cores, duration / 2).await?;
    let registered = registrations(&registration, &cores, duration).await?;
    let hashed = before.midpoint(hashes(&cores, duration / 2).await?);
    report.add("registrations per second", registered);
    report.add("Argon2id hashes per second, same cores", hashed);
    report.add_with_goal("ratio of the two", registered / hashed, Threshold::AtLeast(0.9));

    let health = HealthProbe::start(registration.admin_url());
    let ended = generate_load(registration.url(), OVERLOAD_FACTOR * hashed, overload_duration).await;
    let health = health.finish()?;
    add_outcomes(&mut report, &ended);
    report.add_with_goal(
        "overload: /healthz, ms, 99th percentile",
        percentile(health.iter().map(|latency| latency.as_secs_f64() * 1000.0), 99),
        Threshold::Below(50.0),
    );
    let most = cores.registration.count() as u64 * HASH_MEMORY + OTHER_MEMORY;
    report.add_with_goal(
        "peak memory, MiB",
        mebibytes(registration.figures()?.peak_memory),
        Threshold::AtMost(figure(most)),
    );
    Ok(report)
}

fn add_outcomes(report: &mut Report, ended: &[Outcome]) {
    let count = |is: fn(&Outcome) -> bool| figure(ended.iter().filter(|ended| is(ended)).count() as u64);
    let none = Threshold::AtMost(0.0);
    report.add("overload: accepted", count(|ended| *ended == Outcome::Accepted));
    report.add("overload: told to retry (429, 503)", count(|ended| *ended == Outcome::RetryLater));
    let unexpected = count(|ended| matches!(ended, Outcome::Unexpected(_)));
    report.add_with_goal("overload: unexpected responses", unexpected, none);
    report.add_with_goal(
        "overload: no response",
        count(|ended| matches!(ended, Outcome::NoResponse(_))),
        none,
    );
    let is_wrong = |ended: &&Outcome| matches!(ended, Outcome::Unexpected(_) | Outcome::NoResponse(_));
    if let Some(wrong) = ended.iter().find(is_wrong) {
        println!("  a registration was neither accepted nor told to retry: {wrong:?}");
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
            let number = next.fetch_add(1, Ordering::Relaxed);
            rig::register(registration, &format!("streamer-{number}")).await?;
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
