//! The connection pool, with lanes: connections are given out by lane and namespace, not first come, first
//! served.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Error, PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection, postgres::PgConnectOptions,
};
use tokio::time::timeout;

use crate::lanes::{FairSemaphore, Origin, Permit};

/// A pool of connections.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    connections: PgPool,
    /// As many permits as connections, so that nobody waits in the pool itself for one that is in use.
    lanes: Arc<FairSemaphore>,
    /// Maximum time that a statement waits for its turn.
    timeout: Duration,
}

/// A connection of the pool, until it is dropped.
pub(super) struct Lent<C> {
    // Dropped before the permit.
    connection: C,
    _permit: Permit,
}

impl Pool {
    /// Adds lanes to a pool with this maximum number of connections.
    pub fn new(pool: PgPool, connections: u32, timeout: Duration) -> Self {
        let permits = usize::try_from(connections).unwrap_or(usize::MAX);
        Self { connections: pool, lanes: FairSemaphore::new(permits), timeout }
    }

    /// Returns a connection, in the lane of the current task.
    pub async fn acquire(&self) -> Result<Lent<PoolConnection<Postgres>>, Error> {
        let permit = self.permit().await?;
        Ok(Lent { connection: self.connections.acquire().await?, _permit: permit })
    }

    /// Begins a transaction, in the lane of the current task.
    pub async fn begin(&self) -> Result<Lent<Transaction<'static, Postgres>>, Error> {
        let permit = self.permit().await?;
        Ok(Lent { connection: self.connections.begin().await?, _permit: permit })
    }

    async fn permit(&self) -> Result<Permit, Error> {
        let permit = timeout(self.timeout, self.lanes.acquire(&Origin::current())).await;
        permit.map_err(|_| Error::PoolTimedOut)
    }

    /// Returns the pool without lanes, for work before anything else runs.
    pub fn without_lanes(&self) -> &PgPool {
        &self.connections
    }

    /// Returns the options of the connections.
    pub fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.connections.connect_options()
    }
}

impl Lent<Transaction<'static, Postgres>> {
    /// Commits the transaction.
    pub async fn commit(self) -> Result<(), Error> {
        self.connection.commit().await
    }
}

impl<C: Deref<Target = PgConnection>> Deref for Lent<C> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl<C: DerefMut<Target = PgConnection>> DerefMut for Lent<C> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
