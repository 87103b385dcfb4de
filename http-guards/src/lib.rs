//! HTTP/1 connections with timeouts for slow, stalled and idle clients. `axum::serve` has none. And the
//! fields of their requests, which other software can fill with anything: [`fields`].
//!
//! The registration page and the simulator serve their connections with this crate. How many connections a
//! server has, and which one it gives up when there are too many, is its own matter.

pub mod fields;
mod held_body;
#[cfg(test)]
mod tests;
mod timeout_stream;

use std::{error::Error, net::SocketAddr, pin::pin, time::Duration};

use axum::{BoxError, body::Body, http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tower_http::timeout::{DeadlineBody, TimeoutError};

pub use self::held_body::hold_until_sent;
use self::timeout_stream::{Requests, TimeoutStream};

/// Time between two attempts to accept a connection after a failure, most likely because there are no free
/// file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The limits of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Timeout for receiving the head of a request, for receiving its whole body, and for a write of a
    /// response that makes no progress.
    pub request_timeout: Duration,
    /// Timeout for the first byte of the next request. The first request of a connection has
    /// `request_timeout` instead.
    pub idle_timeout: Duration,
    /// Timeout for the last response, after the connection was asked to close.
    pub shutdown_timeout: Duration,
    /// Maximum number of bytes that a connection buffers of its requests, and of its responses. The head of a
    /// request must fit. hyper requires at least 8 KiB.
    pub max_buffer_bytes: usize,
}

/// Returns true if the error is that of a request body that did not arrive in time.
#[must_use]
pub fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutError>() || error.source().is_some_and(is_timeout)
}

/// Accepts the next connection. Retries after a failure.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
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
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Serves the requests of a connection until it ends. Once `close` is ready, a request in progress can
/// finish, and the connection is closed.
///
/// An error of the handler closes the connection without a response.
///
/// # Errors
/// Returns an error if the client is too slow, if it violates HTTP or disconnects in the middle of a message,
/// if the handler fails, or if the last response takes too long.
pub async fn serve_connection<S, H, F, E>(
    stream: S,
    limits: ConnectionLimits,
    handler: H,
    close: impl Future<Output = ()>,
) -> Result<(), BoxError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Body>) -> F,
    F: Future<Output = Result<Response, E>>,
    E: Into<BoxError>,
{
    let requests = Requests::default();
    let stream = TimeoutStream::new(stream, limits, requests.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let active = requests.begin();
        let response =
            handler(request.map(|body| Body::new(DeadlineBody::new(limits.request_timeout, body))));
        async move { response.await.map(|response| response.map(|body| hold_until_sent(body, active))) }
    });
    let connection = http1::Builder::new()
        // TimeoutStream does this. hyper would count the time of an idle connection as time of the next head.
        .header_read_timeout(None)
        .max_buf_size(limits.max_buffer_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        served = connection.as_mut() => served?,
        () = close => {
            connection.as_mut().graceful_shutdown();
            timeout(limits.shutdown_timeout, connection).await??;
        }
    }
    Ok(())
}
