//! Graceful shutdown: a signal cancels a token, which stops everything that runs.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Maximum time that calls in flight have to finish after the first signal. Less than the 30 s that
/// Kubernetes allows by default, and less than the documented 20 s.
pub const GRACE: Duration = Duration::from_secs(18);

/// Returns a token that SIGTERM or SIGINT cancels.
///
/// # Errors
/// Returns an error if the signal handlers cannot be installed.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = token.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "shutting down: waiting for calls in flight");
        stop.cancel();
    });
    Ok(token)
}

/// Runs `work` to its end, but at most [`GRACE`] longer than until `stop` is cancelled.
pub async fn within_grace<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return Some(done),
        () = stop.cancelled() => {}
    }
    let done = tokio::time::timeout(GRACE, work).await.ok();
    if done.is_none() {
        tracing::warn!("some calls did not finish in time; they are completed after the next start");
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_is_dropped_after_the_grace() {
        let stop = CancellationToken::new();
        stop.cancel();
        let start = tokio::time::Instant::now();
        assert!(within_grace(&stop, std::future::pending::<()>()).await.is_none());
        assert_eq!(start.elapsed(), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_within_the_grace_completes() {
        let stop = CancellationToken::new();
        stop.cancel();
        let work = tokio::time::sleep(Duration::from_secs(5));
        assert!(within_grace(&stop, work).await.is_some());
    }
}
