//! A queue for permits that is limited in length and time: a caller that would wait in vain is rejected at
//! once.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Maximum time that a caller waits for a permit.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A semaphore with a bounded queue.
#[derive(Clone, Debug)]
pub struct AdmissionQueue {
    permits: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl AdmissionQueue {
    /// Creates a queue for this many permits, in which this many callers may wait.
    #[must_use]
    pub fn new(permits: usize, waiting: usize) -> Self {
        // A caller that gets a free permit occupies a place in the queue only for an instant.
        let queue = Arc::new(Semaphore::new(waiting.max(1)));
        Self { permits: Arc::new(Semaphore::new(permits)), queue }
    }

    /// Waits for a permit. Returns None if the queue is full or the wait takes too long.
    pub async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        let _queued = self.queue.try_acquire().ok()?;
        timeout(MAX_WAIT, Arc::clone(&self.permits).acquire_owned()).await.ok()?.ok()
    }

    /// Makes every attempt to acquire a permit fail.
    #[cfg(test)]
    pub fn close(&self) {
        self.permits.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_rejects_at_once_and_waiting_callers_time_out() {
        let queue = AdmissionQueue::new(1, 2);
        let taken = queue.acquire().now_or_never().flatten().expect("a free permit");
        let mut waiting = Box::pin(join(queue.acquire(), queue.acquire()));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(queue.acquire().now_or_never().expect("no waiting").is_none());
        let since = Instant::now();
        assert!(matches!(waiting.await, (None, None)));
        assert_eq!(since.elapsed(), MAX_WAIT);
        drop(taken);
        assert!(queue.acquire().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_caller_gets_the_next_permit_and_leaves_the_queue() {
        let queue = AdmissionQueue::new(1, 1);
        let taken = queue.acquire().await.expect("a free permit");
        let mut waiting = Box::pin(queue.acquire());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(taken);
        let next = waiting.await.expect("a permit");
        let mut waiting = Box::pin(queue.acquire());
        assert!(waiting.as_mut().now_or_never().is_none(), "there is room to wait again");
        drop(next);
        assert!(waiting.await.is_some());
    }
}
