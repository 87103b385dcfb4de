//! Rejected connections and event streams get a readable reason.

use axum::Extension;

use super::*;
use crate::registration::listener::OverloadReason;

/// Returns the response to a request over a rejected connection.
async fn rejected(reason: OverloadReason, line: &str, headers: &str, body: &str) -> String {
    let router = overload_router(state(&FakeBackend::new())).layer(Extension(reason));
    ask_of(router, line, headers, body).await
}

#[tokio::test]
async fn any_request_is_answered_with_the_reason_and_retry_after() {
    for (reason, status) in
        [(OverloadReason::MaxConnections, " 503 "), (OverloadReason::MaxConnectionsPerIp, " 429 ")]
    {
        for (line, headers, body) in
            [("GET /accounts/todd", "Accept: text/html", ""), ("POST /sign-in", FORM, TODD_FORM)]
        {
            let response = rejected(reason, line, headers, body).await;
            assert!(
                response[..20].contains(status) && response.contains("\r\nretry-after: 5\r\n"),
                "{response}"
            );
            assert!(response.contains("<h1>") && response.contains("content-security-policy"), "{response}");
        }
        for (line, headers, body) in [
            ("POST /register", JSON, TODD),
            ("GET /accounts/todd", "Accept: application/json", ""),
            ("GET /accounts/todd/events", "Accept: text/event-stream", ""),
        ] {
            let response = rejected(reason, line, headers, body).await;
            assert!(
                response[..20].contains(status) && response.contains("application/problem+json"),
                "{response}"
            );
        }
    }
}

#[tokio::test]
async fn event_streams_are_limited_per_ip_address() {
    let backend = FakeBackend::new();
    register_todd(&backend, Format::Json).await;
    let (state, line) = (state(&backend), "GET /accounts/todd/events");
    let from = |address: &str| format!("X-Forwarded-For: {address}");
    let permit = state.stream_limit.acquire("192.0.2.7".parse().expect("an address"));
    let response = ask_of(router(Arc::clone(&state)), line, &from("192.0.2.7"), "").await;
    assert!(response.starts_with("HTTP/1.1 429 ") && response.contains("retry-after"), "{response}");
    state.stop.cancel();
    let response = ask_of(router(Arc::clone(&state)), line, &from("192.0.2.8"), "").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    drop(permit);
    let response = ask_of(router(state), line, &from("192.0.2.7"), "").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}
