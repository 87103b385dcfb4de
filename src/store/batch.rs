//! Group commit: requests that come at the same time are executed together, in one statement and one
//! transaction.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::{Semaphore, oneshot},
    task::yield_now,
    time::timeout,
};

use super::{Error, Result};
use crate::{
    lanes::{FairQueue, Origin},
    lock::lock,
};

/// Maximum number of requests in a batch.
const MAX_SIZE: usize = 64;

/// Maximum time that a batch waits for the previous one. A batch in progress may wait for a lock.
const MAX_DELAY: Duration = Duration::from_millis(10);

/// A statement that serves several requests.
pub(super) trait Execute: Send + Sync + 'static {
    /// One request.
    type Request: Send + Sync + 'static;
    /// The response to one request.
    type Response: Send + 'static;

    /// Executes requests, all or none of them. Returns their responses, in the same order, after the commit.
    fn execute(&self, requests: &[Self::Request])
    -> impl Future<Output = Result<Vec<Self::Response>>> + Send;
}

/// A queue of requests for one statement. One batch is in progress at a time, unless it takes longer than
/// [`MAX_DELAY`]; requests that come in the meantime form the next one. If they are too many for it, the
/// lanes decide.
pub(super) struct Batcher<E: Execute> {
    statement: E,
    waiting: Mutex<FairQueue<Waiting<E>>>,
    /// Held by the batch in progress.
    turn: Semaphore,
}

/// A request whose batch has not begun.
struct Waiting<E: Execute> {
    request: E::Request,
    caller: Responder<E>,
}

/// The way back to the caller of a request.
type Responder<E> = oneshot::Sender<Result<<E as Execute>::Response>>;

impl<E: Execute> Batcher<E> {
    /// Returns an empty queue.
    pub(super) fn new(statement: E) -> Arc<Self> {
        Arc::new(Self { statement, waiting: Mutex::default(), turn: Semaphore::new(1) })
    }

    /// Executes a request together with others. It is executed even if the caller is dropped, as a statement
    /// in flight is.
    pub(super) async fn submit(self: &Arc<Self>, request: E::Request) -> Result<E::Response> {
        let (caller, response) = oneshot::channel();
        let is_first = {
            let mut waiting = lock(&self.waiting);
            let is_first = waiting.is_empty();
            waiting.push(&Origin::current(), Waiting { request, caller });
            is_first
        };
        if is_first {
            self.start_batch();
        }
        response.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    fn start_batch(self: &Arc<Self>) {
        let batcher = Arc::clone(self);
        tokio::spawn(async move { batcher.run_batch().await });
    }

    /// Executes the requests that wait, once the callers that are ready now have added theirs. The batch is
    /// in the most urgent of their lanes.
    async fn run_batch(self: Arc<Self>) {
        yield_now().await;
        let _turn = timeout(MAX_DELAY, self.turn.acquire()).await;
        let (batch, is_more) = {
            let mut waiting = lock(&self.waiting);
            let batch: Vec<_> = std::iter::from_fn(|| waiting.pop()).take(MAX_SIZE).collect();
            (batch, !waiting.is_empty())
        };
        if is_more {
            self.start_batch();
        }
        let lane = batch.iter().map(|(lane, _)| *lane).min().unwrap_or_default();
        let (requests, callers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|(_, waiting)| (waiting.request, waiting.caller)).unzip();
        let origin = Origin { lane, namespace: String::new() };
        origin.scope(self.execute(&requests, callers)).await;
    }

    /// Executes a batch, and responds to its callers. If PostgreSQL refuses it, which undoes all of it,
    /// executes each request by itself: one that cannot succeed, or waits for a lock, neither fails nor
    /// delays another. After any other error, such as a lost connection, the outcome of each is unknown.
    async fn execute(&self, requests: &[E::Request], callers: Vec<Responder<E>>) {
        match self.statement.execute(requests).await {
            Ok(responses) => {
                for (caller, response) in callers.into_iter().zip(responses) {
                    respond(caller, Ok(response));
                }
            }
            Err(Error::Sql(sqlx::Error::Database(error))) if requests.len() > 1 => {
                tracing::debug!(code = error.code().as_deref(), "a batch is repeated one by one");
                let repeat = async |(caller, request)| respond(caller, self.execute_one(request).await);
                join_all(callers.into_iter().zip(requests).map(repeat)).await;
            }
            Err(error) => {
                let error = Arc::new(error);
                for caller in callers {
                    respond(caller, Err(Error::Batch(Arc::clone(&error))));
                }
            }
        }
    }

    async fn execute_one(&self, request: &E::Request) -> Result<E::Response> {
        let responses = self.statement.execute(std::slice::from_ref(request)).await?;
        responses.into_iter().next().ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}

fn respond<T>(caller: oneshot::Sender<Result<T>>, response: Result<T>) {
    // A caller that was dropped needs no response.
    let _ = caller.send(response);
}

#[cfg(test)]
mod tests {
    use sqlx::error::{DatabaseError, ErrorKind};
    use tokio::{
        sync::mpsc,
        time::{Instant, sleep},
    };

    use super::*;
    use crate::lanes::Lane;

    /// A request that fails by itself.
    const REFUSED: u32 = 0;
    /// A request whose connection is lost.
    const LOST: u32 = 1;
    /// A request that takes [`LONG`].
    const SLOW: u32 = 2;
    /// Duration of a statement, and of one that waits for a lock.
    const SHORT: Duration = Duration::from_millis(2);
    const LONG: Duration = Duration::from_secs(1);

    /// An error of PostgreSQL.
    #[derive(Debug, thiserror::Error)]
    #[error("refused")]
    struct Refusal;

    impl DatabaseError for Refusal {
        fn message(&self) -> &'static str {
            "refused"
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::UniqueViolation
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }
    }

    /// A statement that returns its requests, and keeps the batches.
    #[derive(Default)]
    struct Echo(Mutex<Vec<Vec<u32>>>);

    impl Execute for Echo {
        type Request = u32;
        type Response = u32;

        async fn execute(&self, requests: &[u32]) -> Result<Vec<u32>> {
            lock(&self.0).push(requests.to_vec());
            sleep(if requests.contains(&SLOW) { LONG } else { SHORT }).await;
            if requests.contains(&LOST) {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            if requests.contains(&REFUSED) {
                return Err(sqlx::Error::Database(Box::new(Refusal)).into());
            }
            Ok(requests.to_vec())
        }
    }

    fn batches(batcher: &Batcher<Echo>) -> Vec<Vec<u32>> {
        lock(&batcher.statement.0).clone()
    }

    /// Submits requests at the same time. Returns a response to each; None if it failed.
    async fn submit_all(
        batcher: &Arc<Batcher<Echo>>,
        requests: impl IntoIterator<Item = u32>,
    ) -> Vec<Option<u32>> {
        let submit = async |request| batcher.submit(request).await.ok();
        join_all(requests.into_iter().map(submit)).await
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_the_same_moment_are_one_batch_and_get_their_own_responses() {
        let batcher = Batcher::new(Echo::default());
        assert_eq!(submit_all(&batcher, [5, 4, 6]).await, [Some(5), Some(4), Some(6)]);
        assert_eq!(batches(&batcher), [[5, 4, 6]]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_batch_exceeds_the_maximum_and_none_of_its_requests_is_lost() {
        let batcher = Batcher::new(Echo::default());
        let requests = 10..10 + 150;
        assert_eq!(submit_all(&batcher, requests.clone()).await, requests.map(Some).collect::<Vec<_>>());
        assert_eq!(batches(&batcher).iter().map(Vec::len).collect::<Vec<_>>(), [64, 64, 22]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_is_in_the_first_batch_of_a_backlog() {
        let batcher = Batcher::new(Echo::default());
        let submit = |lane, request| {
            let batcher = Arc::clone(&batcher);
            let origin = Origin { lane, namespace: "team".to_owned() };
            tokio::spawn(origin.scope(async move { batcher.submit(request).await.ok() }))
        };
        let mut all: Vec<_> = (10..10 + 150).map(|request| submit(Lane::Bulk, request)).collect();
        all.push(submit(Lane::Interactive, 5));
        join_all(all).await;
        assert_eq!(batches(&batcher)[0][0], 5);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_during_a_batch_form_the_next_one_unless_it_takes_long() {
        let batcher = Batcher::new(Echo::default());
        let later = async |request, after| {
            sleep(after).await;
            batcher.submit(request).await.ok()
        };
        let ms = Duration::from_millis;
        tokio::join!(later(3, ms(0)), later(4, ms(1)), later(5, ms(1)));
        assert_eq!(batches(&batcher), [vec![3], vec![4, 5]]);

        let begun = Instant::now();
        let slow = tokio::spawn({
            let batcher = Arc::clone(&batcher);
            async move { batcher.submit(SLOW).await.ok() }
        });
        assert_eq!(later(6, ms(1)).await, Some(6));
        assert!(begun.elapsed() < LONG / 10, "{:?}", begun.elapsed());
        assert_eq!(slow.await.expect("no panic"), Some(SLOW));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_request_fails_alone() {
        let batcher = Batcher::new(Echo::default());
        assert_eq!(submit_all(&batcher, [7, REFUSED, 8]).await, [Some(7), None, Some(8)]);
        assert_eq!(batches(&batcher), [vec![7, REFUSED, 8], vec![7], vec![REFUSED], vec![8]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_of_a_refused_batch_delays_no_other() {
        let batcher = Batcher::new(Echo::default());
        let begun = Instant::now();
        let other = async {
            assert_eq!(batcher.submit(8).await.ok(), Some(8));
            begun.elapsed()
        };
        let (responses, other) = tokio::join!(submit_all(&batcher, [SLOW, REFUSED]), other);
        assert_eq!(responses, [Some(SLOW), None]);
        // The batch itself took as long.
        assert!(other < LONG + LONG / 2, "{other:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_fails_the_batch_and_nothing_is_repeated() {
        let batcher = Batcher::new(Echo::default());
        let submit = |request| batcher.submit(request);
        let (one, other) = tokio::join!(submit(7), submit(LOST));
        let expected = Error::from(sqlx::Error::PoolTimedOut).to_string();
        assert_eq!(
            [one, other].map(|result| result.expect_err("the connection is lost").to_string()),
            [expected.clone(), expected]
        );
        assert_eq!(batches(&batcher), [[7, LOST]]);
        assert_eq!(submit(9).await.ok(), Some(9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_executed_even_if_its_caller_is_dropped() {
        let batcher = Batcher::new(Echo::default());
        let (done, mut is_done) = mpsc::channel::<()>(1);
        let caller = tokio::spawn({
            let batcher = Arc::clone(&batcher);
            async move {
                let _done = done;
                batcher.submit(7).await.ok()
            }
        });
        yield_now().await;
        caller.abort();
        assert_eq!(is_done.recv().await, None, "the caller is dropped");
        assert_eq!(submit_all(&batcher, [8]).await, [Some(8)]);
        assert_eq!(batches(&batcher).concat(), [7, 8]);
    }
}
