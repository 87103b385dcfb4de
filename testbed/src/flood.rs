//! Registrations that come at a rate of their own, whether or not those before them are through.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::http::{self, Answer};

const TICK: Duration = Duration::from_millis(10);
/// How long somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery";

/// How one of them ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Whoever asked has an account, or will.
    Accepted,
    /// Too much at the moment, and the answer says when to come again.
    PutOff,
    /// Another answer.
    Otherwise(String),
    /// No answer, and why not.
    Unanswered(String),
}

impl Ended {
    /// What an answer means.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let seconds = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        match (answer.status.as_u16(), seconds) {
            (200..=202, _) => Self::Accepted,
            (429 | 503, Some(_)) => Self::PutOff,
            (status, _) => Self::Otherwise(format!("{status}: {}", answer.body)),
        }
    }
}

/// So many registrations a second, of one name each, for so long; how each ended.
pub async fn flood(site: &str, rate: f64, lasts: Duration) -> Vec<Ended> {
    let (url, start) = (format!("{site}/register"), Instant::now());
    let (mut requests, mut ticks, mut sent) = (JoinSet::new(), interval(TICK), 0_u32);
    while start.elapsed() < lasts {
        ticks.tick().await;
        while f64::from(sent) < start.elapsed().as_secs_f64() * rate {
            requests.spawn(register(url.clone(), format!("flood-{sent}")));
            sent += 1;
        }
    }
    requests.join_all().await
}

async fn register(url: String, username: String) -> Ended {
    let body = json!({ "username": username, "password": PASSWORD });
    match timeout(PATIENCE, http::post_json(&url, &body)).await {
        Ok(Ok(answer)) => Ended::of(&answer),
        Ok(Err(error)) => Ended::Unanswered(error.to_string()),
        Err(_) => Ended::Unanswered(format!("nothing within {PATIENCE:?}")),
    }
}
