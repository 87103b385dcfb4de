//! Registering by form and by JSON, once and repeatedly.

use argon2::{Argon2, PasswordVerifier};
use axum::http::{Request, header::ACCEPT};
use kube::api::ListParams;
use serde_json::{Value, json};
use testbed::{
    Operator, Tenant,
    http::{self, Response},
    wait,
};

use crate::support::{
    TIMEOUT, accounts, arns, count, create, create_named, delete, gone, ready, recorded, tenant,
};

pub const PASSWORD: &str = "correct horse battery";

/// Returns the JSON of a registration.
pub fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

/// Posts JSON with a username and a password.
pub async fn post(registration: &Operator, username: &str, password: &str) -> Response {
    let url = format!("{}/register", registration.url());
    http::post_json(&url, &credentials(username, password)).await.unwrap()
}

/// Posts the form with a username and a password.
pub async fn submit(registration: &Operator, username: &str, password: &str) -> Response {
    let fields = [("username", username), ("password", password)];
    http::post_form(&format!("{}/register", registration.url()), &fields).await.unwrap()
}

/// Gets a page as JSON.
async fn get_json(url: &str) -> (u16, Value) {
    let request = Request::get("/").header(ACCEPT, "application/json");
    let answer = http::send(url, request, String::new()).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

/// Returns the numbers of users and of accounts.
pub async fn registered_counts(tenant: &Tenant) -> (i64, usize) {
    let users = count(tenant, "select count(*) from users").await;
    (users, accounts(tenant).list(&ListParams::default()).await.unwrap().items.len())
}

/// Returns the error next to the username field.
pub fn username_error(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(r#"<p class="error" id="username-error">"#)?;
    rest.split_once("</p>").map(|(message, _)| message)
}

#[tokio::test]
async fn registering_by_form_leads_to_a_page_that_becomes_ready() {
    let tenant = tenant("form").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    let form = http::get(&format!("{}/register", registration.url())).await.unwrap();
    assert_eq!(form.status, 200);
    assert!(
        form.body.contains(r#"<form method="post" action="/register">"#)
            && form.body.matches("<script").count() == 1
            && form.body.contains(r#"<script src="/form.js" defer></script>"#)
    );
    assert!(form.header("content-security-policy").unwrap().contains("default-src 'none'"));

    let answer = submit(&registration, "mary", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/accounts/mary")));
    let page = format!("{}/accounts/mary", registration.url());
    let seen = wait::until("the page shows that the account is ready", TIMEOUT, || async {
        let page = http::get(&page).await.map_err(|error| error.to_string())?;
        if page.body.contains("You are ready to stream") { Ok(page.body) } else { Err(page.body) }
    });
    let page = seen.await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(page.matches(r#"<li class="ready">"#).count(), 3, "{page}");
    assert!(!page.contains(r#"http-equiv="refresh""#), "a ready page still refreshes");

    let arns = arns(&ready(&tenant, "mary").await);
    assert_eq!(recorded(&tenant, "mary").await, arns);
    assert_password_is_kept_as_a_hash(&tenant, &registration).await;
}

async fn assert_password_is_kept_as_a_hash(tenant: &Tenant, registration: &Operator) {
    let hash: String =
        sqlx::query_scalar("select password_hash from users").fetch_one(&tenant.pool()).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(Argon2::default().verify_password(PASSWORD.as_bytes(), hash.as_str()).is_ok());
    assert!(!registration.log().contains(PASSWORD) && !registration.log().contains(&hash));
    let account = serde_json::to_string(&accounts(tenant).get("mary").await.unwrap()).unwrap();
    assert!(!account.contains(PASSWORD) && !account.contains(&hash), "{account}");
}

#[tokio::test]
async fn registering_by_json_returns_the_location_of_the_progress() {
    let tenant = tenant("json").await;
    let registration = tenant.registration().start().await;
    let answer = post(&registration, "Zoe_1", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (201, Some("/accounts/Zoe_1")));
    let body = answer.json().unwrap();
    assert_eq!((&body["username"], &body["status"]), (&json!("Zoe_1"), &json!("pending")));
    assert_eq!(body["account"]["namespace"], tenant.namespace());

    let location = format!("{}{}", registration.url(), answer.header("location").unwrap());
    let pending = json!({ "channel": "pending", "chatRoom": "pending", "stage": "pending" });
    let (status, progress) = get_json(&location).await;
    assert_eq!((status, &progress["status"], &progress["parts"]), (200, &json!("pending"), &pending));

    let _controller = tenant.controller().start().await;
    let seen = wait::until("the status is ready", TIMEOUT, || async {
        let (_, progress) = get_json(&location).await;
        if progress["status"] == "ready" { Ok(progress) } else { Err(progress.to_string()) }
    });
    let progress = seen.await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(progress["parts"], json!({ "channel": "ready", "chatRoom": "ready", "stage": "ready" }));
    let account = ready(&tenant, body["account"]["name"].as_str().unwrap()).await;
    assert_eq!(account.spec.username, "Zoe_1");
    assert_eq!(recorded(&tenant, "Zoe_1").await, arns(&account));
}

#[tokio::test]
async fn registering_again_requires_the_password() {
    let tenant = tenant("again").await;
    let registration = tenant.registration().start().await;
    assert_eq!(post(&registration, "Mary", PASSWORD).await.status, 201);

    for username in ["Mary", "mary", "MARY"] {
        let answer = post(&registration, username, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (200, Some("/accounts/Mary")));
        let answer = submit(&registration, username, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/accounts/Mary")));
        let answer = post(&registration, username, "another horse battery").await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert_eq!(submit(&registration, username, "another horse battery").await.status, 409);
    }
    let (status, progress) = get_json(&format!("{}/accounts/mARY", registration.url())).await;
    assert_eq!((status, &progress["username"]), (200, &json!("Mary")));
    assert_eq!(registered_counts(&tenant).await, (1, 1));
}

/// Asserts that a username is taken, by JSON and by form.
pub async fn assert_taken(registration: &Operator, username: &str) {
    let answer = post(registration, username, PASSWORD).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json().unwrap();
    assert_eq!(problem["type"], "urn:streamcat:problem:username-taken");
    assert_eq!(problem["errors"]["username"], "This username is taken. Choose another.");

    let answer = submit(registration, username, PASSWORD).await;
    assert_eq!(answer.status, 409);
    assert_eq!(
        username_error(&answer.body),
        Some(r#"This username is taken. Choose another. If it is yours, <a href="/sign-in">sign in</a>."#)
    );
    assert!(answer.body.contains(&format!(r#"value="{username}""#)), "the username is lost");
    assert!(!answer.body.contains(PASSWORD));
}

#[tokio::test]
async fn a_username_of_a_kubectl_account_is_taken() {
    let tenant = tenant("taken").await;
    let registration = tenant.registration().start().await;
    create(&tenant, "todd", json!({})).await;
    assert_taken(&registration, "todd").await;
    assert_eq!(
        count(&tenant, "select count(*) from users").await,
        0,
        "a row exists for somebody else's account"
    );

    let _controller = tenant.controller().start().await;
    create_named(&tenant, "another-object", "Mary", json!({})).await;
    ready(&tenant, "todd").await;
    ready(&tenant, "another-object").await;
    for username in ["todd", "TODD", "Mary", "mary"] {
        assert_taken(&registration, username).await;
    }
    let hashed = count(&tenant, "select count(*) from users where password_hash is not null").await;
    assert_eq!((hashed, count(&tenant, "select count(*) from users").await), (0, 2));
}

#[tokio::test]
async fn events_report_progress_as_it_happens() {
    let tenant = tenant("events").await;
    let registration = tenant.registration().start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    let events = format!("{}/accounts/mary/events", registration.url());
    // The stream ends when the account is ready. The first poll happens before the controller starts.
    let (stream, _controller) = tokio::join!(http::get(&events), tenant.controller().start());
    let stream = stream.unwrap();
    assert_eq!((stream.status.as_u16(), stream.header("content-type")), (200, Some("text/event-stream")));
    let statuses: Vec<_> = stream.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let statuses: Vec<Value> =
        statuses.iter().map(|data| serde_json::from_str::<Value>(data).unwrap()["status"].clone()).collect();
    assert_eq!(
        (statuses.first(), statuses.last()),
        (Some(&json!("pending")), Some(&json!("ready"))),
        "{}",
        stream.body
    );

    delete(&tenant, "mary").await;
    gone(&tenant, "mary").await;
    assert_eq!(http::get(&events).await.unwrap().status, 404);
}

#[tokio::test]
async fn an_open_event_stream_does_not_delay_shutdown() {
    let tenant = tenant("listener").await;
    let registration = tenant.registration().env("STREAMCAT_LOG_LEVEL", "info,streamcat_operator=debug");
    let mut registration = registration.start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    let events = format!("{}/accounts/mary/events", registration.url());
    let listener = tokio::spawn(async move { http::get(&events).await });
    let opened = wait::until("the stream is open", TIMEOUT, || async {
        registration.log().contains("event stream opened")
    });
    opened.await.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(registration.terminate().await.success());
    let stream = listener.await.unwrap().unwrap();
    assert!(stream.body.contains(r#""status":"pending""#), "{}", stream.body);
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_response() {
    let tenant = tenant("idempotency").await;
    let registration = tenant.registration().start().await;
    let send = async |username: &str| {
        let request = Request::post("/").header("content-type", "application/json");
        let body = credentials(username, PASSWORD).to_string();
        let url = format!("{}/register", registration.url());
        http::send(&url, request.header("idempotency-key", "8e03978e"), body).await.unwrap()
    };
    let (first, again) = (send("mary").await, send("mary").await);
    assert_eq!((first.status.as_u16(), &first.body), (201, &again.body));
    assert_eq!((first.status, first.header("location")), (again.status, again.header("location")));
    assert_eq!(send("todd").await.status, 422);
    assert_eq!(registered_counts(&tenant).await, (1, 1));
}

#[tokio::test]
async fn a_reused_key_does_not_lock_the_user_out() {
    let tenant = tenant("used-key").await;
    // A single wrong password would lock the user out.
    let registration = tenant.registration().env("STREAMCAT_MAX_FAILED_SIGN_INS_PER_HOUR", "1").start().await;
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 201);
    for (username, expected) in [("mary", 201), ("todd", 422), ("todd", 422)] {
        let request = Request::post("/").header("content-type", "application/json");
        let body = credentials(username, PASSWORD).to_string();
        let url = format!("{}/register", registration.url());
        let answer = http::send(&url, request.header("idempotency-key", "of-mary"), body).await.unwrap();
        assert_eq!(answer.status, expected, "{username}");
    }
    let refused = "select count(*) from audit_log where event = 'registration_refused' and user_id is null";
    assert_eq!(count(&tenant, refused).await, 2);
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 200);
    assert_eq!(post(&registration, "todd", "another horse battery").await.status, 409);
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 429, "a wrong password counts");
}

#[tokio::test]
async fn the_username_of_a_deleted_account_is_reserved_for_the_delay() {
    let tenant = tenant("held-back").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().env("STREAMCAT_USERNAME_REUSE_DELAY", "1h").start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    ready(&tenant, "mary").await;
    delete(&tenant, "mary").await;
    gone(&tenant, "mary").await;
    assert_taken(&registration, "Mary").await;
    let at_once = tenant.registration().start().await;
    assert_eq!(post(&at_once, "mary", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn one_of_two_concurrent_requests_creates_the_account() {
    let tenant = tenant("at-once").await;
    let registration = tenant.registration().start().await;
    let both = tokio::join!(post(&registration, "mary", PASSWORD), post(&registration, "mary", PASSWORD));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "a double click of one person");

    let other = "another horse battery";
    let both = tokio::join!(post(&registration, "todd", PASSWORD), post(&registration, "Todd", other));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "two people with one name");
    assert_eq!(registered_counts(&tenant).await, (2, 2));
}
