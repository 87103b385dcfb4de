//! A form is sent by who got it from us, or not at all.

use axum::http::{Method, Request, header::COOKIE};
use testbed::{
    Operator,
    http::{self, Response},
};

use crate::{
    registration::{PASSWORD, made, post, submit},
    support::tenant,
};

/// Sends a filled-in form with this token, and with this cookie if there is one.
async fn send(registration: &Operator, path: &str, cookie: Option<&str>, token: &str) -> Response {
    let request = Request::builder().method(Method::POST).header("content-type", http::FORM);
    let request = cookie.into_iter().fold(request, |request, cookie| request.header(COOKIE, cookie));
    let fields = http::encode(&[("username", "mary"), ("password", PASSWORD), ("token", token)]);
    http::send(&format!("{}{path}", registration.url()), request, fields).await.unwrap()
}

/// Asserts that a form is shown again, with what was typed, what to do, and another chance.
async fn assert_once_more(
    registration: &Operator,
    path: &str,
    cookie: Option<&str>,
    token: &str,
    said: &str,
) {
    let answer = send(registration, path, cookie, token).await;
    assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    assert!(answer.body.contains(r#"role="alert""#) && answer.body.contains(said), "{}", answer.body);
    assert!(answer.body.contains(r#"value="mary""#) && !answer.body.contains(PASSWORD), "{}", answer.body);
    let next = answer.cookie().or(cookie);
    let token = answer.form_token().unwrap();
    assert_eq!(send(registration, path, next, token).await.status, 303, "{path}");
}

#[tokio::test]
async fn a_form_counts_only_with_its_own_cookie_and_is_shown_again_without() {
    let tenant = tenant("csrf").await;
    let registration = tenant.registration().start().await;
    for path in ["/register", "/sign-in"] {
        let form = http::get(&format!("{}{path}", registration.url())).await.unwrap();
        let (cookie, token) = (form.cookie(), form.form_token().unwrap());
        assert!(form.header("set-cookie").unwrap().ends_with("; HttpOnly; SameSite=Lax"));
        let (no_cookie, stale) = ("Allow cookies for this site", "open for too long");
        assert_once_more(&registration, path, None, token, no_cookie).await;
        assert_once_more(&registration, path, cookie, "", stale).await;
        let signed_in = submit(&registration, "mary", PASSWORD).await;
        assert_once_more(&registration, path, signed_in.cookie(), token, stale).await;
    }
    assert_eq!(made(&tenant).await, (1, 1));
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 201, "JSON needs no token");
}

#[tokio::test]
async fn what_does_not_come_from_our_form_makes_nothing_and_costs_nobody_an_attempt() {
    let tenant = tenant("csrf-limits").await;
    let registration = tenant.registration().env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", "1").start().await;
    for _ in 0..3 {
        assert_eq!(send(&registration, "/register", None, "").await.status, 403);
    }
    assert_eq!(made(&tenant).await, (0, 0));
    assert_eq!(submit(&registration, "mary", PASSWORD).await.status, 303);
    assert_eq!(submit(&registration, "mary", PASSWORD).await.status, 429);
}
