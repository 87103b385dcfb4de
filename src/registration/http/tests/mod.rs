//! The routes as a browser and as an API client see them, over real connections.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use axum::Router;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{format::Format, *};
use crate::{
    admin::Gates,
    config::LimitSettings,
    registration::{
        admission_queue::AdmissionQueue,
        fake_backend::{FakeBackend, Fault},
        listener::PerIpLimit,
        password::Passwords,
        service::{AuditLogger, RegistrationService, SignupRateLimiter},
    },
    telemetry::RegistrationMetrics,
};

mod audit;
mod change_password;
mod disconnects;
mod forms;
mod overload;
mod reads;
mod requests;
pub mod signed_in;

pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
pub const JSON: &str = "Content-Type: application/json";
pub const TODD: &str = r#"{"username":"Todd","password":"a canary of a password"}"#;
pub const TODD_FORM: &str = "username=Todd&password=a+canary+of+a+password";

fn service(backend: &Arc<FakeBackend>) -> RegistrationService<FakeBackend> {
    RegistrationService {
        registrants: Arc::clone(backend),
        accounts: Arc::clone(backend),
        passwords: Passwords::weak(),
        namespace: "default".to_owned(),
        username_reuse_delay: None,
        signup_limiter: SignupRateLimiter::per_minute(NonZeroU32::MAX),
        queue: AdmissionQueue::new(1, 1),
        max_failures_per_hour: NonZeroU32::MAX,
    }
}

/// Runs one pass of the retry loop.
async fn process_due(backend: &Arc<FakeBackend>) {
    service(backend).process_due().await.expect("the due registrations");
}

fn state(backend: &Arc<FakeBackend>) -> Arc<AppState<FakeBackend>> {
    state_with(backend, NonZeroU32::MAX)
}

/// Returns a state that admits this many reads per minute from one IP address.
fn state_with(backend: &Arc<FakeBackend>, max_reads_per_ip: NonZeroU32) -> Arc<AppState<FakeBackend>> {
    let cookies = Cookies { secure: false, session_lifetime: Duration::from_hours(1) };
    let limits = LimitSettings {
        trusted_proxy_hops: 1,
        max_attempts_per_ip: NonZeroU32::MAX,
        max_reads_per_ip,
        max_attempts_per_username: NonZeroU32::MAX,
        max_failed_sign_ins_per_hour: NonZeroU32::MAX,
        max_registrations_per_minute: NonZeroU32::MAX,
    };
    let metrics = RegistrationMetrics::default();
    Arc::new(AppState {
        service: Arc::new(service(backend)),
        account_cache: AccountCache::default(),
        gates: Gates::default(),
        cookies,
        rules: Rules::for_tests(),
        limits: AttemptLimits::new(&limits, metrics.clone()),
        audit: AuditLogger::new(metrics.clone()),
        metrics,
        tasks: TaskTracker::new(),
        stream_permits: Arc::new(Semaphore::new(1)),
        stream_limit: PerIpLimit::new(1),
        stop: CancellationToken::new(),
    })
}

/// Sends a request over a new connection and returns the whole response.
pub async fn ask(backend: &Arc<FakeBackend>, line: &str, headers: &str, body: &str) -> String {
    ask_of(router(state(backend)), line, headers, body).await
}

/// Sends a request to this router and returns the whole response.
pub async fn ask_of(router: Router, line: &str, headers: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).into_future(),
    );
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: streamcat\r\nConnection: close\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.expect("written");
    let mut response = String::new();
    connection.read_to_string(&mut response).await.expect("read");
    server.abort();
    assert!(!response.contains("canary"), "the response contains a password: {response}");
    response
}

/// Fills in the form at this path and submits it.
pub async fn submit(backend: &Arc<FakeBackend>, path: &str, fields: &str) -> String {
    let page = ask(backend, &format!("GET {path}"), "Accept: text/html", "").await;
    let headers = format!("{FORM}\r\n{}", cookie(&page));
    ask(backend, &format!("POST {path}"), &headers, &format!("{fields}&token={}", token(&page))).await
}

/// Registers Todd, by form or by JSON.
async fn register_todd(backend: &Arc<FakeBackend>, format: Format) -> String {
    match format {
        Format::Html => submit(backend, "/register", TODD_FORM).await,
        Format::Json => ask(backend, "POST /register", JSON, TODD).await,
    }
}

/// Returns the Cookie header with the cookie of a response.
pub fn cookie(response: &str) -> String {
    let (_, rest) = response.split_once("set-cookie: streamcat=").expect("a cookie");
    format!("Cookie: streamcat={}", rest.split(';').next().expect("a value"))
}

/// Returns the token of a form.
pub fn token(page: &str) -> &str {
    let (_, rest) = page.split_once(r#"name="token" value=""#).expect("a form");
    rest.split('"').next().expect("a value")
}

pub fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_submitted_form_redirects_to_the_account() {
    let backend = FakeBackend::new();
    for _ in 0..2 {
        let response = register_todd(&backend, Format::Html).await;
        assert_eq!(status(&response), "303");
        assert!(response.contains("location: /accounts/Todd\r\n"), "{response}");
    }
    let response = ask(&backend, "GET /accounts/todd", "Accept: text/html", "").await;
    assert_eq!(status(&response), "200");
    assert!(response.contains("being set up") && response.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn json_requests_get_json_responses() {
    let backend = FakeBackend::new();
    let response = ask(&backend, "POST /register", JSON, TODD).await;
    assert_eq!(status(&response), "201");
    assert!(response.contains("location: /accounts/Todd\r\n"));
    let body = r#"{"username":"Todd","account":{"namespace":"default","name":"todd"},"status":"pending"}"#;
    assert!(response.ends_with(body), "{response}");
    let again = ask(&backend, "POST /register", JSON, TODD).await;
    assert_eq!(status(&again), "200");
    assert!(again.ends_with(body), "{again}");
    let progress = ask(&backend, "GET /accounts/todd", "Accept: application/json", "").await;
    assert!(progress.ends_with(
        r#"{"username":"Todd","status":"pending","parts":{"channel":"pending","chatRoom":"pending","stage":"pending"}}"#
    ));
}

#[tokio::test]
async fn a_taken_username_is_reported_next_to_its_field() {
    let backend = FakeBackend::new();
    backend.put_account("todd", None);
    let page = register_todd(&backend, Format::Html).await;
    assert_eq!(status(&page), "409");
    assert!(
        page.contains("id=\"username-error\">This username is taken.") && page.contains("value=\"Todd\"")
    );
    assert!(page.contains(r#"If it is yours, <a href="/sign-in">sign in</a>."#), "{page}");
    let json = ask(&backend, "POST /register", JSON, TODD).await;
    assert_eq!(status(&json), "409");
    assert!(json.contains("application/problem+json") && json.contains(r#""errors":{"username":"#));
}

#[tokio::test]
async fn invalid_input_is_reported_next_to_its_field() {
    let backend = FakeBackend::new();
    let page = submit(&backend, "/register", "username=to+dd&password=canary").await;
    assert_eq!(status(&page), "422");
    assert!(page.contains("username-error") && page.contains("password-error"));
    let json = ask(&backend, "POST /register", JSON, "{}").await;
    assert_eq!(status(&json), "422");
    assert!(json.contains(r#""errors":{"password":"Choose a password.","username":"Choose a username."}"#));
    assert_eq!(backend.rows().len(), 0);
}

#[tokio::test]
async fn an_unavailable_database_is_a_503_with_retry_after() {
    for format in [Format::Html, Format::Json] {
        let backend = FakeBackend::new();
        backend.fail(0, Fault::Unavailable);
        let response = register_todd(&backend, format).await;
        assert_eq!(status(&response), "503");
        assert!(response.contains("retry-after: 5") && response.contains("Try again in a moment"));
    }
}

#[tokio::test]
async fn a_registration_is_accepted_while_the_cluster_is_unavailable() {
    for (format, expected) in [(Format::Html, "303"), (Format::Json, "202")] {
        let backend = FakeBackend::new();
        backend.fail(1, Fault::Unavailable);
        let response = register_todd(&backend, format).await;
        assert_eq!(status(&response), expected);
        assert!(response.contains("location: /accounts/Todd\r\n"), "{response}");
        for is_unavailable_later in [false, true] {
            if is_unavailable_later {
                backend.fail(1, Fault::Unavailable);
            }
            let page = ask(&backend, "GET /accounts/todd", "Accept: text/html", "").await;
            assert!(status(&page) == "200" && page.contains("being set up"), "{page}");
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_first_response() {
    let backend = FakeBackend::new();
    let with_key = format!("{JSON}\r\nIdempotency-Key: \"8e03978e\"");
    let first = ask(&backend, "POST /register", &with_key, TODD).await;
    let again = ask(&backend, "POST /register", &with_key, TODD).await;
    assert_eq!(status(&first), "201");
    let without_date = |response: &str| {
        response.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_date(&first), without_date(&again));
    let other = ask(&backend, "POST /register", &with_key, &TODD.replace("Todd", "mary")).await;
    assert!(status(&other) == "422" && other.contains("problem:idempotency-key-reused"), "{other}");
    let long = format!("{JSON}\r\nIdempotency-Key: {}", "x".repeat(256));
    for headers in [long, format!("{with_key}\r\nIdempotency-Key: 2")] {
        assert_eq!(status(&ask(&backend, "POST /register", &headers, TODD).await), "400");
    }
}

#[tokio::test]
async fn a_misconfigured_cluster_is_a_500_without_details() {
    let backend = FakeBackend::new();
    backend.fail(1, Fault::Rejected);
    let response = register_todd(&backend, Format::Html).await;
    assert_eq!(status(&response), "500");
    assert!(response.contains("role=\"alert\"") && !response.contains("forbidden"));
}

#[tokio::test]
async fn unreadable_requests_are_rejected() {
    let backend = FakeBackend::new();
    assert_eq!(status(&ask(&backend, "POST /register", "Content-Type: text/plain", "x").await), "415");
    assert_eq!(status(&ask(&backend, "POST /register", JSON, "{").await), "400");
    assert_eq!(status(&ask(&backend, "POST /register", JSON, &" ".repeat(9000)).await), "413");
    let response = ask(&backend, "PUT /register", "Accept: application/json", "").await;
    assert_eq!(status(&response), "405");
    assert!(response.contains("allow: GET,HEAD,POST\r\n"), "{response}");
    assert_eq!(status(&ask(&backend, "GET /nowhere", "Accept: text/html", "").await), "404");
    let unknown = ask(&backend, "GET /accounts/mary", "Accept: application/json", "").await;
    assert_eq!(status(&unknown), "404");
    assert!(unknown.contains("application/problem+json"));
    assert_eq!(status(&ask(&backend, "GET /accounts/%FF%00", "Accept: text/html", "").await), "404");
    assert_eq!(status(&ask(&backend, "GET /", "Accept: text/html", "").await), "303");
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let backend = FakeBackend::new();
    for line in [
        "GET /register",
        "GET /nowhere",
        "GET /style.css",
        "GET /live.js",
        "GET /form.js",
        "DELETE /register",
    ] {
        let response = ask(&backend, line, "Accept: text/html", "").await;
        assert!(response.contains("content-security-policy: default-src 'none'; style-src 'self'"), "{line}");
        assert!(response.contains("x-content-type-options: nosniff"), "{line}");
        assert_eq!(response.contains("cache-control: no-store"), !line.contains('.'), "{line}");
    }
}

#[tokio::test]
async fn an_event_reports_progress_and_the_stream_ends_when_ready() {
    let backend = FakeBackend::new();
    register_todd(&backend, Format::Html).await;
    backend.make_ready("todd");
    let events = ask(&backend, "GET /accounts/todd/events", "", "").await;
    for header in
        ["content-type: text/event-stream", "x-accel-buffering: no", "cache-control: no-store, no-transform"]
    {
        assert_eq!(events.matches(&format!("{header}\r\n")).count(), 1, "{header} {events}");
    }
    assert!(
        events.contains("event: progress\ndata: {\"username\":\"Todd\",\"status\":\"ready\""),
        "{events}"
    );
    let unknown = ask(&backend, "GET /accounts/mary/events", "", "").await;
    assert!(status(&unknown) == "404" && unknown.contains("application/problem+json"));
}
