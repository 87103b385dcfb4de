//! The service against the fake backend.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;

use super::*;
use crate::{
    registration::{
        admission_queue::AdmissionQueue,
        fake_backend::{FakeBackend, Fault},
        password::Passwords,
    },
    store::{AuditEntry, AuditEvent},
};

mod authentication;
mod failures;
mod limits;
mod taken_usernames;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

type TestService = RegistrationService<FakeBackend>;

fn service(backend: &Arc<FakeBackend>) -> TestService {
    RegistrationService {
        registrants: Arc::clone(backend),
        accounts: Arc::clone(backend),
        passwords: Passwords::weak(),
        namespace: "default".to_owned(),
        username_reuse_delay: Some(Duration::from_mins(1)),
        signup_limiter: SignupRateLimiter::per_minute(NonZeroU32::MAX),
        queue: AdmissionQueue::new(MAX_CONCURRENT_REGISTRATIONS, MAX_QUEUED_REGISTRATIONS),
        max_failures_per_hour: NonZeroU32::MAX,
    }
}

fn applicant(username: &str, password: &str) -> Applicant {
    Applicant {
        username: username.to_owned(),
        password: SecretString::from(password),
        key: None,
        address: HERE,
    }
}

/// Runs one pass of the retry loop.
async fn process_due(backend: &Arc<FakeBackend>) -> Vec<Result<Registered, RegistrationError>> {
    service(backend).process_due().await.expect("the due registrations")
}

async fn register(
    backend: &Arc<FakeBackend>,
    username: &str,
    password: &str,
) -> Result<Registered, RegistrationError> {
    service(backend).register(&applicant(username, password)).await
}

#[tokio::test]
async fn a_new_user_gets_one_row_and_one_account() {
    let backend = FakeBackend::new();
    let registered = register(&backend, "Todd", "a long password").await.expect("registered");
    assert_eq!(
        (registered.username.as_str(), registered.name.as_str(), registered.outcome),
        ("Todd", "todd", CreationOutcome::Created)
    );
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn registering_again_returns_the_same_account() {
    let backend = FakeBackend::new();
    register(&backend, "Todd", "a long password").await.expect("registered");
    let again = register(&backend, "TODD", "a long password").await.expect("registered");
    assert_eq!((again.username.as_str(), again.outcome), ("Todd", CreationOutcome::Existing));
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn a_row_leased_by_a_second_request_is_not_rolled_back() {
    let backend = FakeBackend::new();
    backend.on_create(Fault::NameTakenBeforeRetry);
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.rows().len(), 1, "the second request decides");
}

#[tokio::test]
async fn two_retry_loops_and_a_second_request_create_one_account() {
    let backend = FakeBackend::new();
    backend.fail(3, Fault::Unavailable);
    register(&backend, "todd", "a long password").await.expect("accepted");
    let (service, todd) = (service(&backend), applicant("todd", "a long password"));
    let (first, second, third) =
        tokio::join!(service.process_due(), service.process_due(), service.register(&todd));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    process_due(&backend).await;
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn an_idempotency_key_is_replayed_for_its_username_only() {
    let backend = FakeBackend::new();
    let service = service(&backend);
    let todd = Applicant { key: Some([1; 32]), ..applicant("todd", "a long password") };
    assert_eq!(service.register(&todd).await.expect("registered").outcome, CreationOutcome::Created);
    assert_eq!(service.register(&todd).await.expect("registered").outcome, CreationOutcome::Replayed);
    let mary = Applicant { username: "mary".to_owned(), ..todd.clone() };
    assert!(matches!(service.register(&mary).await, Err(RegistrationError::IdempotencyKeyReused)));
    let other = Applicant { key: Some([2; 32]), ..todd };
    assert_eq!(service.register(&other).await.expect("registered").outcome, CreationOutcome::Existing);
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn a_look_alike_username_is_the_same_user_or_taken() {
    let backend = FakeBackend::new();
    register(&backend, "Todd_1", "a long password").await.expect("registered");
    let again = register(&backend, "todd-1", "a long password").await.expect("registered");
    assert_eq!((again.username.as_str(), again.outcome), ("Todd_1", CreationOutcome::Existing));
    assert!(matches!(
        register(&backend, "todd-1", "another password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn two_concurrent_registrations_create_one_account() {
    let backend = FakeBackend::new();
    let service = service(&backend);
    let todd = applicant("todd", "a long password");
    let (first, second) = tokio::join!(service.register(&todd), service.register(&todd));
    let (first, second) = (first.expect("registered"), second.expect("registered"));
    assert!((first.outcome == CreationOutcome::Created) ^ (second.outcome == CreationOutcome::Created));
    assert_eq!(backend.consistent_accounts(), 1);
}
