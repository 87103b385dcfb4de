//! Many register at the same time, more than can be served.

use std::{
    thread::available_parallelism,
    time::{Duration, Instant},
};

use argon2::{Argon2, PasswordHasher};
use futures::future::join_all;
use serde_json::json;
use testbed::{
    Operator, OperatorBuilder, Tenant, http,
    load_generator::{Outcome, generate_load},
    wait,
};

use crate::{
    registration::{PASSWORD, registered_counts},
    support::{PATIENCE, tenant},
};

const NAMES: usize = 100;
/// Registrations of each name.
const EACH: usize = 10;

/// What a hash needs, in bytes: the default.
const HASH_MEMORY: u64 = 19 * 1024 * 1024;
/// What the process needs besides hashes, whoever comes, in bytes.
const OTHER_MEMORY: u64 = 160 * 1024 * 1024;

/// One at which a single client may try as often as a crowd.
fn unlimited(tenant: &Tenant) -> OperatorBuilder {
    let unlimited = u32::MAX.to_string();
    let builder = tenant.registration().env("STREAMCAT_MAX_ATTEMPTS_PER_IP", &unlimited);
    let builder = builder.env("STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", &unlimited);
    builder.env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", unlimited)
}

/// Registers, and again as often as the answer says to come again.
async fn persist(registration: &Operator, username: String) {
    loop {
        let body = json!({ "username": username, "password": PASSWORD });
        let answer = http::post_json(&format!("{}/register", registration.url()), &body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{username}: {error:?}"));
        match Outcome::of(&answer) {
            Outcome::Accepted => return,
            Outcome::RetryLater => {
                let seconds = answer.header("retry-after").unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Outcome::Unexpected(said) | Outcome::NoResponse(said) => panic!("{username}: {said}"),
        }
    }
}

/// Waits until there are so many users, each with an account.
async fn until_made(tenant: &Tenant, expected: usize) {
    let seen = wait::until(format!("there are {expected} users with accounts"), PATIENCE, || async {
        let made = registered_counts(tenant).await;
        if made == (i64::try_from(expected).unwrap(), expected) { Ok(()) } else { Err(format!("{made:?}")) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn a_thousand_registrations_of_a_hundred_names_make_a_hundred_users() {
    let tenant = tenant("crowd").await;
    // It is the database and the cluster that are to be crowded.
    let registration =
        unlimited(&tenant).env("STREAMCAT_ARGON2_MEMORY_KIB", "8").env("STREAMCAT_ARGON2_PASSES", "1");
    let registration = registration.env("STREAMCAT_MAX_CONNECTIONS_PER_IP", "65535").start().await;
    join_all((0..NAMES * EACH).map(|number| persist(&registration, format!("streamer-{}", number % NAMES))))
        .await;
    until_made(&tenant, NAMES).await;
}

#[tokio::test]
async fn overload_is_answered_with_retry_later_and_memory_stays_bounded() {
    let tenant = tenant("flood").await;
    let registration = unlimited(&tenant).start().await;
    let begun = Instant::now();
    Argon2::default().hash_password(PASSWORD.as_bytes()).unwrap();
    let cores = u32::try_from(available_parallelism().unwrap().get()).unwrap();
    let capacity = f64::from(cores) / begun.elapsed().as_secs_f64();

    let ended = generate_load(registration.url(), 10.0 * capacity, Duration::from_secs(3)).await;
    let is_strange = |ended: &&Outcome| !matches!(ended, Outcome::Accepted | Outcome::RetryLater);
    let strange: Vec<_> = ended.iter().filter(is_strange).take(3).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    let accepted = ended.iter().filter(|ended| **ended == Outcome::Accepted).count();
    assert!(accepted > 0 && accepted < ended.len(), "{accepted} of {} were accepted", ended.len());
    until_made(&tenant, accepted).await;
    let (peak, most) = (registration.peak_memory().unwrap(), u64::from(cores) * HASH_MEMORY + OTHER_MEMORY);
    println!("{accepted} of {} were accepted; at most {} MiB", ended.len(), peak / 1024 / 1024);
    assert!(peak < most, "{peak} bytes, expected at most {most}");
}
