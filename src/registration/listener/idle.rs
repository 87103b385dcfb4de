//! Connections over which nobody asks anything at the moment. They are kept for what may come next, and given up first when all
//! places are taken.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The idle connections of a server.
#[derive(Debug, Default)]
pub struct Idle(Mutex<Resting>);

#[derive(Debug, Default)]
struct Resting {
    next: u64,
    /// The one that has rested for longest comes first.
    connections: BTreeMap<u64, CancellationToken>,
}

impl Idle {
    /// Asks the connection that has been idle for longest to end; whether there is one.
    pub fn give_up_one(&self) -> bool {
        let given_up = self.resting().connections.pop_first();
        given_up.map(|(_, connection)| connection.cancel()).is_some()
    }

    /// A connection of this server, which does not count as idle before it has carried an answer.
    pub fn connection(self: &Arc<Self>) -> Connection {
        Connection { all: Arc::clone(self), given_up: CancellationToken::new(), rests: Arc::default() }
    }

    fn resting(&self) -> MutexGuard<'_, Resting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    all: Arc<Idle>,
    given_up: CancellationToken,
    rests: Arc<Mutex<Option<Rest>>>,
}

impl Connection {
    /// Waits until it is to end, because its place is wanted.
    pub async fn given_up(&self) {
        self.given_up.cancelled().await;
    }

    /// A request has come.
    pub fn wakes(&self) {
        self.rests(None);
    }

    /// The connection rests once this body is handed over to be sent, or given up.
    pub fn rests_after(&self, body: Body) -> Body {
        Body::new(Answer { body, connection: self.clone() })
    }

    fn rests(&self, rest: Option<Rest>) {
        *self.rests.lock().unwrap_or_else(PoisonError::into_inner) = rest;
    }
}

/// A connection is among the idle ones for as long as this is held.
#[derive(Debug)]
struct Rest {
    all: Arc<Idle>,
    number: u64,
}

impl Rest {
    fn begin(connection: &Connection) -> Self {
        let mut resting = connection.all.resting();
        let number = resting.next;
        resting.next += 1;
        resting.connections.insert(number, connection.given_up.clone());
        Self { all: Arc::clone(&connection.all), number }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.all.resting().connections.remove(&self.number);
    }
}

/// The body of an answer.
struct Answer {
    body: Body,
    connection: Connection,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.connection.rests(Some(Rest::begin(&self.connection)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_rested_for_longest_is_given_up_first_and_none_that_works() {
        let idle = Arc::new(Idle::default());
        let connections = [(); 4].map(|()| idle.connection());
        let answers = connections.each_ref().map(|one| one.rests_after(Body::empty()));
        assert!(!idle.give_up_one(), "answers are under way");
        drop(answers);
        connections[0].wakes();
        let given_up = || connections.each_ref().map(|one| one.given_up.is_cancelled());
        assert!(idle.give_up_one());
        assert_eq!(given_up(), [false, true, false, false]);
        assert!(idle.give_up_one() && idle.give_up_one());
        assert_eq!(given_up(), [false, true, true, true]);
        assert!(!idle.give_up_one());
    }

    #[test]
    fn a_connection_that_is_gone_rests_no_more() {
        let idle = Arc::new(Idle::default());
        let connection = idle.connection();
        drop(connection.rests_after(Body::empty()));
        drop(connection);
        assert!(!idle.give_up_one());
        let connection = idle.connection();
        let answer = connection.rests_after(Body::empty());
        drop(connection);
        drop(answer);
        assert!(!idle.give_up_one(), "not even where the answer is given up last");
    }
}
