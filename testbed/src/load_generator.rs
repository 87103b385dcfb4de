//! Registrations that come at a rate of their own, whether or not those before them are through.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::http::{self, Response};

const TICK: Duration = Duration::from_millis(10);
/// How long somebody waits for an response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery";

/// How one of them ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whoever asked has an account, or will.
    Accepted,
    /// Too much at the moment, and the response says when to come again.
    RetryLater,
    /// Another response.
    Unexpected(String),
    /// No response, and why not.
    NoResponse(String),
}

impl Outcome {
    /// What an response means.
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

/// So many registrations a second, of one name each, for so long; how each ended.
pub async fn generate_load(base_url: &str, rate: f64, duration: Duration) -> Vec<Outcome> {
    let (url, start) = (format!("{base_url}/register"), Instant::now());
    let (mut requests, mut ticks, mut sent) = (JoinSet::new(), interval(TICK), 0_u32);
    while start.elapsed() < duration {
        ticks.tick().await;
        while f64::from(sent) < start.elapsed().as_secs_f64() * rate {
            requests.spawn(register(url.clone(), format!("flood-{sent}")));
            sent += 1;
        }
    }
    requests.join_all().await
}

async fn register(url: String, username: String) -> Outcome {
    let body = json!({ "username": username, "password": PASSWORD });
    match timeout(RESPONSE_TIMEOUT, http::post_json(&url, &body)).await {
        Ok(Ok(response)) => Outcome::of(&response),
        Ok(Err(error)) => Outcome::NoResponse(error.to_string()),
        Err(_) => Outcome::NoResponse(format!("nothing within {RESPONSE_TIMEOUT:?}")),
    }
}
