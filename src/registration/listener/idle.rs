//! Idle connections: they are kept for a next request, and closed first when all slots are in use.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::body::Body;
use tokio_util::sync::CancellationToken;

use crate::lock::lock;

/// The idle connections of a server.
#[derive(Debug, Default)]
pub struct IdleConnections(Mutex<IdleSet>);

#[derive(Debug, Default)]
struct IdleSet {
    next_number: u64,
    /// The connections by the time since which they have been idle, longest first.
    connections: BTreeMap<u64, CancellationToken>,
}

impl IdleConnections {
    /// Closes the connection that has been idle longest. Returns false if none is idle.
    pub fn close_oldest(&self) -> bool {
        let oldest = self.idle().connections.pop_first();
        oldest.map(|(_, connection)| connection.cancel()).is_some()
    }

    /// Registers a new connection. It does not count as idle before its first response.
    pub fn register(self: &Arc<Self>) -> IdleHandle {
        IdleHandle { all: Arc::clone(self), close_requested: CancellationToken::new(), entry: Arc::default() }
    }

    fn idle(&self) -> MutexGuard<'_, IdleSet> {
        lock(&self.0)
    }
}

/// The handle of one connection.
#[derive(Clone, Debug)]
pub struct IdleHandle {
    all: Arc<IdleConnections>,
    close_requested: CancellationToken,
    entry: Arc<Mutex<Option<IdleEntry>>>,
}

impl IdleHandle {
    /// Waits until the connection has to close because its slot is needed.
    pub async fn close_requested(&self) {
        self.close_requested.cancelled().await;
    }

    /// Marks the connection as busy: a request has arrived.
    pub fn mark_busy(&self) {
        self.set_entry(None);
    }

    /// Wraps a response body. The connection becomes idle once the body is sent or dropped.
    pub fn idle_after(&self, body: Body) -> Body {
        http_guards::hold_until_sent(body, IdleOnDrop(self.clone()))
    }

    fn set_entry(&self, entry: Option<IdleEntry>) {
        *lock(&self.entry) = entry;
    }
}

/// The entry of an idle connection, removed on drop.
#[derive(Debug)]
struct IdleEntry {
    all: Arc<IdleConnections>,
    number: u64,
}

impl IdleEntry {
    fn begin(connection: &IdleHandle) -> Self {
        let mut idle = connection.all.idle();
        let number = idle.next_number;
        idle.next_number += 1;
        idle.connections.insert(number, connection.close_requested.clone());
        Self { all: Arc::clone(&connection.all), number }
    }
}

impl Drop for IdleEntry {
    fn drop(&mut self) {
        self.all.idle().connections.remove(&self.number);
    }
}

/// Marks its connection as idle on drop.
struct IdleOnDrop(IdleHandle);

impl Drop for IdleOnDrop {
    fn drop(&mut self) {
        self.0.set_entry(Some(IdleEntry::begin(&self.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_connection_is_closed_first_and_no_busy_one() {
        let idle = Arc::new(IdleConnections::default());
        let connections = [(); 4].map(|()| idle.register());
        let responses = connections.each_ref().map(|one| one.idle_after(Body::empty()));
        assert!(!idle.close_oldest(), "responses are in flight");
        drop(responses);
        connections[0].mark_busy();
        let close_requested = || connections.each_ref().map(|one| one.close_requested.is_cancelled());
        assert!(idle.close_oldest());
        assert_eq!(close_requested(), [false, true, false, false]);
        assert!(idle.close_oldest() && idle.close_oldest());
        assert_eq!(close_requested(), [false, true, true, true]);
        assert!(!idle.close_oldest());
    }

    #[test]
    fn a_closed_connection_is_not_idle() {
        let idle = Arc::new(IdleConnections::default());
        let connection = idle.register();
        drop(connection.idle_after(Body::empty()));
        drop(connection);
        assert!(!idle.close_oldest());
        let connection = idle.register();
        let response = connection.idle_after(Body::empty());
        drop(connection);
        drop(response);
        assert!(!idle.close_oldest(), "not even if the response is dropped last");
    }
}
