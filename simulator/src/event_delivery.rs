//! The delivery of events to an HTTP receiver, one by one and in order.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Uri};
use http_body_util::BodyExt;
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

use crate::{events::Event, shared::Shared};

/// The interval at which new events are polled. Each poll also fires the timers that are due.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The delays before the retries of one event.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// The timeout of one delivery attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The receiver of events. Only plain HTTP is supported.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    uri: Uri,
    address: String,
    host: String,
}

impl Receiver {
    /// Parses a URL such as `http://127.0.0.1:8080/events`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let invalid =
            || format!("{url:?} is not a valid events URL; use a URL such as http://127.0.0.1:8080/events");
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let authority = uri.authority().ok_or_else(invalid)?;
        if uri.scheme_str() != Some("http") || authority.as_str().contains('@') {
            return Err(invalid());
        }
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let host = authority.to_string();
        Ok(Self { uri, address, host })
    }
}

/// Delivers all events, and never returns. Drops an event after the last retry, as AWS does.
pub(crate) async fn run(shared: Arc<Shared>, receiver: Receiver) {
    let mut ticks = time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut last = 0;
    loop {
        ticks.tick().await;
        let (events, newest) = shared.state().events.after(last);
        last = newest;
        for event in &events {
            deliver(&receiver, event).await;
        }
    }
}

async fn deliver(receiver: &Receiver, event: &Event) {
    let body = serde_json::to_string(event).unwrap_or_default();
    for delay in RETRY_DELAYS.into_iter().map(Some).chain([None]) {
        let attempt = time::timeout(ATTEMPT_TIMEOUT, send(receiver, body.clone())).await;
        let attempt = attempt.unwrap_or_else(|_| Err("timed out".into()));
        match (attempt, delay) {
            (Ok(()), _) => return,
            (Err(error), Some(delay)) => {
                tracing::debug!(error, event.id, "event delivery failed; retrying");
                time::sleep(delay).await;
            }
            (Err(error), None) => {
                tracing::warn!(error, event.id, receiver = %receiver.uri, "event delivery failed; the event is dropped");
            }
        }
    }
}

async fn send(receiver: &Receiver, body: String) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(&receiver.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = receiver.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header("host", &receiver.host)
        .header("content-type", "application/json")
        .body(Body::from(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    // Reads the body so that the receiver can finish. Its contents do not matter.
    let _ = response.into_body().collect().await;
    connection.abort();
    if status.is_success() { Ok(()) } else { Err(format!("the receiver responded with {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_receivers_are_accepted() {
        let receiver = Receiver::parse("http://127.0.0.1:8080/events?a=b").expect("a receiver");
        assert_eq!((receiver.address.as_str(), receiver.host.as_str()), ("127.0.0.1:8080", "127.0.0.1:8080"));
        assert_eq!(Receiver::parse("http://receiver").expect("a receiver").address, "receiver:80");
        for invalid in ["", "receiver", "https://receiver", "http://me@receiver", "http://", "/events"] {
            assert!(Receiver::parse(invalid).is_err(), "{invalid}");
        }
    }
}
