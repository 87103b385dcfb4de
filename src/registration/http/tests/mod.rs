//! The addresses as a browser and as a program see them, over a real connection.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    super::{
        limits::{Limits, Newcomers},
        password::Passwords,
        turns::Turns,
        world::{Fault, World},
    },
    *,
};
use crate::config::LimitSettings;

mod audit;
mod forms;
mod hanging_up;
pub mod members;
mod new_password;
mod turned_away;

pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
pub const JSON: &str = "Content-Type: application/json";
pub const TODD: &str = r#"{"username":"Todd","password":"a canary of a password"}"#;
pub const TODD_FORM: &str = "username=Todd&password=a+canary+of+a+password";

fn registering(world: &Arc<World>) -> Registering<Arc<World>, Arc<World>> {
    Registering {
        registrants: Arc::clone(world),
        accounts: Arc::clone(world),
        passwords: Passwords::weak(),
        namespace: "default".to_owned(),
        held_back: None,
        newcomers: Newcomers::per_minute(NonZeroU32::MAX),
        places: Turns::new(1, 1),
        most_failures: NonZeroU32::MAX,
    }
}

/// Lets the loop come by that makes accounts and sees them off.
async fn make_due(world: &Arc<World>) {
    registering(world).make_due().await.expect("looked up");
}

fn site(world: &Arc<World>) -> Arc<Site<Arc<World>, Arc<World>>> {
    let cookies = Cookies { secure: false, lasts: Duration::from_hours(1) };
    let limits = LimitSettings {
        trusted_proxy_hops: 1,
        max_attempts_per_ip: NonZeroU32::MAX,
        max_attempts_per_username: NonZeroU32::MAX,
        max_failed_sign_ins_per_hour: NonZeroU32::MAX,
        max_registrations_per_minute: NonZeroU32::MAX,
    };
    let metrics = RegistrationMetrics::default();
    Arc::new(Site {
        registering: Arc::new(registering(world)),
        cookies,
        rules: Rules::usual(),
        limits: Limits::new(&limits, metrics.clone()),
        audit: Auditing::new(metrics.clone()),
        metrics,
        tasks: TaskTracker::new(),
        listeners: Arc::new(Semaphore::new(1)),
        listening: Shares::new(1),
        stop: CancellationToken::new(),
    })
}

/// One request on a connection of its own; the whole answer.
pub async fn ask(world: &Arc<World>, line: &str, headers: &str, body: &str) -> String {
    ask_of(router(site(world)), line, headers, body).await
}

/// The same of this router.
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
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("read");
    server.abort();
    assert!(!answer.contains("canary"), "a password was told back: {answer}");
    answer
}

/// What a person sends who fills in the form at this path.
pub async fn submit(world: &Arc<World>, path: &str, fields: &str) -> String {
    let page = ask(world, &format!("GET {path}"), "Accept: text/html", "").await;
    let headers = format!("{FORM}\r\n{}", cookie(&page));
    ask(world, &format!("POST {path}"), &headers, &format!("{fields}&token={}", token(&page))).await
}

/// Registers Todd, as a person or as a program.
async fn register_todd(world: &Arc<World>, format: Format) -> String {
    match format {
        Format::Html => submit(world, "/register", TODD_FORM).await,
        Format::Json => ask(world, "POST /register", JSON, TODD).await,
    }
}

/// The header by which a browser gives back the cookie of an answer.
pub fn cookie(answer: &str) -> String {
    let (_, rest) = answer.split_once("set-cookie: streamcat=").expect("a cookie");
    format!("Cookie: streamcat={}", rest.split(';').next().expect("a value"))
}

/// The token of a form.
pub fn token(page: &str) -> &str {
    let (_, rest) = page.split_once(r#"name="token" value=""#).expect("a form");
    rest.split('"').next().expect("a value")
}

pub fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_form_leads_to_the_account() {
    let world = World::empty();
    for _ in 0..2 {
        let answer = register_todd(&world, Format::Html).await;
        assert_eq!(status(&answer), "303");
        assert!(answer.contains("location: /accounts/Todd\r\n"), "{answer}");
    }
    let answer = ask(&world, "GET /accounts/todd", "Accept: text/html", "").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.contains("being set up") && answer.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn json_is_answered_by_json() {
    let world = World::empty();
    let answer = ask(&world, "POST /register", JSON, TODD).await;
    assert_eq!(status(&answer), "201");
    assert!(answer.contains("location: /accounts/Todd\r\n"));
    let body = r#"{"username":"Todd","account":{"namespace":"default","name":"todd"},"status":"pending"}"#;
    assert!(answer.ends_with(body), "{answer}");
    let again = ask(&world, "POST /register", JSON, TODD).await;
    assert_eq!(status(&again), "200");
    assert!(again.ends_with(body), "{again}");
    let progress = ask(&world, "GET /accounts/todd", "Accept: application/json", "").await;
    assert!(progress.ends_with(
        r#"{"username":"Todd","status":"pending","parts":{"channel":"pending","chatRoom":"pending","stage":"pending"}}"#
    ));
}

#[tokio::test]
async fn a_taken_name_is_told_beside_the_field() {
    let world = World::empty();
    world.put_account("todd", None);
    let page = register_todd(&world, Format::Html).await;
    assert_eq!(status(&page), "409");
    assert!(
        page.contains("id=\"username-error\">This username is taken.") && page.contains("value=\"Todd\"")
    );
    assert!(page.contains(r#"If it is yours, <a href="/sign-in">sign in</a>."#), "{page}");
    let json = ask(&world, "POST /register", JSON, TODD).await;
    assert_eq!(status(&json), "409");
    assert!(json.contains("application/problem+json") && json.contains(r#""errors":{"username":"#));
}

#[tokio::test]
async fn bad_input_is_told_beside_the_field() {
    let world = World::empty();
    let page = submit(&world, "/register", "username=to+dd&password=canary").await;
    assert_eq!(status(&page), "422");
    assert!(page.contains("username-error") && page.contains("password-error"));
    let json = ask(&world, "POST /register", JSON, "{}").await;
    assert_eq!(status(&json), "422");
    assert!(json.contains(r#""errors":{"password":"Choose a password.","username":"Choose a username."}"#));
    assert_eq!(world.rows().len(), 0);
}

#[tokio::test]
async fn what_is_away_is_a_503_that_says_to_try_again() {
    for format in [Format::Html, Format::Json] {
        let world = World::empty();
        world.fail(0, Fault::Away);
        let answer = register_todd(&world, format).await;
        assert_eq!(status(&answer), "503");
        assert!(answer.contains("retry-after: 5") && answer.contains("Try again in a moment"));
    }
}

#[tokio::test]
async fn with_the_cluster_away_a_registration_is_accepted_and_shown_as_waiting() {
    for (format, expected) in [(Format::Html, "303"), (Format::Json, "202")] {
        let world = World::empty();
        world.fail(1, Fault::Away);
        let answer = register_todd(&world, format).await;
        assert_eq!(status(&answer), expected);
        assert!(answer.contains("location: /accounts/Todd\r\n"), "{answer}");
        for later_away in [false, true] {
            if later_away {
                world.fail(1, Fault::Away);
            }
            let page = ask(&world, "GET /accounts/todd", "Accept: text/html", "").await;
            assert!(status(&page) == "200" && page.contains("being set up"), "{page}");
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_is_honoured() {
    let world = World::empty();
    let with_key = format!("{JSON}\r\nIdempotency-Key: \"8e03978e\"");
    let first = ask(&world, "POST /register", &with_key, TODD).await;
    let again = ask(&world, "POST /register", &with_key, TODD).await;
    assert_eq!(status(&first), "201");
    let without_date = |answer: &str| {
        answer.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_date(&first), without_date(&again));
    let other = ask(&world, "POST /register", &with_key, &TODD.replace("Todd", "mary")).await;
    assert!(status(&other) == "422" && other.contains("problem:idempotency-key-used"), "{other}");
    let long = format!("{JSON}\r\nIdempotency-Key: {}", "x".repeat(256));
    for headers in [long, format!("{with_key}\r\nIdempotency-Key: 2")] {
        assert_eq!(status(&ask(&world, "POST /register", &headers, TODD).await), "400");
    }
}

#[tokio::test]
async fn a_misconfigured_cluster_is_our_fault_and_not_explained() {
    let world = World::empty();
    world.fail(1, Fault::Refused);
    let answer = register_todd(&world, Format::Html).await;
    assert_eq!(status(&answer), "500");
    assert!(answer.contains("role=\"alert\"") && !answer.contains("forbidden"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let world = World::empty();
    assert_eq!(status(&ask(&world, "POST /register", "Content-Type: text/plain", "x").await), "415");
    assert_eq!(status(&ask(&world, "POST /register", JSON, "{").await), "400");
    assert_eq!(status(&ask(&world, "POST /register", JSON, &" ".repeat(9000)).await), "413");
    let answer = ask(&world, "PUT /register", "Accept: application/json", "").await;
    assert_eq!(status(&answer), "405");
    assert!(answer.contains("allow: GET,HEAD,POST\r\n"), "{answer}");
    assert_eq!(status(&ask(&world, "GET /nowhere", "Accept: text/html", "").await), "404");
    let unknown = ask(&world, "GET /accounts/mary", "Accept: application/json", "").await;
    assert_eq!(status(&unknown), "404");
    assert!(unknown.contains("application/problem+json"));
    assert_eq!(status(&ask(&world, "GET /accounts/%FF%00", "Accept: text/html", "").await), "404");
    assert_eq!(status(&ask(&world, "GET /", "Accept: text/html", "").await), "303");
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let world = World::empty();
    for line in [
        "GET /register",
        "GET /nowhere",
        "GET /style.css",
        "GET /live.js",
        "GET /form.js",
        "DELETE /register",
    ] {
        let answer = ask(&world, line, "Accept: text/html", "").await;
        assert!(answer.contains("content-security-policy: default-src 'none'; style-src 'self'"), "{line}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{line}");
        assert_eq!(answer.contains("cache-control: no-store"), !line.contains('.'), "{line}");
    }
}

#[tokio::test]
async fn progress_is_told_by_an_event_and_the_stream_ends_when_all_is_ready() {
    let world = World::empty();
    register_todd(&world, Format::Html).await;
    world.make_ready("todd");
    let told = ask(&world, "GET /accounts/todd/events", "", "").await;
    assert!(told.contains("content-type: text/event-stream\r\n"), "{told}");
    assert!(told.contains("event: progress\ndata: {\"username\":\"Todd\",\"status\":\"ready\""), "{told}");
    let unknown = ask(&world, "GET /accounts/mary/events", "", "").await;
    assert!(status(&unknown) == "404" && unknown.contains("application/problem+json"));
}
