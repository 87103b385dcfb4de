//! The HTTP server. It enforces the connection limits, and can close a connection instead of sending a
//! response.

mod connection_limits;
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

pub(crate) use self::{connection_limits::ConnectionLimits, timeout_body::BodyTimeout};
use self::{
    malformed_response_body::MalformedResponseBody,
    timeout_body::TimeoutBody,
    timeout_stream::{ActiveRequests, TimeoutStream},
};

/// An extension of a response that the server does not send. It closes the connection instead.
#[derive(Clone, Copy)]
pub(crate) struct CloseConnection;

/// The maximum size of the head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// The time for which calls in progress can continue after the simulator has stopped.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// Serves until `stop` is cancelled. Then calls in progress can finish, and all connections are closed.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let open = TaskTracker::new();
    let accept_all = async {
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
    stop.run_until_cancelled(accept_all).await;
    drop(listener);
    open.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, open.wait()).await.is_err() {
        tracing::debug!(connections = open.len(), "closing connections with calls in progress");
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    /// The delay after a failure. The usual cause is a lack of file descriptors, which takes time to resolve.
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
        let response =
            router.call(request.map(|body| Body::new(TimeoutBody::new(body, limits.request_timeout))));
        async move {
            close_if_requested(response.await.map(|response| response.map(|body| request_guard.track(body))))
        }
    });
    let connection = http1::Builder::new()
        // TimeoutStream does this, and distinguishes an idle connection from a slow one.
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

/// Returns an error if the response asks to close the connection. hyper then closes it without sending
/// anything.
fn close_if_requested(result: Result<Response<Body>, Infallible>) -> Result<Response<Body>, ClosedByFault> {
    let Ok(response) = result;
    if response.extensions().get::<CloseConnection>().is_some() { Err(ClosedByFault) } else { Ok(response) }
}

#[derive(Debug)]
struct ClosedByFault;

impl fmt::Display for ClosedByFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("closed by a fault")
    }
}

impl std::error::Error for ClosedByFault {}
