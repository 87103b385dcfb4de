//! The sockets: connections are accepted, served, and closed without an answer where a fault wants it.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::{
    admin,
    dispatch::{self, Unsent},
    shared::Shared,
};

/// How many connections are served at a time; more wait to be accepted.
const CONNECTIONS: usize = 4096;
/// How long a connection may stay without a request; longer than clients keep theirs, so that they close first.
const IDLE: Duration = Duration::from_mins(5);

/// Serves until it is told to stop; then all connections end.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let router = admin::router().fallback(dispatch::handle).with_state(shared);
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let accepted = async {
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            let stream = accept(&listener).await;
            let (router, stop) = (router.clone(), stop.clone());
            tokio::spawn(async move {
                let _permit = permit;
                stop.run_until_cancelled(converse(stream, router)).await;
            });
        }
    };
    stop.run_until_cancelled(accepted).await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    /// Out of file descriptors, most likely: until some are closed, there is no use in trying.
    const PAUSE: Duration = Duration::from_millis(50);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, router: Router) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "cannot set TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = router.call(request);
        async move { sendable(answer.await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::trace!(error = %error, "connection ended");
    }
}

/// An error here makes hyper close the connection at once, without a byte of an answer.
fn sendable(answer: Result<Response<Body>, Infallible>) -> Result<Response<Body>, Closed> {
    let Ok(response) = answer;
    if response.extensions().get::<Unsent>().is_some() { Err(Closed) } else { Ok(response) }
}

#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("closed by a fault")
    }
}

impl std::error::Error for Closed {}
