//! Waiting for a condition by polling.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Result of checking a condition once: `bool`, `Option`, or `Result`. A timeout quotes the last `Err`, to
/// show the state at that time.
pub trait Probe {
    /// Value returned once the condition is met.
    type Value;

    /// Returns the value, or a description of the current state.
    ///
    /// # Errors
    /// A description of the current state, if the condition is not met.
    fn into_result(self) -> Result<Self::Value, String>;
}

impl Probe for bool {
    type Value = ();

    fn into_result(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(String::new)
    }
}

impl<T> Probe for Option<T> {
    type Value = T;

    fn into_result(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: Display> Probe for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, String> {
        self.map_err(|seen| seen.to_string())
    }
}

/// Polls until the condition is met. `what` is worded to follow "waiting until".
///
/// # Errors
/// [`Error::Deadline`] if the condition is not met in time.
pub async fn until<L: Probe, F: Future<Output = L>>(
    what: impl Display,
    deadline: Duration,
    probe: impl FnMut() -> F,
) -> Result<L::Value, Error> {
    until_or_ended(deadline, probe, || None::<Infallible>).await.map_err(|lost| match lost {
        WaitError::Ended(never) => match never {},
        WaitError::TimedOut(seen) => Error::Deadline { what: what.to_string(), waited: deadline, seen },
    })
}

/// Reason that a wait failed.
pub(crate) enum WaitError<E> {
    /// The condition can no longer be met.
    Ended(E),
    /// The deadline passed; the last observation, as the end of a sentence.
    TimedOut(String),
}

/// Polls as [`until`] does, but fails early if `ended` returns a reason.
pub(crate) async fn until_or_ended<L: Probe, F: Future<Output = L>, E>(
    deadline: Duration,
    mut probe: impl FnMut() -> F,
    mut ended: impl FnMut() -> Option<E>,
) -> Result<L::Value, WaitError<E>> {
    let start = Instant::now();
    loop {
        let rest = deadline.saturating_sub(start.elapsed()).max(POLL_INTERVAL);
        let seen = match tokio::time::timeout(rest, probe()).await.map(Probe::into_result) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(seen)) => seen,
            Err(_) => "no result".into(),
        };
        if let Some(early) = ended() {
            return Err(WaitError::Ended(early));
        }
        if start.elapsed() >= deadline {
            let seen = if seen.is_empty() { seen } else { format!("; last seen: {seen}") };
            return Err(WaitError::TimedOut(seen));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_timeout_names_the_condition_and_the_last_observation() {
        let error =
            until("the moon is full", Duration::from_millis(200), || async { Err::<(), _>("a crescent") })
                .await
                .unwrap_err();
        assert_eq!(
            format!("{error:?}"),
            "timed out after 200ms waiting until the moon is full; last seen: a crescent"
        );
    }

    #[tokio::test]
    async fn a_met_condition_returns_its_value() {
        let mut looks = 0;
        let value = until("it counted", Duration::from_secs(5), || {
            looks += 1;
            let now = looks;
            async move { (now == 3).then_some(now) }
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }
}
