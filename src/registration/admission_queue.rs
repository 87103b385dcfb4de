//! Permits for which only so many wait, and only so long: who would wait in vain is told so at once.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long anybody waits.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The permits, and the line for them.
#[derive(Clone, Debug)]
pub struct Turns {
    permits: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

impl Turns {
    /// So many permits, for which so many may wait.
    #[must_use]
    pub fn new(permits: usize, waiting: usize) -> Self {
        // Who takes a permit that is free stands in the line for no time.
        let line = Arc::new(Semaphore::new(waiting.max(1)));
        Self { permits: Arc::new(Semaphore::new(permits)), line }
    }

    /// Waits for a permit; None when the line is too long, or does not move.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        let _in_line = self.line.try_acquire().ok()?;
        timeout(LONGEST_WAIT, Arc::clone(&self.permits).acquire_owned()).await.ok()?.ok()
    }

    /// There are none any more.
    #[cfg(test)]
    pub fn end(&self) {
        self.permits.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_when_the_line_is_full_is_told_at_once_and_the_others_after_two_seconds() {
        let turns = Turns::new(1, 2);
        let taken = turns.take().now_or_never().flatten().expect("it is free");
        let mut waiting = Box::pin(join(turns.take(), turns.take()));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(turns.take().now_or_never().expect("no waiting").is_none());
        let since = Instant::now();
        assert!(matches!(waiting.await, (None, None)));
        assert_eq!(since.elapsed(), LONGEST_WAIT);
        drop(taken);
        assert!(turns.take().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_next_permit_and_makes_room_in_the_line() {
        let turns = Turns::new(1, 1);
        let taken = turns.take().await.expect("it is free");
        let mut waiting = Box::pin(turns.take());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(taken);
        let next = waiting.await.expect("a permit");
        let mut waiting = Box::pin(turns.take());
        assert!(waiting.as_mut().now_or_never().is_none(), "there is room to wait again");
        drop(next);
        assert!(waiting.await.is_some());
    }
}
