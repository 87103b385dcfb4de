//! A flood of reads costs the API server little, and has a limit. And the probe, which has none.

use axum::Extension;
use futures::future::join_all;

use super::*;
use crate::registration::listener::OverloadReason;

const ACCOUNT: &str = "GET /accounts/todd";

#[tokio::test]
async fn many_reads_of_an_account_at_once_are_one_read_of_the_api_server() {
    let backend = FakeBackend::new();
    register_todd(&backend, Format::Json).await;
    let before = backend.account_reads();
    let router = router(state(&backend));
    let pages = join_all((0..50).map(|_| ask_of(router.clone(), ACCOUNT, "", ""))).await;
    assert!(pages.iter().all(|page| status(page) == "200"));
    // A second may pass in between.
    assert!(backend.account_reads() - before <= 2, "{}", backend.account_reads() - before);
}

#[tokio::test]
async fn a_change_of_the_row_is_shown_at_once() {
    let backend = FakeBackend::new();
    let router = router(state(&backend));
    let read = async || ask_of(router.clone(), ACCOUNT, "Accept: application/json", "").await;
    assert_eq!(status(&read().await), "404");
    register_todd(&backend, Format::Json).await;
    assert!(read().await.contains("pending"));
    backend.make_ready("todd");
    assert!(read().await.contains("\"status\":\"ready\""));
    backend.remove("todd");
    assert_eq!(status(&read().await), "404");
}

#[tokio::test]
async fn reads_from_one_ip_address_have_a_limit_with_retry_after() {
    let backend = FakeBackend::new();
    let router = router(state_with(&backend, NonZeroU32::new(3).expect("not zero")));
    let ask = async |line: &str, from: &str, accept: &str| {
        let headers = format!("X-Forwarded-For: {from}\r\nAccept: {accept}");
        ask_of(router.clone(), line, &headers, "").await
    };
    for line in [ACCOUNT, "HEAD /accounts/todd", "GET /register"] {
        assert_ne!(status(&ask(line, "192.0.2.1", "*/*").await), "429", "{line}");
    }
    let limited = ask(ACCOUNT, "192.0.2.1", "application/json").await;
    assert!(status(&limited) == "429" && limited.contains("retry-after: "), "{limited}");
    assert!(limited.contains("application/problem+json"), "{limited}");
    for line in [
        "GET /",
        "GET /sign-in",
        "GET /accounts/todd/events",
        "GET /accounts/todd/goodbye",
        "GET /.well-known/change-password",
    ] {
        let page = ask(line, "192.0.2.1", "text/html").await;
        assert!(status(&page) == "429" && page.contains("<h1>"), "{line} {page}");
    }
    for line in ["GET /style.css", "GET /healthz", "HEAD /healthz", "GET /openapi.json"] {
        assert_eq!(status(&ask(line, "192.0.2.1", "*/*").await), "200", "{line}");
    }
    assert_eq!(status(&ask("GET /register", "192.0.2.2", "*/*").await), "200");
    let headers = format!("{JSON}\r\nX-Forwarded-For: 192.0.2.1");
    let post = ask_of(router.clone(), "POST /register", &headers, TODD).await;
    assert_eq!(status(&post), "201", "an attempt is no read");
}

#[tokio::test]
async fn the_probe_tells_readiness_and_nothing_else() {
    let state = state(&FakeBackend::new());
    let ask = async || ask_of(router(Arc::clone(&state)), "GET /healthz", "", "").await;
    assert!(status(&ask().await) == "200");
    state.gates.close("database", "secrets.example.com refused");
    let closed = ask().await;
    assert!(status(&closed) == "503" && closed.ends_with("\r\n\r\nnot ready\n"), "{closed}");
    state.gates.open("database");
    let overload = overload_router(Arc::clone(&state)).layer(Extension(OverloadReason::MaxConnections));
    assert_eq!(status(&ask_of(overload, "GET /healthz", "", "").await), "200", "busy is not broken");
    assert!(!state.metrics.exposition().text().contains("healthz"), "probes are not measured");
}
