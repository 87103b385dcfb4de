//! The audit log: what is recorded, and for which user.

use std::num::NonZeroU32;

use super::{FakeBackend, JSON, TODD, TODD_FORM, ask, signed_in::Browser, status, submit};
use crate::{
    registration::fake_backend::{Fault, STREAM_KEY},
    store::{
        Audit,
        AuditEvent::{
            DeletionRequested, PasswordRefused, Registered, RegistrationRefused, Returned, SignInFailed,
            SignedIn, SignedOut, StreamKeyShown,
        },
        Registrants,
    },
};

#[tokio::test]
async fn each_action_is_recorded_with_its_user_and_ip_address() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    backend.make_ready("todd");
    browser.post(&backend, "/accounts/todd/stream-key", &browser.token, "").await;
    let path = "/accounts/todd/delete";
    browser.post(&backend, path, &browser.token, "&password=not+my+password").await;
    browser.post(&backend, path, &browser.token, "&password=a+canary+of+a+password").await;
    browser.post(&backend, "/sign-out", &browser.token, "").await;
    let deeds = [Registered, SignedIn, StreamKeyShown, PasswordRefused, DeletionRequested, SignedOut];
    assert_eq!(backend.audit_events(), deeds);
    let (todd, here) = (backend.rows()[0].id, "127.0.0.1".parse().ok());
    assert!(backend.audit().iter().all(|(_, user, address)| (*user, *address) == (Some(todd), here)));
}

#[tokio::test]
async fn the_recorded_ip_address_is_the_one_that_the_proxy_saw() {
    let backend = FakeBackend::new();
    let headers = format!("{JSON}\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7");
    ask(&backend, "POST /register", &headers, TODD).await;
    assert_eq!(backend.audit()[0].2, "192.0.2.7".parse().ok());
}

#[tokio::test]
async fn a_failure_names_a_user_only_if_the_user_exists() {
    let backend = FakeBackend::new();
    ask(&backend, "POST /register", JSON, TODD).await;
    for username in ["Todd", "nobody"] {
        submit(&backend, "/sign-in", &format!("username={username}&password=wrong")).await;
    }
    let taken = TODD_FORM.replace("+of+", "+that+is+not+of+");
    assert_eq!(status(&submit(&backend, "/register", &taken).await), "409");
    ask(&backend, "POST /register", JSON, TODD).await;
    let todd = Some(backend.rows()[0].id);
    let rows: Vec<_> = backend.audit().into_iter().map(|(event, user, _)| (event, user)).collect();
    let expected = [
        (Registered, todd),
        (SignInFailed, todd),
        (SignInFailed, None),
        (RegistrationRefused, todd),
        (Returned, todd),
    ];
    assert_eq!(rows, expected);
}

/// The default limit on wrong passwords per hour.
const MAX_FAILURES: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

#[tokio::test]
async fn failures_without_a_wrong_password_count_for_nobody() {
    let backend = FakeBackend::new();
    ask(&backend, "POST /register", JSON, TODD).await;
    let todd = backend.rows()[0].id;
    let keyed = format!("{JSON}\r\nIdempotency-Key: of-mary");
    let mary = TODD.replace("Todd", "mary");
    assert_eq!(status(&ask(&backend, "POST /register", &keyed, &mary).await), "201");
    for _ in 0..MAX_FAILURES.get() {
        assert_eq!(status(&ask(&backend, "POST /register", &keyed, TODD).await), "422");
    }
    backend.request_deletion(&backend.rows()[0]).await.expect("renounced");
    for _ in 0..MAX_FAILURES.get() {
        assert_eq!(status(&ask(&backend, "POST /register", JSON, TODD).await), "409");
    }
    let refused: Vec<_> =
        backend.audit().into_iter().filter(|(event, ..)| *event == RegistrationRefused).collect();
    assert!(!refused.is_empty() && refused.iter().all(|(_, user, _)| user.is_none()), "{refused:?}");
    for stranger in ["127.0.0.1", "198.51.100.1"].map(|address| address.parse().ok()) {
        assert_eq!(backend.next_try(todd, stranger, NonZeroU32::MIN).await.expect("a result"), None);
    }
}

#[tokio::test]
async fn an_action_that_cannot_be_recorded_is_not_carried_out() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    backend.make_ready("todd");
    let written = backend.audit();
    backend.on_audit(Fault::Unavailable);
    let key = browser.post(&backend, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(status(&key) == "503" && !key.contains(STREAM_KEY), "{key}");
    backend.on_audit(Fault::Unavailable);
    let password = "&password=a+canary+of+a+password";
    let delete = browser.post(&backend, "/accounts/todd/delete", &browser.token, password).await;
    assert_eq!(status(&delete), "503");
    assert!(backend.accounts()[0].metadata.deletion_timestamp.is_none());
    backend.on_audit(Fault::Unavailable);
    assert_eq!(status(&ask(&backend, "POST /register", JSON, TODD).await), "503");
    assert_eq!(backend.audit(), written);
}
