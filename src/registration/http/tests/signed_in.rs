//! Signing in and out, and what a signed-in user can do.

use std::sync::Arc;

use super::{
    FORM, FakeBackend, Fault, JSON, TODD, TODD_FORM, ask, cookie, process_due, status, submit, token,
};
use crate::{registration::fake_backend::STREAM_KEY, store::AuditEvent};

/// A signed-in browser: its Cookie header, and its form token.
pub struct Browser {
    pub cookie: String,
    pub token: String,
}

impl Browser {
    /// Returns the browser after the response to a sign-in or a registration.
    pub async fn after(backend: &Arc<FakeBackend>, response: &str) -> Self {
        let cookie = cookie(response);
        let page = ask(backend, "GET /accounts/todd", &format!("Accept: text/html\r\n{cookie}"), "").await;
        Self { token: token(&page).to_owned(), cookie }
    }

    pub async fn registered(backend: &Arc<FakeBackend>) -> Self {
        Self::after(backend, &submit(backend, "/register", TODD_FORM).await).await
    }

    pub async fn get(&self, backend: &Arc<FakeBackend>, path: &str) -> String {
        ask(backend, &format!("GET {path}"), &format!("Accept: text/html\r\n{}", self.cookie), "").await
    }

    pub async fn post(&self, backend: &Arc<FakeBackend>, path: &str, token: &str, more: &str) -> String {
        let headers = format!("{FORM}\r\n{}", self.cookie);
        ask(backend, &format!("POST {path}"), &headers, &format!("token={token}{more}")).await
    }

    pub async fn is_signed_in(&self, backend: &Arc<FakeBackend>) -> bool {
        self.get(backend, "/accounts/todd").await.contains("Sign out")
    }
}

#[tokio::test]
async fn registering_signs_in_until_signing_out() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    assert!(browser.is_signed_in(&backend).await);
    let forged = browser.post(&backend, "/sign-out", "forged", "").await;
    assert!(status(&forged) == "403" && browser.is_signed_in(&backend).await);
    let out = browser.post(&backend, "/sign-out", &browser.token, "").await;
    assert!(status(&out) == "303" && out.contains("set-cookie: streamcat=; Path=/; Max-Age=0"), "{out}");
    assert!(!browser.is_signed_in(&backend).await, "the session has ended");
}

#[tokio::test]
async fn a_sign_in_creates_a_new_token_and_ends_the_previous_session() {
    let backend = FakeBackend::new();
    let first = Browser::registered(&backend).await;
    let response = first.post(&backend, "/sign-in", &first.token, &format!("&{TODD_FORM}")).await;
    assert!(status(&response) == "303" && response.contains("location: /accounts/Todd\r\n"), "{response}");
    let second = Browser::after(&backend, &response).await;
    assert_ne!((&first.cookie, &first.token), (&second.cookie, &second.token));
    assert!(second.is_signed_in(&backend).await && !first.is_signed_in(&backend).await);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_equal_responses() {
    let backend = FakeBackend::new();
    backend.put_user("mary", None);
    submit(&backend, "/register", TODD_FORM).await;
    let mut pages = Vec::new();
    for username in ["Todd", "nobody", "mary"] {
        let body = format!("username={username}&password=not+the+password+of+todd");
        let page = submit(&backend, "/sign-in", &body).await;
        assert!(status(&page) == "403" && !page.contains("set-cookie"), "{page}");
        let body = page.split_once("\r\n\r\n").expect("a body").1;
        pages.push(body.replace(username, "").replace(token(body), ""));
    }
    assert!(pages[0].contains("Incorrect username or password."));
    assert!(pages.iter().all(|page| *page == pages[0]));
    assert_eq!(status(&ask(&backend, "POST /sign-in", JSON, TODD).await), "415");
}

#[tokio::test]
async fn the_stream_key_needs_the_owners_session_and_form_token() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    backend.make_ready("todd");
    let page = browser.get(&backend, "/accounts/todd").await;
    assert!(page.contains("rtmps://in.example.com:443/app/") && !page.contains(STREAM_KEY), "{page}");
    let shown = browser.post(&backend, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(shown.contains(STREAM_KEY) && shown.contains("cache-control: no-store"), "{shown}");

    let path = "/accounts/todd/stream-key";
    let forged = browser.post(&backend, path, "forged", "").await;
    let no_cookie = ask(&backend, &format!("POST {path}"), FORM, &format!("token={}", browser.token)).await;
    let mary = TODD_FORM.replace("Todd", "mary");
    let other = submit(&backend, "/register", &mary).await;
    let headers = format!("{FORM}\r\n{}", cookie(&other));
    let another = ask(&backend, &format!("POST {path}"), &headers, &format!("token={}", browser.token)).await;
    for refused in [forged, no_cookie, another] {
        assert!(status(&refused) == "403" && !refused.contains(STREAM_KEY), "{refused}");
    }
}

#[tokio::test]
async fn a_foreign_object_with_the_accounts_name_is_not_accessible() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    backend.make_ready("todd");
    backend.replace_with_foreign("todd");
    let page = browser.get(&backend, "/accounts/todd").await;
    let key = browser.post(&backend, "/accounts/todd/stream-key", &browser.token, "").await;
    let password = "&password=a+canary+of+a+password";
    let deleted = browser.post(&backend, "/accounts/todd/delete", &browser.token, password).await;
    for response in [page, key, deleted] {
        assert!(
            status(&response) == "404" && !response.contains("rtmps://") && !response.contains(STREAM_KEY)
        );
    }
    assert!(backend.accounts()[0].metadata.deletion_timestamp.is_none());
}

#[tokio::test]
async fn an_account_without_its_annotation_stays_its_owners() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    backend.make_ready("todd");
    backend.drop_annotations("todd");
    let page = browser.get(&backend, "/accounts/todd").await;
    assert!(status(&page) == "200" && page.contains("rtmps://in.example.com:443/app/"), "{page}");
    let key = browser.post(&backend, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(key.contains(STREAM_KEY), "{key}");
    assert_eq!(status(&submit(&backend, "/register", TODD_FORM).await), "303");
    assert_eq!(status(&submit(&backend, "/sign-in", TODD_FORM).await), "303");
    let password = "&password=a+canary+of+a+password";
    let deleted = browser.post(&backend, "/accounts/todd/delete", &browser.token, password).await;
    assert!(
        status(&deleted) == "303" && backend.accounts()[0].metadata.deletion_timestamp.is_some(),
        "{deleted}"
    );
}

#[tokio::test]
async fn a_copied_account_is_hidden_and_kept_until_the_transfer() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    backend.make_ready("todd");
    backend.replace_with_copy("todd");
    let page = browser.get(&backend, "/accounts/todd").await;
    assert!(status(&page) == "200" && !page.contains("rtmps://"), "{page}");
    let key = browser.post(&backend, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(!key.contains(STREAM_KEY), "{key}");
    let password = "&password=a+canary+of+a+password";
    let path = "/accounts/todd/delete";
    assert_eq!(status(&browser.post(&backend, path, &browser.token, password).await), "303");
    process_due(&backend).await;
    assert!(
        backend.accounts()[0].metadata.deletion_timestamp.is_none() && backend.rows()[0].delete_requested
    );

    backend.record_uid("todd");
    process_due(&backend).await;
    assert!(backend.accounts()[0].metadata.deletion_timestamp.is_some());
}

#[tokio::test]
async fn deleting_an_account_needs_the_owners_password() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    let form = browser.get(&backend, "/accounts/todd/delete").await;
    assert!(status(&form) == "200" && form.contains(&browser.token));
    let path = "/accounts/todd/delete";
    assert_eq!(status(&ask(&backend, &format!("GET {path}"), "Accept: text/html", "").await), "403");

    let wrong = browser.post(&backend, path, &browser.token, "&password=not+my+password").await;
    assert!(status(&wrong) == "403" && wrong.contains("Incorrect password."), "{wrong}");
    let forged = browser.post(&backend, path, "forged", "&password=a+canary+of+a+password").await;
    assert_eq!(status(&forged), "403");
    assert!(backend.accounts()[0].metadata.deletion_timestamp.is_none());

    let deleted = browser.post(&backend, path, &browser.token, "&password=a+canary+of+a+password").await;
    assert!(
        status(&deleted) == "303" && deleted.contains("location: /accounts/Todd/goodbye\r\n"),
        "{deleted}"
    );
    assert!(backend.accounts()[0].metadata.deletion_timestamp.is_some());
    assert!(browser.get(&backend, "/accounts/todd/goodbye").await.contains("being deleted"));
    backend.remove("todd");
    assert!(browser.get(&backend, "/accounts/todd/goodbye").await.contains("Account deleted"));
}

#[tokio::test]
async fn an_invalid_username_is_not_echoed_and_belongs_to_nobody() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    for name in ["Call+0190+123456+now", "%00", "caf%C3%A9"] {
        for page in ["goodbye", "delete", "password", "stream-key"] {
            let response = browser.get(&backend, &format!("/accounts/{name}/{page}")).await;
            assert!(status(&response) == "404" && !response.contains("0190"), "{page}: {response}");
        }
        let key = browser.post(&backend, &format!("/accounts/{name}/stream-key"), &browser.token, "").await;
        assert_eq!(status(&key), "403", "{key}");
    }
    // The database rejects NUL characters; the injected fault stands for that.
    backend.fail(0, Fault::Unavailable);
    let service = super::service(&backend);
    for name in ["", "to\0dd", "to dd"] {
        assert!(
            matches!(service.authenticate(name, &"a canary of a password".into(), None).await, Ok(None)),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn a_signed_out_browser_is_directed_to_the_sign_in() {
    let backend = FakeBackend::new();
    Browser::registered(&backend).await;
    let stranger = ask(&backend, "GET /accounts/todd/delete", "Accept: text/html", "").await;
    assert!(
        status(&stranger) == "403" && stranger.contains(r#"<a href="/sign-in">Sign in</a>"#),
        "{stranger}"
    );
    let again = ask(&backend, "GET /accounts/todd/stream-key", "Accept: text/html", "").await;
    assert!(status(&again) == "303" && again.contains("location: /accounts/todd\r\n"), "{again}");
}

/// Maximum number of backend calls of one request.
pub const CALLS: usize = 10;
pub const FAULTS: [Fault; 2] = [Fault::Unavailable, Fault::ResponseLost];

#[tokio::test]
async fn a_failed_call_lets_a_deletion_complete_or_be_retried() {
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let backend = FakeBackend::new();
        let browser = Browser::registered(&backend).await;
        backend.fail(call, fault);
        let (path, password) = ("/accounts/todd/delete", "&password=a+canary+of+a+password");
        let response = browser.post(&backend, path, &browser.token, password).await;
        backend.clear_fault();
        match status(&response) {
            "303" => {}
            "503" => {
                assert!(response.contains("retry-after: "), "{call} {fault:?}: {response}");
                let again = browser.post(&backend, path, &browser.token, password).await;
                assert_eq!(status(&again), "303", "{call} {fault:?}: {again}");
            }
            _ => panic!("{call} {fault:?}: {response}"),
        }
        process_due(&backend).await;
        assert!(backend.accounts()[0].metadata.deletion_timestamp.is_some(), "{call} {fault:?}");
    }
}

#[tokio::test]
async fn a_failed_call_lets_a_sign_in_complete_or_be_retried() {
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let backend = FakeBackend::new();
        submit(&backend, "/register", TODD_FORM).await;
        backend.fail(call, fault);
        let mut response = submit(&backend, "/sign-in", TODD_FORM).await;
        backend.clear_fault();
        if status(&response) == "503" {
            assert!(
                !response.contains("set-cookie") && response.contains("retry-after: "),
                "{call}: {response}"
            );
            response = submit(&backend, "/sign-in", TODD_FORM).await;
        }
        assert_eq!(status(&response), "303", "{call} {fault:?}: {response}");
        assert!(Browser::after(&backend, &response).await.is_signed_in(&backend).await, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn a_failed_call_lets_a_resubmitted_registration_sign_in() {
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let backend = FakeBackend::new();
        backend.fail(call, fault);
        let response = submit(&backend, "/register", TODD_FORM).await;
        backend.clear_fault();
        assert!(["303", "503"].contains(&status(&response)), "{call} {fault:?}: {response}");
        let again = submit(&backend, "/register", TODD_FORM).await;
        assert_eq!(status(&again), "303", "{call} {fault:?}: {again}");
        assert!(Browser::after(&backend, &again).await.is_signed_in(&backend).await, "{call} {fault:?}");
        assert_eq!(backend.consistent_accounts(), 1, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn a_pending_account_can_be_deleted_and_is_never_created() {
    let backend = FakeBackend::new();
    backend.fail(1, Fault::Unavailable);
    let browser = Browser::registered(&backend).await;
    let path = "/accounts/todd/delete";
    let deleted = browser.post(&backend, path, &browser.token, "&password=a+canary+of+a+password").await;
    assert!(
        status(&deleted) == "303" && deleted.contains("location: /accounts/Todd/goodbye\r\n"),
        "{deleted}"
    );
    assert!(browser.get(&backend, "/accounts/todd/goodbye").await.contains("being deleted"));
    let again = submit(&backend, "/register", TODD_FORM).await;
    assert!(status(&again) == "409" && again.contains("is being deleted"), "{again}");
    process_due(&backend).await;
    assert_eq!((backend.rows().len(), backend.accounts().len()), (0, 0));
    assert!(browser.get(&backend, "/accounts/todd/goodbye").await.contains("Account deleted"));
}

#[tokio::test]
async fn a_signed_in_browser_is_redirected_to_its_own_account() {
    let backend = FakeBackend::new();
    let browser = Browser::registered(&backend).await;
    for path in ["/", "/register"] {
        let response = browser.get(&backend, path).await;
        assert!(
            status(&response) == "303" && response.contains("location: /accounts/Todd\r\n"),
            "{response}"
        );
    }
    let form = browser.get(&backend, "/sign-in").await;
    let own = r#"You are signed in as <a href="/accounts/Todd">Todd</a>."#;
    assert!(status(&form) == "200" && form.contains(own), "{form}");
    backend.fail(0, Fault::Unavailable);
    assert_eq!(
        status(&browser.get(&backend, "/sign-in").await),
        "200",
        "the form is shown while the database is unavailable"
    );
    backend.remove_account("todd");
    assert_eq!(status(&browser.get(&backend, "/register").await), "200", "a deleted account has no page");
    browser.post(&backend, "/sign-out", &browser.token, "").await;
    let form = browser.get(&backend, "/sign-in").await;
    assert!(status(&form) == "200" && !form.contains("You are signed in"), "{form}");
    assert!(browser.get(&backend, "/").await.contains("location: /register\r\n"));
}

#[tokio::test]
async fn a_sign_in_superseded_by_a_new_password_fails_and_is_recorded() {
    let backend = FakeBackend::new();
    submit(&backend, "/register", TODD_FORM).await;
    backend.change_password_before_session();
    let response = submit(&backend, "/sign-in", TODD_FORM).await;
    assert!(status(&response) == "403" && response.contains("Incorrect username or password."), "{response}");
    assert_eq!(backend.audit_events().last(), Some(&AuditEvent::SignInFailed));
}
