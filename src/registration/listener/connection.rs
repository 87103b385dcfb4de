//! One served connection, with its limits.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Request, header::CONNECTION},
};
use http_guards::ConnectionLimits;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::idle::IdleHandle;
use crate::{config::ConnectionSettings, shutdown::Shutdown};

/// Maximum number of bytes that a connection buffers of its requests, and of its responses. The head of a
/// request must fit.
pub const MAX_BUFFER_BYTES: usize = 16 * 1024;

/// Maximum age of a connection. A request in flight at that time may finish.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Maximum time for the last response of a connection, after the time for its request.
const LAST_RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves a connection until it ends, its slot is needed, it reaches the maximum age, or the shutdown stops
/// it. Between the request for a shutdown and its stop, the next response is the last one: an idle connection
/// is not closed then, because its client may be sending a request.
pub async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    settings: ConnectionSettings,
    idle: IdleHandle,
    shutdown: &Shutdown,
) {
    let limits = ConnectionLimits {
        request_timeout: settings.request_timeout,
        idle_timeout: settings.idle_timeout,
        shutdown_timeout: settings.request_timeout + LAST_RESPONSE_TIMEOUT,
        max_buffer_bytes: MAX_BUFFER_BYTES,
    };
    let (router, handle) = (TowerToHyperService::new(router), idle.clone());
    let ending = &shutdown.requested;
    let handler = move |mut request: Request<Body>| {
        handle.mark_busy();
        request.extensions_mut().insert(ConnectInfo(peer));
        let (response, handle) = (router.call(request), handle.clone());
        async move {
            let mut response = response.await?.map(|body| handle.idle_after(body));
            if ending.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    };
    let close = end_of_life(&idle, &shutdown.stop);
    if let Err(error) = http_guards::serve_connection(stream, limits, handler, close).await {
        tracing::debug!(%error, "connection closed with an error");
    }
}

/// Waits until shutdown, until the slot is needed, or until the connection reaches the maximum age.
async fn end_of_life(idle: &IdleHandle, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = idle.close_requested() => {}
        () = tokio::time::sleep(MAX_AGE) => {}
    }
}
