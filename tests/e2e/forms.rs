//! Forms are accepted only from the browser that they were rendered for (CSRF).

use axum::http::{Method, Request, header::COOKIE};
use testbed::{
    Operator,
    http::{self, Response},
};

use crate::{
    registration::{PASSWORD, post, registered_counts, submit},
    support::tenant,
};

/// Submits a form with this token, and with this cookie if there is one.
async fn send(registration: &Operator, path: &str, cookie: Option<&str>, token: &str) -> Response {
    let request = Request::builder().method(Method::POST).header("content-type", http::FORM);
    let request = cookie.into_iter().fold(request, |request, cookie| request.header(COOKIE, cookie));
    let fields = http::encode(&[("username", "mary"), ("password", PASSWORD), ("token", token)]);
    http::send(&format!("{}{path}", registration.url()), request, fields).await.unwrap()
}

/// Asserts that a form is shown again with the username and instructions, and is then accepted.
async fn assert_shown_again(
    registration: &Operator,
    path: &str,
    cookie: Option<&str>,
    token: &str,
    message: &str,
) {
    let answer = send(registration, path, cookie, token).await;
    assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    assert!(answer.body.contains(r#"role="alert""#) && answer.body.contains(message), "{}", answer.body);
    assert!(answer.body.contains(r#"value="mary""#) && !answer.body.contains(PASSWORD), "{}", answer.body);
    let next = answer.cookie().or(cookie);
    let token = answer.form_token().unwrap();
    assert_eq!(send(registration, path, next, token).await.status, 303, "{path}");
}

#[tokio::test]
async fn a_form_without_its_own_cookie_is_shown_again() {
    let tenant = tenant("csrf").await;
    let registration = tenant.registration().start().await;
    for path in ["/register", "/sign-in"] {
        let form = http::get(&format!("{}{path}", registration.url())).await.unwrap();
        let (cookie, token) = (form.cookie(), form.form_token().unwrap());
        assert!(form.header("set-cookie").unwrap().ends_with("; HttpOnly; SameSite=Lax"));
        let (no_cookie, stale) = ("Allow cookies for this site", "open for too long");
        assert_shown_again(&registration, path, None, token, no_cookie).await;
        assert_shown_again(&registration, path, cookie, "", stale).await;
        let signed_in = submit(&registration, "mary", PASSWORD).await;
        assert_shown_again(&registration, path, signed_in.cookie(), token, stale).await;
    }
    assert_eq!(registered_counts(&tenant).await, (1, 1));
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 201, "JSON needs no token");
}

#[tokio::test]
async fn a_foreign_form_has_no_effect_and_counts_no_attempt() {
    let tenant = tenant("csrf-limits").await;
    let registration = tenant.registration().env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", "1").start().await;
    for _ in 0..3 {
        assert_eq!(send(&registration, "/register", None, "").await.status, 403);
    }
    assert_eq!(registered_counts(&tenant).await, (0, 0));
    assert_eq!(submit(&registration, "mary", PASSWORD).await.status, 303);
    assert_eq!(submit(&registration, "mary", PASSWORD).await.status, 429);
}
