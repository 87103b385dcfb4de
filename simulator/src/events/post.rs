//! The events on their way to where they are wanted: POSTed one by one, in their order.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Uri};
use http_body_util::BodyExt;
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

use super::Event;
use crate::shared::Shared;

/// How often is looked whether there are new events; this also lets what is due happen without a call.
const LOOK: Duration = Duration::from_millis(100);
/// How often one event is tried, and the pauses between.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where events go: plain HTTP, for there is no TLS in here.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    uri: Uri,
    address: String,
    host: String,
}

impl Receiver {
    /// Reads a URL such as `http://127.0.0.1:8080/events`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = || format!("events go to a URL such as http://127.0.0.1:8080/events, not {url:?}");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if uri.scheme_str() != Some("http") || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let host = authority.to_string();
        Ok(Self { uri, address, host })
    }
}

/// Posts all events from now on, for ever. An event that is not taken is given up after a few tries, as at AWS.
pub(crate) async fn post_all(shared: Arc<Shared>, receiver: Receiver) {
    let mut looks = time::interval(LOOK);
    looks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut last = 0;
    loop {
        looks.tick().await;
        let (events, newest) = shared.state().events.after(last);
        last = newest;
        for event in &events {
            post(&receiver, event).await;
        }
    }
}

async fn post(receiver: &Receiver, event: &Event) {
    let body = serde_json::to_string(event).unwrap_or_default();
    for pause in RETRY_DELAYS.into_iter().map(Some).chain([None]) {
        let tried = time::timeout(TIMEOUT, send(receiver, body.clone())).await;
        let tried = tried.unwrap_or_else(|_| Err("no answer in time".into()));
        match (tried, pause) {
            (Ok(()), _) => return,
            (Err(error), Some(pause)) => {
                tracing::debug!(error, event.id, "an event was not taken, once more");
                time::sleep(pause).await;
            }
            (Err(error), None) => {
                tracing::warn!(error, event.id, receiver = %receiver.uri, "an event was not taken");
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
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    // Read, so that the receiver can finish; what it says does not matter.
    let _ = answer.into_body().collect().await;
    connection.abort();
    if status.is_success() { Ok(()) } else { Err(format!("it was answered {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_go_to_plain_http_only() {
        let receiver = Receiver::parse("http://127.0.0.1:8080/events?a=b").expect("a receiver");
        assert_eq!((receiver.address.as_str(), receiver.host.as_str()), ("127.0.0.1:8080", "127.0.0.1:8080"));
        assert_eq!(Receiver::parse("http://receiver").expect("a receiver").address, "receiver:80");
        for wrong in ["", "receiver", "https://receiver", "http://me@receiver", "http://", "/events"] {
            assert!(Receiver::parse(wrong).is_err(), "{wrong}");
        }
    }
}
