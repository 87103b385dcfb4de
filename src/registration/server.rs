//! The sockets: so many connections at a time, and none that takes longer than it may. `axum::serve` knows no time-outs; our own loop
//! over hyper does.

mod hurried;

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::timeout::DeadlineBody;

use self::hurried::{Answers, Hurried};
use crate::{config::ConnectionSettings, telemetry::RegistrationMetrics};

/// Most bytes of a connection's requests, and of its answers, that are in memory: a head must fit.
const BUFFER: usize = 16 * 1024;

/// How long a connection lives. What is being answered then may end; who does not even take the answer is cut off.
const LONGEST: Duration = Duration::from_mins(10);

/// Out of file descriptors, most likely: until some are closed, there is no use in trying.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`; then the requests that have come are answered, and all connections end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ConnectionSettings,
    metrics: &RegistrationMetrics,
    stop: &CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(usize::from(settings.most.get())));
    let open = TaskTracker::new();
    let accepted = async {
        // Who comes when all permits are taken waits in the listener's queue.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            let (stream, peer) = accept(&listener).await;
            let (router, stop, counted) = (router.clone(), stop.clone(), metrics.connection());
            open.spawn(async move {
                converse(stream, peer, router, settings, &stop).await;
                drop((permit, counted));
            });
        }
    };
    stop.run_until_cancelled(accepted).await;
    drop(listener);
    open.close();
    open.wait().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    settings: ConnectionSettings,
    stop: &CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let (router, patience) = (TowerToHyperService::new(router), settings.request_timeout);
    let answers = Answers::default();
    let stream = Hurried::new(stream, patience, answers.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        answers.turn();
        let mut request = request.map(|body| Body::new(DeadlineBody::new(patience, body)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, answers) = (router.call(request), answers.clone());
        async move {
            let answer = answer.await;
            answers.turn();
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Runs from the last answer on, and so ends an idle connection.
        .header_read_timeout(settings.idle_timeout)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = over(stop) => {
            connection.as_mut().graceful_shutdown();
            timeout(LONGEST, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Waits until we stop, or the connection has lived long enough.
async fn over(stop: &CancellationToken) {
    // Whichever comes first.
    let _ = timeout(LONGEST, stop.cancelled()).await;
}

#[cfg(test)]
mod tests;
