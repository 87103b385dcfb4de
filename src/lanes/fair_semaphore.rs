//! A semaphore with lanes.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::{FairQueue, Origin};
use crate::lock::lock;

/// A number of permits. Those who wait for one get it by lane and namespace.
#[derive(Debug)]
pub struct FairSemaphore {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: FairQueue<oneshot::Sender<Permit>>,
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    /// None once it was taken back.
    semaphore: Option<Arc<FairSemaphore>>,
}

impl FairSemaphore {
    /// Returns a semaphore with so many permits.
    #[must_use]
    pub fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free: permits, waiting: FairQueue::default() }) })
    }

    /// Waits for a permit, in this lane.
    pub async fn acquire(self: &Arc<Self>, origin: &Origin) -> Permit {
        let granted = {
            let mut state = lock(&self.state);
            if state.free > 0 {
                state.free -= 1;
                return self.permit();
            }
            let (grant, granted) = oneshot::channel();
            state.waiting.push(origin, grant);
            granted
        };
        // The sender is dropped only with the semaphore, which this call borrows.
        granted.await.unwrap_or_else(|_| Permit { semaphore: None })
    }

    fn permit(self: &Arc<Self>) -> Permit {
        Permit { semaphore: Some(Arc::clone(self)) }
    }

    /// Passes a permit on to the next who still waits.
    fn release(self: &Arc<Self>) {
        loop {
            let grant = {
                let mut state = lock(&self.state);
                let Some((_, grant)) = state.waiting.pop() else {
                    state.free += 1;
                    return;
                };
                grant
            };
            match grant.send(self.permit()) {
                Ok(()) => return,
                Err(mut permit) => permit.semaphore = None,
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(semaphore) = self.semaphore.take() {
            semaphore.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::lanes::Lane;

    fn origin(lane: Lane) -> Origin {
        Origin { lane, namespace: "team".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_is_served_before_a_hundred_others() {
        let semaphore = FairSemaphore::new(2);
        let statement = async |semaphore: Arc<FairSemaphore>, lane| {
            let _permit = semaphore.acquire(&origin(lane)).await;
            sleep(Duration::from_secs(1)).await;
        };
        for _ in 0..100 {
            tokio::spawn(statement(Arc::clone(&semaphore), Lane::Bulk));
        }
        tokio::task::yield_now().await;
        let begun = Instant::now();
        statement(Arc::clone(&semaphore), Lane::Interactive).await;
        assert_eq!(begun.elapsed().as_secs(), 2, "one second until a statement ends, and one for its own");
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_loses_no_permit() {
        let semaphore = FairSemaphore::new(1);
        let held = semaphore.acquire(&origin(Lane::Bulk)).await;
        let given_up = timeout(Duration::from_secs(1), semaphore.acquire(&origin(Lane::Bulk))).await;
        assert!(given_up.is_err());
        drop(held);
        let held = semaphore.acquire(&origin(Lane::Bulk)).now_or_never().expect("a free permit");
        // Granted, but not yet received.
        let (lane, mut waiting) = (origin(Lane::Bulk), None);
        let mut wait = Box::pin(semaphore.acquire(&lane));
        assert!(wait.as_mut().now_or_never().is_none());
        waiting.replace(wait);
        drop(held);
        drop(waiting);
        assert!(semaphore.acquire(&origin(Lane::Bulk)).now_or_never().is_some());
    }
}
