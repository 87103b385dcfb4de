//! Invalid input and the responses to it.

use axum::http::{Request, header::ACCEPT};
use serde_json::{Value, json};
use testbed::{Operator, http};

use crate::{
    registration::{PASSWORD, post, registered_counts, submit, username_error},
    support::tenant,
};

/// Posts a body and returns the status and the problem details.
async fn rejected(registration: &Operator, content_type: &str, body: &str) -> (u16, Value) {
    let request = Request::post("/").header(ACCEPT, "application/json").header("content-type", content_type);
    let answer =
        http::send(&format!("{}/register", registration.url()), request, body.to_owned()).await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.body);
    let problem = answer.json().unwrap();
    assert_eq!(problem["status"], answer.status.as_u16());
    (answer.status.as_u16(), problem)
}

#[tokio::test]
async fn invalid_input_is_reported_for_each_field() {
    let tenant = tenant("input").await;
    let registration = tenant.registration().start().await;
    let letters = "A username can contain only letters (a to z), digits, - and _.";
    let short = "The password must have at least 15 characters. Add a word or two.";
    let long = "x".repeat(129);
    for (username, password, errors) in [
        ("to dd", PASSWORD, json!({ "username": letters })),
        ("tödd", PASSWORD, json!({ "username": letters })),
        ("", PASSWORD, json!({ "username": "Choose a username." })),
        (&long, PASSWORD, json!({ "username": "A username can have at most 128 characters." })),
        ("todd", "short", json!({ "password": short })),
        ("todd", "", json!({ "password": "Choose a password." })),
        ("todd", &long, json!({ "password": "The password must have at most 128 characters. Shorten it." })),
        ("to.dd", "short", json!({ "username": letters, "password": short })),
    ] {
        let answer = post(&registration, username, password).await;
        assert_eq!((answer.status.as_u16(), &answer.json().unwrap()["errors"]), (422, &errors), "{username}");
        let answer = submit(&registration, username, password).await;
        assert_eq!(answer.status, 422);
        assert_eq!(username_error(&answer.body), errors["username"].as_str(), "{}", answer.body);
        for message in errors.as_object().unwrap().values() {
            assert!(answer.body.contains(message.as_str().unwrap()), "{}", answer.body);
        }
    }
    let answer = submit(&registration, r#""><b>"#, PASSWORD).await;
    assert!(answer.body.contains("&quot;&gt;&lt;b&gt;") && !answer.body.contains("<b>"), "{}", answer.body);
    assert_eq!(registered_counts(&tenant).await, (0, 0));
}

#[tokio::test]
async fn an_unreadable_body_is_rejected_with_the_reason() {
    let tenant = tenant("body").await;
    let registration = tenant.registration().start().await;
    let (json_type, form_type) = ("application/json", http::FORM);
    let large = format!(r#"{{"username":"todd","password":"{}"}}"#, "x".repeat(8 * 1024));
    let large_form = format!("username=todd&password={}", "x".repeat(8 * 1024));
    for (content_type, body, status, expected) in [
        (json_type, r#"{"username":"#, 400, "not valid JSON"),
        (json_type, "[]", 400, "a JSON object with two strings"),
        (json_type, r#"{"username":"todd","password":7}"#, 400, "a JSON object with two strings"),
        (json_type, r#"{"username":"todd","e-mail":"a"}"#, 400, "\"e-mail\""),
        ("text/plain", "username=todd", 415, "application/x-www-form-urlencoded"),
        ("multipart/form-data; boundary=b", "--b--", 415, "application/json"),
        (json_type, &large, 413, "8 KB"),
    ] {
        let (answered, problem) = rejected(&registration, content_type, body).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            answered == status && detail.contains(expected),
            "{content_type} {body:.40}: {answered} {detail}"
        );
    }
    for (body, status) in [(large_form.as_str(), 413), ("username=a&username=b", 400)] {
        let answer = http::post(&format!("{}/register", registration.url()), form_type, body).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(r#"role="alert""#) && answer.body.contains("<form"), "{}", answer.body);
    }
    assert_eq!(registered_counts(&tenant).await, (0, 0));
}

#[tokio::test]
async fn too_many_attempts_get_a_429_with_retry_after() {
    let tenant = tenant("limits").await;
    let limited = tenant.registration().env("STREAMCAT_MAX_ATTEMPTS_PER_IP", "4");
    let registration = limited
        .env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", "2")
        .env("STREAMCAT_TRUSTED_PROXY_HOPS", "1")
        .start()
        .await;
    let url = format!("{}/sign-in", registration.url());
    let form = http::get(&url).await.unwrap();
    let sign_in = async |username: &str, from: &str| {
        let request = Request::post("/").header("content-type", http::FORM);
        let request = request.header("x-forwarded-for", from).header("cookie", form.cookie().unwrap());
        let token = form.form_token().unwrap();
        http::send(&url, request, format!("username={username}&password=x&token={token}")).await.unwrap()
    };
    for from in ["6.6.6.6, 1.1.1.1", "2.2.2.2"] {
        let answer = sign_in("todd", from).await;
        assert!(
            answer.status == 403 && answer.body.contains("Incorrect username or password"),
            "{}",
            answer.body
        );
    }
    let refused = sign_in("Todd", "3.3.3.3").await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(
        (1..=31).contains(&wait) && refused.body.contains("Too many attempts"),
        "{wait}: {}",
        refused.body
    );
    for username in ["ann", "mary", "zoe"] {
        assert_eq!(sign_in(username, "1.1.1.1").await.status, 403, "{username}");
    }
    assert_eq!(sign_in("erin", "7.7.7.7, 1.1.1.1").await.status, 429);
    assert_eq!(sign_in("erin", "4.4.4.4").await.status, 403);
}

#[tokio::test]
async fn unknown_pages_and_methods_are_rejected() {
    let tenant = tenant("pages").await;
    let registration = tenant.registration().start().await;
    for (path, status) in [
        ("/", 303),
        ("/style.css", 200),
        ("/form.js", 200),
        ("/nothing", 404),
        ("/accounts/nobody", 404),
        ("/accounts/%FF", 404),
    ] {
        let answer = http::get(&format!("{}{path}", registration.url())).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let answer =
        http::send(&format!("{}/register", registration.url()), Request::delete("/"), String::new()).await;
    assert_eq!(answer.unwrap().status, 405);
}
