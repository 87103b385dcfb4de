//! Whoever is not served is told so, in a form that they can read.

use axum::Extension;

use super::*;
use crate::registration::{routes, server::TurnedAway};

/// What is answered to a request like this.
async fn told(why: TurnedAway, line: &str, headers: &str, body: &str) -> String {
    let router = routes::turned_away::router(site(&World::empty())).layer(Extension(why));
    ask_of(router, line, headers, body).await
}

#[tokio::test]
async fn whatever_was_asked_the_answer_says_when_to_come_again() {
    for (why, status) in [(TurnedAway::Full, " 503 "), (TurnedAway::OfOneAddress, " 429 ")] {
        for (line, headers, body) in
            [("GET /accounts/todd", "Accept: text/html", ""), ("POST /sign-in", FORM, TODD_FORM)]
        {
            let answer = told(why, line, headers, body).await;
            assert!(answer[..20].contains(status) && answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
            assert!(answer.contains("<h1>") && answer.contains("content-security-policy"), "{answer}");
        }
        for (line, headers, body) in [
            ("POST /register", JSON, TODD),
            ("GET /accounts/todd", "Accept: application/json", ""),
            ("GET /accounts/todd/events", "Accept: text/event-stream", ""),
        ] {
            let answer = told(why, line, headers, body).await;
            assert!(answer[..20].contains(status) && answer.contains("application/problem+json"), "{answer}");
        }
    }
}

#[tokio::test]
async fn of_one_address_only_so_many_listen_to_progress() {
    let world = World::empty();
    register_todd(&world, Format::Json).await;
    let (site, line) = (site(&world), "GET /accounts/todd/events");
    let from = |address: &str| format!("X-Forwarded-For: {address}");
    let listens = site.listening.take("192.0.2.7".parse().expect("an address"));
    let answer = ask_of(router(Arc::clone(&site)), line, &from("192.0.2.7"), "").await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("retry-after"), "{answer}");
    site.stop.cancel();
    let answer = ask_of(router(Arc::clone(&site)), line, &from("192.0.2.8"), "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(listens);
    let answer = ask_of(router(site), line, &from("192.0.2.7"), "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
