//! Scans shared by concurrent callers: ListStages has no filter, so finding one stage reads them all.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

use super::Result;
use crate::lanes::without_place;

/// Scans shared by concurrent callers. Each caller gets the result of a scan that began after the call, so
/// that it is never older than what the caller knows. A result that no caller waits for is dropped: it is as
/// large as the AWS account.
#[derive(Debug)]
pub(super) struct SharedScan<T> {
    begun: AtomicU64,
    waiting: AtomicU64,
    last: Mutex<(u64, Arc<T>)>,
}

impl<T: Default> Default for SharedScan<T> {
    fn default() -> Self {
        Self { begun: AtomicU64::new(0), waiting: AtomicU64::new(0), last: Mutex::default() }
    }
}

/// One of the callers that wait, counted until it is dropped.
struct Waiter<'a>(&'a AtomicU64);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a AtomicU64) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }

    fn is_last(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 1
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<T: Default> SharedScan<T> {
    /// Returns the result of a scan that begins now or later. Calls `scan` unless another caller's scan
    /// serves.
    pub(super) async fn get<F: Future<Output = Result<T>>>(
        &self,
        scan: impl FnOnce() -> F,
    ) -> Result<Arc<T>> {
        let waiter = Waiter::new(&self.waiting);
        let before = self.begun.load(Ordering::SeqCst);
        // Another caller's scan may wait for the budget many times.
        let mut last = without_place(self.last.lock()).await;
        // A scan that was running at the call does not count. The next one does, for all callers that wait
        // for it.
        if last.0 <= before {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            *last = (number, Arc::new(scan().await?));
        }
        // A caller that comes later needs a later scan.
        Ok(if waiter.is_last() { std::mem::take(&mut last.1) } else { Arc::clone(&last.1) })
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn callers_during_a_scan_share_the_next_one() {
        let (shared, count, gate) = (SharedScan::default(), AtomicU64::new(0), Semaphore::new(0));
        let scan = || async {
            gate.acquire().await.expect("open").forget();
            Ok(count.fetch_add(1, Ordering::SeqCst) + 1)
        };
        let first = shared.get(scan);
        let others = join_all((0..10).map(|_| shared.get(scan)));
        let release = async {
            tokio::task::yield_now().await;
            gate.add_permits(2);
        };
        let (first, others, ()) = tokio::join!(first, others, release);
        assert_eq!(*first.expect("scanned"), 1);
        assert!(others.into_iter().all(|result| *result.expect("scanned") == 2));
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert_eq!(*shared.last.lock().await.1, 0, "nobody waits for the result");
    }

    #[tokio::test]
    async fn each_sequential_caller_scans() {
        let (shared, count) = (SharedScan::default(), AtomicU64::new(0));
        for expected in 1..=3 {
            let result = shared.get(|| async { Ok(count.fetch_add(1, Ordering::SeqCst) + 1) }).await;
            assert_eq!(*result.expect("scanned"), expected);
        }
    }
}
