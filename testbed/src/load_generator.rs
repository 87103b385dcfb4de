//! Registrations sent at a fixed rate, whether or not earlier ones have been answered.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::http::{self, Response};

const TICK: Duration = Duration::from_millis(10);
/// Maximum time that a client waits for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery";

/// Outcome of one registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The account was created or will be.
    Accepted,
    /// The server is overloaded; its response has a Retry-After header.
    RetryLater,
    /// Any other response.
    Unexpected(String),
    /// No response, with the reason.
    NoResponse(String),
}

impl Outcome {
    /// Returns the outcome that a response stands for.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let seconds = response.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        match (response.status.as_u16(), seconds) {
            (200..=202, _) => Self::Accepted,
            (429 | 503, Some(_)) => Self::RetryLater,
            (status, _) => Self::Unexpected(format!("{status}: {}", response.body)),
        }
    }
}

/// Sends `rate` registrations a second, each with its own username, for `duration`. Returns the outcome of
/// each.
pub async fn generate_load(base_url: &str, rate: f64, duration: Duration) -> Vec<Outcome> {
    let (url, start) = (format!("{base_url}/register"), Instant::now());
    let (mut requests, mut ticks, mut sent) = (JoinSet::new(), interval(TICK), 0_u32);
    while start.elapsed() < duration {
        ticks.tick().await;
        while f64::from(sent) < start.elapsed().as_secs_f64() * rate {
            requests.spawn(register(url.clone(), format!("load-{sent}")));
            sent += 1;
        }
    }
    requests.join_all().await
}

/// Registers a username at the URL of the form, and returns the outcome.
pub async fn register(url: String, username: String) -> Outcome {
    let body = json!({ "username": username, "password": PASSWORD });
    match timeout(RESPONSE_TIMEOUT, http::post_json(&url, &body)).await {
        Ok(Ok(response)) => Outcome::of(&response),
        Ok(Err(error)) => Outcome::NoResponse(error.to_string()),
        Err(_) => Outcome::NoResponse(format!("no response within {RESPONSE_TIMEOUT:?}")),
    }
}
