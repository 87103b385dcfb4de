//! The sockets: so many connections at a time, and none that takes longer than it may. `axum::serve` knows no time-outs; our own loop
//! over hyper does.

mod conversation;
mod hurried;
mod idle;
mod turning_away;

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
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::turning_away::{OF_ONE_ADDRESS, TurnedAway};
use self::{
    conversation::converse,
    idle::Idle,
    turning_away::{brush_off, turn_away},
};
use super::shares::{Share, Shares};
use crate::{config::ConnectionSettings, telemetry::RegistrationMetrics};

/// Most bytes of a connection's requests, and of its answers, that are in memory: a head must fit.
const BUFFER: usize = 16 * 1024;

/// How many are told at the same time that they are not served, for each reason.
const MOST_TURNED_AWAY: usize = 128;

/// How long a newcomer waits for the place of an idle connection, which has nothing to do but to close.
const SOON: Duration = Duration::from_millis(100);

/// Out of file descriptors, most likely: until some are closed, there is no use in trying.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves connections.
#[derive(Debug)]
pub struct Server {
    /// Answers those that are served.
    pub site: Router,
    /// Answers the others; what it is asked carries a [`TurnedAway`].
    pub turned_away: Router,
    /// How many are served, and how slow they may be.
    pub settings: ConnectionSettings,
    /// How many of them one address may have. None where all come from a proxy.
    pub shares: Option<Arc<Shares>>,
    /// Counts.
    pub metrics: RegistrationMetrics,
}

impl Server {
    /// Serves until `stop`; then the requests that have come are answered, and all connections end.
    pub async fn serve(self, listener: TcpListener, stop: &CancellationToken) {
        let places = Places {
            served: Arc::new(Semaphore::new(usize::from(self.settings.most.get()))),
            turned_away: Arc::new(Semaphore::new(MOST_TURNED_AWAY)),
            of_one_address: Arc::new(Semaphore::new(MOST_TURNED_AWAY)),
            shares: self.shares.clone(),
            idle: Arc::default(),
        };
        let open = TaskTracker::new();
        let accepted = async {
            loop {
                let (stream, peer) = accept(&listener).await;
                // Who comes meanwhile waits in the listener's queue.
                match places.find(peer.ip()).await {
                    Some(Place::Served(place)) => {
                        open.spawn(self.converse(stream, peer, place, &places.idle, stop));
                    }
                    Some(Place::TurnedAway(why, permit)) => {
                        let told = turn_away(stream, why, self.turned_away.clone());
                        open.spawn(async move {
                            told.await;
                            drop(permit);
                        });
                    }
                    Some(Place::None) => {
                        self.metrics.refused(OF_ONE_ADDRESS);
                        brush_off(stream);
                    }
                    None => {}
                }
            }
        };
        stop.run_until_cancelled(accepted).await;
        drop(listener);
        open.close();
        open.wait().await;
    }

    fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Served,
        idle: &Arc<Idle>,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> + 'static {
        let (router, settings, counted) = (self.site.clone(), self.settings, self.metrics.connection());
        let (connection, stop) = (idle.connection(), stop.clone());
        async move {
            converse(stream, peer, router, settings, connection, &stop).await;
            drop((place, counted));
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What a connection that is served holds.
type Served = (OwnedSemaphorePermit, Option<Share>);

/// Where a connection goes.
enum Place {
    Served(Served),
    TurnedAway(TurnedAway, OwnedSemaphorePermit),
    /// Not even to be told why with patience.
    None,
}

/// The places for connections.
struct Places {
    served: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    of_one_address: Arc<Semaphore>,
    shares: Option<Arc<Shares>>,
    idle: Arc<Idle>,
}

impl Places {
    /// Finds one. Where there is none of either kind it waits, but not for an address that has more connections than it may: that
    /// would hold up the others.
    async fn find(&self, address: IpAddr) -> Option<Place> {
        let share = match self.shares.as_ref().map(|shares| shares.take(address)) {
            Some(None) => {
                let permit = Arc::clone(&self.of_one_address).try_acquire_owned();
                return Some(
                    permit.map_or(Place::None, |permit| Place::TurnedAway(TurnedAway::OfOneAddress, permit)),
                );
            }
            share => share.flatten(),
        };
        if let Some(permit) = self.free().await {
            return Some(Place::Served((permit, share)));
        }
        tokio::select! {
            biased;
            permit = Arc::clone(&self.served).acquire_owned() => Some(Place::Served((permit.ok()?, share))),
            permit = Arc::clone(&self.turned_away).acquire_owned() => {
                Some(Place::TurnedAway(TurnedAway::Full, permit.ok()?))
            }
        }
    }

    /// A place that is free, or becomes so because an idle connection is given up for it.
    async fn free(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.served).try_acquire_owned() {
            return Some(permit);
        }
        if !self.idle.give_up_one() {
            return None;
        }
        timeout(SOON, Arc::clone(&self.served).acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests;
