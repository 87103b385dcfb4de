//! More registrations than the limits allow.

use super::*;

#[tokio::test]
async fn the_signup_rate_limits_new_users_but_not_returning_ones() {
    let backend = FakeBackend::new();
    let signup_limiter = SignupRateLimiter::per_minute(NonZeroU32::MIN);
    let service = RegistrationService { signup_limiter, ..service(&backend) };
    let (todd, mary) = (applicant("todd", "a long password"), applicant("mary", "a long password"));
    service.register(&todd).await.expect("registered");
    let refused = service.register(&mary).await.expect_err("a second within the minute");
    assert!(
        matches!(refused, RegistrationError::SignupRateExceeded(seconds) if (1..=61).contains(&seconds)),
        "{refused:?}"
    );
    assert_eq!(service.register(&todd).await.expect("registered").outcome, CreationOutcome::Existing);
    assert!(matches!(
        register(&backend, "todd", "another password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn a_registration_over_quota_is_rejected_and_rolled_back() {
    let backend = FakeBackend::new();
    backend.on_create(Fault::QuotaExceeded);
    let refused = register(&backend, "todd", "a long password").await;
    assert!(matches!(refused, Err(RegistrationError::QuotaExceeded(_))), "{refused:?}");
    assert_eq!(backend.consistent_accounts(), 0);
    assert_eq!(backend.audit_events(), [AuditEvent::Registered, AuditEvent::RegistrationRolledBack]);
    register(&backend, "todd", "a long password").await.expect("registered");
}

#[tokio::test]
async fn a_returning_user_finds_the_account_despite_the_quota() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    backend.on_create(Fault::QuotaExceeded);
    assert_eq!(
        register(&backend, "todd", "a long password").await.expect("found").outcome,
        CreationOutcome::Existing
    );
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn an_accepted_registration_waits_for_the_quota() {
    let backend = FakeBackend::new();
    backend.on_create(Fault::Unavailable);
    assert_eq!(
        register(&backend, "todd", "a long password").await.expect("accepted").outcome,
        CreationOutcome::Deferred
    );
    backend.on_create(Fault::QuotaExceeded);
    let ended = process_due(&backend).await;
    assert!(
        ended.iter().all(|ended| ended.as_ref().is_ok_and(|kept| kept.outcome == CreationOutcome::Deferred)),
        "{ended:?}"
    );
    process_due(&backend).await;
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_rejects_a_registration_without_effect() {
    let backend = FakeBackend::new();
    let full = RegistrationService { queue: AdmissionQueue::new(0, 1), ..service(&backend) };
    let response = full.register(&applicant("todd", "a long password")).await;
    assert!(matches!(response, Err(RegistrationError::QueueFull)), "{response:?}");
    assert_eq!((backend.rows().len(), backend.accounts().len()), (0, 0));
}
