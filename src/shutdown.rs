//! Graceful shutdown. A signal makes the process unready; after a delay, everything that runs stops.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Maximum time that calls in flight have to finish once everything stops. Less than the 30 s that Kubernetes
/// allows by default, and less than the documented 20 s.
pub const GRACE: Duration = Duration::from_secs(18);

/// Exit code after a second signal, as in controller-runtime.
const SECOND_SIGNAL: i32 = 1;

/// The two stages of a shutdown.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled by the first signal. `/readyz` returns 503 from then on, while requests are still served.
    pub requested: CancellationToken,
    /// Cancelled when the delay has passed. No new work begins, and the listeners close.
    pub stop: CancellationToken,
}

impl Shutdown {
    /// Begins a shutdown on the first signal. SIGTERM, which Kubernetes sends, leaves load balancers the time
    /// `delay` to notice. SIGINT comes from a person at a terminal, so it stops everything at once. A second
    /// signal ends the process without waiting for anything.
    ///
    /// # Errors
    /// Returns an error if the signal handlers cannot be installed.
    pub fn on_signal(delay: Duration) -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut signals = Signals::new()?;
        let begun = shutdown.clone();
        tokio::spawn(async move {
            let first = signals.next().await;
            let delay = if first == SIGTERM { delay } else { Duration::ZERO };
            tracing::info!(signal = first, ?delay, "shutting down: waiting for calls in flight");
            tokio::join!(begun.run(delay), exit_on_signal(&mut signals));
        });
        Ok(shutdown)
    }

    /// Runs through the stages.
    async fn run(&self, delay: Duration) {
        self.requested.cancel();
        tokio::time::sleep(delay).await;
        self.stop.cancel();
    }
}

const SIGTERM: &str = "SIGTERM";
const SIGINT: &str = "SIGINT";

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and returns its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => SIGTERM,
            _ = self.interrupt.recv() => SIGINT,
        }
    }
}

async fn exit_on_signal(signals: &mut Signals) {
    let second = signals.next().await;
    tracing::warn!(signal = second, "second signal: exiting without waiting");
    std::process::exit(SECOND_SIGNAL);
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
    async fn a_shutdown_stops_work_after_the_delay_only() {
        let (shutdown, delay) = (Shutdown::default(), Duration::from_secs(5));
        let start = tokio::time::Instant::now();
        let observe = async {
            shutdown.requested.cancelled().await;
            assert_eq!((start.elapsed(), shutdown.stop.is_cancelled()), (Duration::ZERO, false));
            shutdown.stop.cancelled().await;
            assert!(start.elapsed() >= delay);
        };
        tokio::join!(shutdown.run(delay), observe);
    }

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
