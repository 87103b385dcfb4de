//! Latency of `/healthz`, measured from a separate thread so that the load generator does not delay it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use testbed::{Error, http};

const INTERVAL: Duration = Duration::from_millis(20);

/// A thread that polls /healthz.
pub(super) struct HealthProbe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>, Error>>,
}

impl HealthProbe {
    pub(super) fn start(admin: &str) -> Self {
        let (url, stop) = (format!("{admin}/healthz"), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&stop);
        Self { stop, thread: std::thread::spawn(move || poll(&url, &ended)) }
    }

    /// Stops polling and returns the latencies.
    pub(super) fn finish(self) -> Result<Vec<Duration>, Error> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |_| Error::Unexpected("the thread that polls /healthz panicked".into());
        let latencies = self.thread.join().map_err(panicked)??;
        if latencies.is_empty() {
            return Err(Error::Unexpected("/healthz was never polled".into()));
        }
        Ok(latencies)
    }
}

fn poll(url: &str, stop: &AtomicBool) -> Result<Vec<Duration>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Error::Io { action: "start a runtime".into(), source })?;
    let mut latencies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        runtime.block_on(http::get(url))?;
        latencies.push(asked.elapsed());
        std::thread::sleep(INTERVAL);
    }
    Ok(latencies)
}
