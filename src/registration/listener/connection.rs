//! One served connection, with its time-outs.

use std::{net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;
use tower_http::timeout::DeadlineBody;

use super::{
    idle::IdleHandle,
    timeout_stream::{ResponsePhase, TimeoutStream},
};
use crate::config::ConnectionSettings;

/// Maximum number of bytes that a connection buffers of its requests, and of its responses. The head of a
/// request must fit.
pub const MAX_BUFFER_BYTES: usize = 16 * 1024;

/// Maximum age of a connection. A request in flight at that time may finish.
pub const MAX_AGE: Duration = Duration::from_mins(10);

/// Maximum time for the last response of a connection, after the time for its request.
const LAST_RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves a connection until it ends, its slot is needed, it reaches the maximum age, or `stop` is cancelled.
pub async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    settings: ConnectionSettings,
    idle: IdleHandle,
    stop: &CancellationToken,
) {
    let (router, request_timeout) = (TowerToHyperService::new(router), settings.request_timeout);
    let phase = ResponsePhase::default();
    let stream = TimeoutStream::new(stream, request_timeout, phase.clone());
    let handle = idle.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        phase.advance();
        handle.mark_busy();
        let mut request = request.map(|body| Body::new(DeadlineBody::new(request_timeout, body)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (response, phase, handle) = (router.call(request), phase.clone(), handle.clone());
        async move {
            let response = response.await;
            phase.advance();
            response.map(|response| response.map(|body| handle.idle_after(body)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Runs from the last response, so it closes an idle connection.
        .header_read_timeout(settings.idle_timeout)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = end_of_life(&idle, stop) => {
            connection.as_mut().graceful_shutdown();
            timeout(request_timeout + LAST_RESPONSE_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
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
