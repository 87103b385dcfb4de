//! The TCP listener: a limited number of connections, each with timeouts. `axum::serve` has neither, so this
//! is a loop of our own.

mod connection;
mod idle;
mod load_shedding;
mod per_ip_limit;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use self::{
    connection::serve_connection,
    idle::IdleConnections,
    load_shedding::{reject, reject_fast},
};
pub use self::{
    load_shedding::{CONNECTIONS_PER_IP, OverloadReason},
    per_ip_limit::{PerIpLimit, PerIpPermit, ip_network},
};
use crate::{config::ConnectionSettings, shutdown::Shutdown, telemetry::RegistrationMetrics};

/// Maximum number of connections that get the reason for their rejection at the same time, for each
/// reason.
const MAX_CONCURRENT_REJECTIONS: usize = 128;

/// Maximum time that a new connection waits for an idle one to close.
const IDLE_CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

/// The server of all connections.
#[derive(Debug)]
pub struct Server {
    /// Handles the requests of served connections.
    pub app: Router,
    /// Handles the requests of rejected connections. Each request carries an [`OverloadReason`] as an
    /// extension.
    pub overload: Router,
    /// The limits and time-outs of connections.
    pub settings: ConnectionSettings,
    /// The limit on connections per IP address, or None behind a proxy.
    pub per_ip_limit: Option<Arc<PerIpLimit>>,
    /// The metrics.
    pub metrics: RegistrationMetrics,
}

impl Server {
    /// Serves until the shutdown stops it, then finishes the requests in flight and closes all connections.
    pub async fn serve(self, listener: TcpListener, shutdown: &Shutdown) {
        let slots = Slots {
            served: Arc::new(Semaphore::new(usize::from(self.settings.max_connections.get()))),
            rejected: Arc::new(Semaphore::new(MAX_CONCURRENT_REJECTIONS)),
            rejected_per_ip: Arc::new(Semaphore::new(MAX_CONCURRENT_REJECTIONS)),
            per_ip_limit: self.per_ip_limit.clone(),
            idle: Arc::default(),
        };
        let connections = TaskTracker::new();
        let accepting = async {
            loop {
                let (stream, peer) = http_guards::accept(&listener).await;
                // Meanwhile, further connections wait in the listener's backlog.
                match slots.acquire(peer.ip()).await {
                    Some(Slot::Served(permits)) => {
                        connections.spawn(self.serve_one(stream, peer, permits, &slots.idle, shutdown));
                    }
                    Some(Slot::Rejected(reason, permit)) => {
                        let rejection = reject(stream, reason, self.overload.clone());
                        connections.spawn(async move {
                            rejection.await;
                            drop(permit);
                        });
                    }
                    Some(Slot::Unavailable) => {
                        self.metrics.record_rejection(CONNECTIONS_PER_IP);
                        reject_fast(stream);
                    }
                    None => {}
                }
            }
        };
        shutdown.stop.run_until_cancelled(accepting).await;
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    fn serve_one(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        permits: ServedPermits,
        idle: &Arc<IdleConnections>,
        shutdown: &Shutdown,
    ) -> impl Future<Output = ()> + 'static {
        let (router, settings, counted) = (self.app.clone(), self.settings, self.metrics.connection());
        let (idle, shutdown) = (idle.register(), shutdown.clone());
        async move {
            serve_connection(stream, peer, router, settings, idle, &shutdown).await;
            drop((permits, counted));
        }
    }
}

/// The permits of a served connection.
type ServedPermits = (OwnedSemaphorePermit, Option<PerIpPermit>);

/// The slot that a new connection gets.
enum Slot {
    Served(ServedPermits),
    Rejected(OverloadReason, OwnedSemaphorePermit),
    /// No slot at all: the connection is rejected without waiting for its request.
    Unavailable,
}

/// The slots for connections.
struct Slots {
    served: Arc<Semaphore>,
    rejected: Arc<Semaphore>,
    rejected_per_ip: Arc<Semaphore>,
    per_ip_limit: Option<Arc<PerIpLimit>>,
    idle: Arc<IdleConnections>,
}

impl Slots {
    /// Acquires a slot. Waits if there is none, except for an address that exceeds its limit: waiting for
    /// that one would hold up all others.
    async fn acquire(&self, address: IpAddr) -> Option<Slot> {
        let ip_permit = match self.per_ip_limit.as_ref().map(|limit| limit.acquire(address)) {
            Some(None) => {
                let Ok(permit) = Arc::clone(&self.rejected_per_ip).try_acquire_owned() else {
                    return Some(Slot::Unavailable);
                };
                return Some(Slot::Rejected(OverloadReason::MaxConnectionsPerIp, permit));
            }
            ip_permit => ip_permit.flatten(),
        };
        if let Some(permit) = self.free_slot().await {
            return Some(Slot::Served((permit, ip_permit)));
        }
        tokio::select! {
            biased;
            permit = Arc::clone(&self.served).acquire_owned() => Some(Slot::Served((permit.ok()?, ip_permit))),
            permit = Arc::clone(&self.rejected).acquire_owned() => {
                Some(Slot::Rejected(OverloadReason::MaxConnections, permit.ok()?))
            }
        }
    }

    /// Acquires a free slot, or that of an idle connection, which is closed.
    async fn free_slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.served).try_acquire_owned() {
            return Some(permit);
        }
        if !self.idle.close_oldest() {
            return None;
        }
        timeout(IDLE_CLOSE_TIMEOUT, Arc::clone(&self.served).acquire_owned()).await.ok()?.ok()
    }
}
