//! How long `/healthz` takes meanwhile: asked from a thread of its own, which no flood holds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use testbed::{Error, http};

const EVERY: Duration = Duration::from_millis(20);

/// Somebody who asks again and again.
pub(super) struct Health {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>, Error>>,
}

impl Health {
    pub(super) fn watch(admin: &str) -> Self {
        let (url, over) = (format!("{admin}/healthz"), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&over);
        Self { over, thread: std::thread::spawn(move || ask(&url, &ended)) }
    }

    /// What 99 of 100 answers took at most.
    pub(super) fn end(self) -> Result<Duration, Error> {
        self.over.store(true, Ordering::Relaxed);
        let gone = |_| Error::Unexpected("the thread that asks for /healthz is gone".into());
        let mut took = self.thread.join().map_err(gone)??;
        took.sort();
        let p99 = took.get((took.len() * 99).div_ceil(100).saturating_sub(1));
        p99.copied().ok_or_else(|| Error::Unexpected("/healthz was never asked for".into()))
    }
}

fn ask(url: &str, over: &AtomicBool) -> Result<Vec<Duration>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Error::Io { action: "start a runtime".into(), source })?;
    let mut took = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        runtime.block_on(http::get(url))?;
        took.push(asked.elapsed());
        std::thread::sleep(EVERY);
    }
    Ok(took)
}
