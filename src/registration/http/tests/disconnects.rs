//! A client that disconnects before the response interrupts nothing.

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
    middleware::from_fn_with_state,
    routing::post,
};
use futures::poll;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::{signed_in::Browser, *};
use crate::{registration::http::middleware::run_to_completion, store::AuditEvent};

/// Number of polls after which a response that waits only for the database is complete.
const MAX_POLLS: usize = 30;

/// Submits a form, polls the response this many times, and disconnects. Returns when no task is running.
async fn submit_and_disconnect(
    backend: &Arc<FakeBackend>,
    polls: usize,
    path: &str,
    browser: &Browser,
    fields: &str,
) {
    let state = state(backend);
    let request = Request::post(path)
        .header(header::HOST, "streamcat")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, browser.cookie.trim_start_matches("Cookie: "))
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))))
        .body(Body::from(format!("token={}&{fields}", browser.token)))
        .expect("a request");
    let mut response = Box::pin(TowerToHyperService::new(router(Arc::clone(&state))).call(request));
    for _ in 0..polls {
        if poll!(&mut response).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(response);
    state.tasks.close();
    state.tasks.wait().await;
}

#[tokio::test]
async fn a_wrong_password_is_recorded_even_if_the_client_disconnects() {
    for (path, fields, event) in [
        ("/sign-in", "username=Todd&password=not+my+password", AuditEvent::SignInFailed),
        ("/register", "username=Todd&password=this+is+not+my+password", AuditEvent::RegistrationRefused),
        ("/accounts/todd/delete", "password=not+my+password", AuditEvent::PasswordRefused),
        (
            "/accounts/todd/password",
            "password=not+my+password&new-password=another+canary+of+ours",
            AuditEvent::PasswordRefused,
        ),
    ] {
        for polls in 1..=MAX_POLLS {
            let backend = FakeBackend::new();
            let browser = Browser::registered(&backend).await;
            submit_and_disconnect(&backend, polls, path, &browser, fields).await;
            assert_eq!(backend.audit_events().last(), Some(&event), "{path}, after {polls}");
        }
    }
}

#[tokio::test]
async fn a_deletion_completes_even_if_the_client_disconnects() {
    for polls in 1..=MAX_POLLS {
        let backend = FakeBackend::new();
        let browser = Browser::registered(&backend).await;
        let fields = "password=a+canary+of+a+password";
        submit_and_disconnect(&backend, polls, "/accounts/todd/delete", &browser, fields).await;
        assert!(backend.accounts()[0].metadata.deletion_timestamp.is_some(), "after {polls}");
    }
}

#[tokio::test]
async fn a_panicking_handler_is_answered_with_a_500() {
    let layer = from_fn_with_state(state(&FakeBackend::new()), run_to_completion::<FakeBackend>);
    let broken = post(async || -> () { panic!("on purpose") }).layer(layer);
    let response = ask_of(Router::new().route("/", broken), "POST /", JSON, "").await;
    assert!(status(&response) == "500" && response.contains("application/problem+json"), "{response}");
}
