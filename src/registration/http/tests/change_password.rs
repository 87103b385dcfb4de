//! Changing the password.

use secrecy::SecretString;

use super::{
    FakeBackend, TODD_FORM, ask, cookie, service,
    signed_in::{Browser, CALLS, FAULTS},
    status, submit,
};
use crate::store::Sessions;

const PATH: &str = "/accounts/todd/password";
const RIGHT: &str = "&password=a+canary+of+a+password";

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_every_session() {
    let backend = FakeBackend::new();
    let (elsewhere, here) = (Browser::registered(&backend).await, Browser::registered(&backend).await);
    let more = format!("{RIGHT}&new-password=another+canary+of+ours");
    let response = here.post(&backend, PATH, &here.token, &more).await;
    assert!(status(&response) == "303" && response.contains("set-cookie: streamcat="), "{response}");
    assert!(!elsewhere.is_signed_in(&backend).await && !here.is_signed_in(&backend).await);
    assert!(Browser::after(&backend, &response).await.is_signed_in(&backend).await);
    assert!(backend.audit().iter().any(|event| format!("{event:?}").contains("PasswordChanged")));

    let again = submit(&backend, "/sign-in", TODD_FORM).await;
    assert_eq!(status(&again), "403", "the old password no longer works");
    let new = submit(&backend, "/sign-in", "username=Todd&password=another+canary+of+ours").await;
    assert_eq!(status(&new), "303", "{new}");
}

#[tokio::test]
async fn invalid_input_is_shown_next_to_its_field_without_effect() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    for (more, code, id) in [
        ("&password=wrong&new-password=another+canary+of+ours".to_owned(), "403", "password-error"),
        (format!("{RIGHT}&new-password=short"), "422", "new-password-error"),
        (format!("{RIGHT}&new-password=password12345678"), "422", "new-password-error"),
        (RIGHT.to_owned(), "422", "new-password-error"),
        (format!("{RIGHT}&new-password=a+canary+of+a+password"), "422", "new-password-error"),
    ] {
        let response = browser.post(&backend, PATH, &browser.token, &more).await;
        assert!(
            status(&response) == code && response.contains(&format!("id=\"{id}\"")),
            "{more}: {response}"
        );
        assert!(!response.contains("canary"));
    }
    assert!(browser.is_signed_in(&backend).await);
    assert_eq!(status(&submit(&backend, "/sign-in", TODD_FORM).await), "303");
}

#[tokio::test]
async fn only_the_owner_can_change_the_password() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    assert!(browser.get(&backend, PATH).await.contains("New password"));
    let stranger = ask(&backend, &format!("GET {PATH}"), "Accept: text/html", "").await;
    assert_eq!(status(&stranger), "403");
    let more = format!("{RIGHT}&new-password=another+canary+of+ours");
    let forged = browser.post(&backend, PATH, "forged", &more).await;
    assert!(status(&forged) == "403" && browser.is_signed_in(&backend).await);
}

#[tokio::test]
async fn verifying_the_old_password_starts_no_session_after_a_change() {
    let backend = FakeBackend::new();
    Browser::registered(&backend).await;
    let service = service(&backend);
    let (old, new) = (SecretString::from("a canary of a password"), SecretString::from("another canary"));
    let todd = service.authenticate("todd", &old, None).await.expect("a result").expect("verified");
    let new_hash = service.change_password(&todd, &new).await.expect("changed");
    let (lifetime, here) = (std::time::Duration::from_hours(1), "127.0.0.1".parse().expect("an address"));
    let old_hash = todd.password_hash.expect("a hash");
    for (hash, expected) in [(old_hash, false), (new_hash, true)] {
        let started =
            backend.begin_session(todd.id, &hash, &[1; 32], lifetime, here).await.expect("a result");
        assert_eq!(started, expected);
    }
}

#[tokio::test]
async fn after_a_failed_call_the_response_matches_the_password() {
    let mut without_session = 0;
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let backend = FakeBackend::new();
        let browser = Browser::registered(&backend).await;
        backend.fail(call, fault);
        let more = format!("{RIGHT}&new-password=another+canary+of+ours");
        let response = browser.post(&backend, PATH, &browser.token, &more).await;
        backend.clear_fault();
        let new = submit(&backend, "/sign-in", "username=Todd&password=another+canary+of+ours").await;
        let old = submit(&backend, "/sign-in", TODD_FORM).await;
        assert_ne!(status(&old) == "303", status(&new) == "303", "{call} {fault:?}");
        match status(&response) {
            "303" => assert_eq!(status(&new), "303", "{call} {fault:?}"),
            code => assert_eq!(code, "503", "{call} {fault:?}: {response}"),
        }
        without_session += usize::from(response.contains("location: /sign-in\r\n"));
    }
    // Ending the old session and starting the new one, each with both faults.
    assert_eq!(without_session, 4);
}

#[tokio::test]
async fn the_next_page_confirms_the_change_once_and_no_link_can() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    assert!(
        !browser.get(&backend, "/accounts/todd?notice=password-changed").await.contains("has been changed")
    );
    let more = format!("{RIGHT}&new-password=another+canary+of+ours");
    let changed = browser.post(&backend, PATH, &browser.token, &more).await;
    let notice = "streamcat-notice=password-changed";
    assert!(changed.contains(&format!("set-cookie: {notice}; Path=/; Max-Age=60; HttpOnly")), "{changed}");

    let headers = format!("Accept: text/html\r\n{}; {notice}", cookie(&changed));
    let page = ask(&backend, "GET /accounts/todd", &headers, "").await;
    assert!(page.contains(r#"<p class="notice" role="status">Your password has been changed."#), "{page}");
    assert!(page.contains("set-cookie: streamcat-notice=; Path=/; Max-Age=0;"), "{page}");
    let stranger = format!("Accept: text/html\r\nCookie: {notice}");
    assert!(!ask(&backend, "GET /accounts/todd", &stranger, "").await.contains("has been changed"));
    let sign_in = ask(&backend, "GET /sign-in", &stranger, "").await;
    assert!(
        sign_in.contains("Your password has been changed.") && sign_in.contains("Welcome back"),
        "{sign_in}"
    );
}
