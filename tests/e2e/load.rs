//! Many concurrent registrations, and more than the server can handle.

use std::{
    thread::available_parallelism,
    time::{Duration, Instant},
};

use argon2::{Argon2, PasswordHasher};
use futures::future::join_all;
use testbed::{
    Operator, OperatorBuilder, Tenant, http,
    load_generator::{Outcome, generate_load},
    wait,
};

use crate::{
    registration::{PASSWORD, credentials, registered_counts},
    support::{TIMEOUT, tenant},
};

const NAMES: usize = 100;
/// Number of registrations of each name.
const REGISTRATIONS_PER_NAME: usize = 10;

/// Memory that one hash needs by default, in bytes.
const HASH_MEMORY: u64 = 19 * 1024 * 1024;
/// Memory that the process needs besides hashes, whatever the load, in bytes.
const OTHER_MEMORY: u64 = 160 * 1024 * 1024;

/// Returns a registration without limits for a single client.
fn unlimited(tenant: &Tenant) -> OperatorBuilder {
    let unlimited = u32::MAX.to_string();
    let builder = tenant.registration().env("STREAMCAT_MAX_ATTEMPTS_PER_IP", &unlimited);
    let builder = builder.env("STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", &unlimited);
    builder.env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", unlimited)
}

/// Registers, and retries as long as the response says so.
async fn register_with_retries(registration: &Operator, username: String) {
    loop {
        let body = credentials(&username, PASSWORD);
        let answer = http::post_json(&format!("{}/register", registration.url()), &body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{username}: {error:?}"));
        match Outcome::of(&answer) {
            Outcome::Accepted => return,
            Outcome::RetryLater => {
                let seconds = answer.header("retry-after").unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Outcome::Unexpected(text) | Outcome::NoResponse(text) => panic!("{username}: {text}"),
        }
    }
}

/// Waits until there are this many users, each with an account.
async fn until_registered(tenant: &Tenant, expected: usize) {
    let seen = wait::until(format!("there are {expected} users with accounts"), TIMEOUT, || async {
        let made = registered_counts(tenant).await;
        if made == (i64::try_from(expected).unwrap(), expected) { Ok(()) } else { Err(format!("{made:?}")) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn a_thousand_registrations_of_a_hundred_names_create_a_hundred_users() {
    let tenant = tenant("concurrent").await;
    // Cheap hashes: the load is meant for the database and the API server.
    let registration =
        unlimited(&tenant).env("STREAMCAT_ARGON2_MEMORY_KIB", "8").env("STREAMCAT_ARGON2_PASSES", "1");
    let registration = registration.env("STREAMCAT_MAX_CONNECTIONS_PER_IP", "65535").start().await;
    join_all(
        (0..NAMES * REGISTRATIONS_PER_NAME)
            .map(|number| register_with_retries(&registration, format!("streamer-{}", number % NAMES))),
    )
    .await;
    until_registered(&tenant, NAMES).await;
}

#[tokio::test]
async fn under_overload_clients_are_told_to_retry_and_memory_is_bounded() {
    let tenant = tenant("overload").await;
    let registration = unlimited(&tenant).start().await;
    let begun = Instant::now();
    Argon2::default().hash_password(PASSWORD.as_bytes()).unwrap();
    let cores = u32::try_from(available_parallelism().unwrap().get()).unwrap();
    let capacity = f64::from(cores) / begun.elapsed().as_secs_f64();

    let ended = generate_load(registration.url(), 10.0 * capacity, Duration::from_secs(3)).await;
    let is_unexpected = |ended: &&Outcome| !matches!(ended, Outcome::Accepted | Outcome::RetryLater);
    let unexpected: Vec<_> = ended.iter().filter(is_unexpected).take(3).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    let accepted = ended.iter().filter(|ended| **ended == Outcome::Accepted).count();
    assert!(accepted > 0 && accepted < ended.len(), "{accepted} of {} were accepted", ended.len());
    until_registered(&tenant, accepted).await;
    let (peak, most) =
        (registration.figures().unwrap().peak_memory, u64::from(cores) * HASH_MEMORY + OTHER_MEMORY);
    println!("{accepted} of {} were accepted; at most {} MiB", ended.len(), peak / 1024 / 1024);
    assert!(peak < most, "{peak} bytes, expected at most {most}");
}
