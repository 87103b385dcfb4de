//! The sockets: connections are accepted, served, and closed without an answer where a fault wants it.

mod malformed_response_body;
mod timeout_body;
mod timeout_stream;

use std::{convert::Infallible, fmt, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::timeout_body::BodyTimeout;
use self::{
    malformed_response_body::MalformedResponseBody,
    timeout_body::TimeoutBody,
    timeout_stream::{ActiveRequests, TimeoutStream},
};
use crate::{
    admin,
    dispatch::{self, Unsent},
    shared::Shared,
};

/// How many clients there may be, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// How many connections are served at a time; more wait to be accepted.
    pub connections: usize,
    /// How long the head of a request may take to come, its body, and a piece of an answer to be taken.
    pub request: Duration,
    /// How long a connection may stay without a request.
    pub idle: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            request: Duration::from_secs(30),
            // Longer than clients keep theirs, so that they close first.
            idle: Duration::from_mins(5),
        }
    }
}

/// How much of a request may be in memory before it is taken: its head must fit.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// How long calls under way may still take when the simulator ends.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// Serves until it is told to stop; then calls under way may finish, and all connections end.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let (limits, stop) = (shared.connection_limits, shared.stop.clone());
    let router = admin::router().fallback(dispatch::handle).with_state(shared);
    let permits = Arc::new(Semaphore::new(limits.connections));
    let open = TaskTracker::new();
    let accepted = async {
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            let stream = accept(&listener).await;
            let (router, stop) = (router.clone(), stop.clone());
            open.spawn(async move {
                let _permit = permit;
                serve_connection(stream, router, limits, &stop).await;
            });
        }
    };
    stop.run_until_cancelled(accepted).await;
    drop(listener);
    open.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, open.wait()).await.is_err() {
        tracing::debug!(connections = open.len(), "connections are cut off");
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    /// Out of file descriptors, most likely: until some are closed, there is no use in trying.
    const RETRY_DELAY: Duration = Duration::from_millis(50);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    limits: ConnectionLimits,
    stop: &CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "cannot set TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let requests = ActiveRequests::default();
    let stream = MalformedResponseBody::new(TimeoutStream::new(stream, limits, requests.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let request_guard = requests.begin();
        let answer = router.call(request.map(|body| Body::new(TimeoutBody::new(body, limits.request))));
        async move { close_if_requested(answer.await.map(|answer| answer.map(|body| request_guard.track(body)))) }
    });
    let connection = http1::Builder::new()
        // TimeoutStream does it, and tells an idle connection from a slow one.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::trace!(error = %error, "connection ended");
    }
}

/// An error here makes hyper close the connection at once, without a byte of an answer.
fn close_if_requested(answer: Result<Response<Body>, Infallible>) -> Result<Response<Body>, ClosedByFault> {
    let Ok(response) = answer;
    if response.extensions().get::<Unsent>().is_some() { Err(ClosedByFault) } else { Ok(response) }
}

#[derive(Debug)]
struct ClosedByFault;

impl fmt::Display for ClosedByFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("closed by a fault")
    }
}

impl std::error::Error for ClosedByFault {}
