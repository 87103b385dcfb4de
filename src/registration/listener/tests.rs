//! Slow clients and many clients, over real sockets. The tests of each timeout are in `http-guards`.

use std::{
    num::NonZeroU16,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request as Asked},
    http::StatusCode,
    response::Response,
    routing,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::registration::http::Submission;

const FORM: &str = "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n";

/// A complete request, after which the client sends nothing more.
const ASKED: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// Maximum time that a test waits.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);

/// A running server whose router accepts a form, or returns the peer's address.
struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    metrics: RegistrationMetrics,
    served: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(most: u16, request_timeout: Duration, router: Router) -> Self {
        let most = NonZeroU16::new(most).expect("not zero");
        let idle_timeout = Duration::from_mins(5);
        let settings =
            ConnectionSettings { max_connections: most, request_timeout, idle_timeout, max_per_ip: None };
        Self::start_with(settings, router, None).await
    }

    async fn start_with(
        settings: ConnectionSettings,
        app: Router,
        per_ip_limit: Option<Arc<PerIpLimit>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (shutdown, metrics) = (Shutdown::default(), RegistrationMetrics::default());
        let (stopped, counted) = (shutdown.clone(), metrics.clone());
        let overload = Router::new().fallback(overload);
        let sockets = Server { app, overload, settings, per_ip_limit, metrics: counted };
        let served = tokio::spawn(async move { sockets.serve(listener, &stopped).await });
        Self { address, shutdown, metrics, served }
    }

    async fn connect(&self, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(sent.as_bytes()).await.expect("written");
        stream
    }

    /// Sends a request over a new connection and returns the response.
    async fn ask(&self) -> String {
        until_closed(&mut self.connect(ASKED).await).await
    }

    /// Sends requests until one is not rejected.
    async fn ask_until_served(&self) -> String {
        let served = async {
            loop {
                let response = self.ask().await;
                if !response.contains(" 503 ") {
                    return response;
                }
            }
        };
        timeout(TEST_TIMEOUT, served).await.expect("every connection is rejected")
    }
}

async fn overload(Extension(reason): Extension<OverloadReason>, body: Bytes) -> (StatusCode, String) {
    let status = match reason {
        OverloadReason::MaxConnections => StatusCode::SERVICE_UNAVAILABLE,
        OverloadReason::MaxConnectionsPerIp => StatusCode::TOO_MANY_REQUESTS,
    };
    (status, format!("{reason:?} {}", body.len()))
}

fn router() -> Router {
    let handler = routing::get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string());
    Router::new().route("/", handler.post(submitted))
}

async fn submitted(request: Asked) -> Response {
    match Submission::read(request).await {
        Ok(submission) => Response::new(Body::from(submission.username)),
        Err((_, problem)) => problem.json(),
    }
}

/// Reads until the peer closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(TEST_TIMEOUT, stream.read_to_end(&mut text)).await.expect("the connection stays open");
    // Data sent to a closed peer may be answered by a reset.
    drop(read);
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn a_client_that_sends_no_complete_head_is_disconnected() {
    let server = Running::start(2, Duration::from_millis(100), router()).await;
    let mut silent = server.connect("").await;
    let mut slow = server.connect("GET / HTTP/1.1\r\nHost:").await;
    assert!(server.ask_until_served().await.starts_with("HTTP/1.1 200 "));
    for cut_off in [&mut silent, &mut slow] {
        assert!(!until_closed(cut_off).await.contains(" 200 "));
    }
}

#[tokio::test]
async fn a_body_must_complete_in_time_however_often_a_piece_arrives() {
    let server = Running::start(8, Duration::from_millis(200), router()).await;
    let stream = server.connect(&format!("{FORM}Content-Length: 8000\r\n\r\nusername=")).await;
    let (mut reader, mut writer) = stream.into_split();
    let trickle = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mut response = String::new();
    let read = async { reader.read_to_string(&mut response).await };
    tokio::select! {
        read = timeout(TEST_TIMEOUT, read) => drop(read.expect("the connection stays open")),
        () = trickle => {}
    }
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 408 "), "{response}");

    let mut stalled = server.connect(&format!("{FORM}Content-Length: 20\r\n\r\nusername=")).await;
    let response = until_closed(&mut stalled).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
}

#[tokio::test]
async fn an_idle_connection_outlives_the_request_timeout_then_closes() {
    let (request_timeout, idle_timeout) = (Duration::from_millis(50), Duration::from_millis(500));
    let most = NonZeroU16::MIN;
    let settings =
        ConnectionSettings { max_connections: most, request_timeout, idle_timeout, max_per_ip: None };
    let server = Running::start_with(settings, router(), None).await;
    let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let since = tokio::time::Instant::now();
    let mut idle = server.connect(request).await;
    let response = until_closed(&mut idle).await;
    assert!(response.starts_with("HTTP/1.1 200 ") && !response.contains("connection: close"), "{response}");
    assert!(since.elapsed() >= idle_timeout, "the request time-out did not close it");

    // The time-out for the next head starts at its first byte.
    let mut slow = server.connect(&format!("{request}GET /")).await;
    let response = until_closed(&mut slow).await;
    assert_eq!(response.matches("HTTP/1.1 200 ").count(), 1, "{response}");
}

#[tokio::test]
async fn at_most_the_maximum_number_of_connections_is_served_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (Arc::clone(&now), Arc::clone(&most));
    let handler = async move || {
        seen.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(30)).await;
        counted.fetch_sub(1, Ordering::SeqCst);
    };
    let server =
        Running::start(2, Duration::from_secs(30), Router::new().route("/", routing::get(handler))).await;
    let responses = futures::future::join_all((0..10).map(|_| server.ask())).await;
    let is_served = |response: &&String| response.starts_with("HTTP/1.1 200 ");
    assert!(responses.iter().filter(is_served).count() >= 2, "{responses:?}");
    let others = responses.iter().filter(|response| !is_served(response));
    assert!(others.clone().all(|response| response.starts_with("HTTP/1.1 503 ")), "{responses:?}");
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn every_connection_beyond_the_maximum_gets_the_reason() {
    let server = Running::start(1, Duration::from_mins(5), router()).await;
    let _silent = server.connect("").await;
    let body = "x".repeat(4000);
    let sent = format!("{FORM}Content-Length: 4000\r\n\r\n{body}");
    let ask = async || until_closed(&mut server.connect(&sent).await).await;
    let responses = futures::future::join_all((0..2 * MAX_CONCURRENT_REJECTIONS).map(|_| ask())).await;
    for response in responses {
        assert!(
            response.starts_with("HTTP/1.1 503 ") && response.ends_with("MaxConnections 4000"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_for_a_new_one() {
    let server = Running::start(1, Duration::from_mins(5), router()).await;
    let mut idle = server.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let address = idle.local_addr().expect("an address").to_string();
    let mut response = String::new();
    while !response.ends_with(&address) {
        let mut bytes = [0; 1024];
        let read = timeout(TEST_TIMEOUT, idle.read(&mut bytes)).await.expect("a response").expect("read");
        response.push_str(std::str::from_utf8(&bytes[..read]).expect("text"));
    }
    assert!(server.ask().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(until_closed(&mut idle).await, "");
}

#[tokio::test]
async fn one_ip_address_cannot_use_all_slots() {
    let settings = ConnectionSettings {
        max_connections: NonZeroU16::new(8).expect("not zero"),
        request_timeout: Duration::from_mins(5),
        idle_timeout: Duration::from_mins(5),
        max_per_ip: None,
    };
    let server =
        Running::start_with(settings, router(), Some(PerIpLimit::new(settings.connections_per_ip()))).await;
    let _silent = [server.connect("").await, server.connect("").await];
    let response = server.ask().await;
    assert!(response.starts_with("HTTP/1.1 429 ") && response.contains("MaxConnectionsPerIp"), "{response}");

    let another = tokio::net::TcpSocket::new_v4().expect("a socket");
    another.bind("127.0.0.2:0".parse().expect("an address")).expect("bound");
    let mut another = another.connect(server.address).await.expect("a connection");
    another.write_all(ASKED.as_bytes()).await.expect("written");
    let response = until_closed(&mut another).await;
    assert!(response.starts_with("HTTP/1.1 200 ") && response.contains("127.0.0.2:"), "{response}");
}

#[tokio::test]
async fn excess_connections_of_one_ip_get_a_fast_response_and_are_counted() {
    let settings = ConnectionSettings {
        max_connections: NonZeroU16::new(8).expect("not zero"),
        request_timeout: Duration::from_mins(5),
        idle_timeout: Duration::from_mins(5),
        max_per_ip: NonZeroU16::new(1),
    };
    let server =
        Running::start_with(settings, router(), Some(PerIpLimit::new(settings.connections_per_ip()))).await;
    let _served = server.connect("").await;
    // A silent client occupies a slot for rejections for three seconds, so the next ones find none.
    let rejected = async {
        loop {
            let silent = (0..=MAX_CONCURRENT_REJECTIONS).map(|_| server.connect(""));
            let silent = futures::future::join_all(silent).await;
            let response = until_closed(&mut server.connect("").await).await;
            drop(silent);
            if !response.is_empty() {
                return response;
            }
        }
    };
    let response = timeout(TEST_TIMEOUT, rejected).await.expect("a response");
    assert!(
        response.starts_with("HTTP/1.1 429 ") && response.contains("\r\nRetry-After: 5\r\n"),
        "{response}"
    );
    let refused = r#"streamcat_requests_rejected_total{reason="connections_per_ip"} "#;
    assert!(server.metrics.exposition().text().contains(refused));
}

#[tokio::test]
async fn a_requested_shutdown_ends_each_connection_with_its_next_response() {
    let server = Running::start(8, Duration::from_secs(30), router()).await;
    let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut idle = server.connect(request).await;
    let mut first = [0; 12];
    timeout(TEST_TIMEOUT, idle.read_exact(&mut first)).await.expect("a response").expect("read");
    server.shutdown.requested.cancel();
    idle.write_all(request.as_bytes()).await.expect("written");
    let new = until_closed(&mut server.connect(request).await).await;
    for response in [until_closed(&mut idle).await, new] {
        assert!(response.contains("HTTP/1.1 200 ") && response.contains("connection: close"), "{response}");
    }
}

#[tokio::test]
async fn requests_in_flight_are_answered_on_shutdown() {
    let (started, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (start, wait) = (Arc::clone(&started), Arc::clone(&go_on));
    let handler = async move || {
        start.add_permits(1);
        drop(wait.acquire().await);
        "done"
    };
    let server =
        Running::start(8, Duration::from_secs(30), Router::new().route("/", routing::get(handler))).await;
    let mut connection = server.connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    drop(started.acquire().await);
    assert!(server.metrics.exposition().text().contains("streamcat_connections 1"));
    server.shutdown.stop.cancel();
    go_on.add_permits(1);
    assert!(until_closed(&mut connection).await.ends_with("done"));
    timeout(TEST_TIMEOUT, server.served)
        .await
        .expect("the server keeps running")
        .expect("the server task succeeded");
    assert!(server.metrics.exposition().text().contains("streamcat_connections 0"));
}
