//! From a signal to a token: everything that runs stops when it is cancelled.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long calls in flight may take to finish after the first signal; then the process ends whatever hangs.
/// Below Kubernetes' usual 30 s, and below our own promise of 20 s.
pub const GRACE: Duration = Duration::from_secs(18);

/// A token that SIGTERM or SIGINT cancels.
///
/// # Errors
/// When the signals cannot be listened to.
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
        tracing::info!(signal = name, "stopping: no new work, calls in flight finish");
        stop.cancel();
    });
    Ok(token)
}

/// Runs `work` to its end, or, once `stop` is cancelled, for [`GRACE`] longer at the most.
pub async fn within_grace<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return Some(done),
        () = stop.cancelled() => {}
    }
    let done = tokio::time::timeout(GRACE, work).await.ok();
    if done.is_none() {
        tracing::warn!("some calls did not finish in time and are left to the next start");
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_is_left_after_the_grace() {
        let stop = CancellationToken::new();
        stop.cancel();
        let start = tokio::time::Instant::now();
        assert!(within_grace(&stop, std::future::pending::<()>()).await.is_none());
        assert_eq!(start.elapsed(), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_finishes_in_time_is_waited_for() {
        let stop = CancellationToken::new();
        stop.cancel();
        let work = tokio::time::sleep(Duration::from_secs(5));
        assert!(within_grace(&stop, work).await.is_some());
    }
}
