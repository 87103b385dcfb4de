//! Load shedding: rejecting connections beyond the limit. Each may send one request, gets the reason for
//! its rejection, and is closed.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::connection::MAX_BUFFER_BYTES;

/// Maximum age of a rejected connection.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(3);

/// The metric label for a rejection because of the limit per IP address.
pub const CONNECTIONS_PER_IP: &str = "connections_per_ip";

/// The response of [`reject_fast`].
const FAST_RESPONSE: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The reason why a connection is rejected. Every request over it carries the reason as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverloadReason {
    /// The server has the maximum number of connections.
    MaxConnections,
    /// The IP address has its maximum number of connections.
    MaxConnectionsPerIp,
}

/// Answers one request with this router, then closes the connection.
pub async fn reject(stream: TcpStream, reason: OverloadReason, router: Router) {
    if let Ok(Err(error)) = timeout(REJECTION_TIMEOUT, respond(stream, reason, router)).await {
        tracing::debug!(%error, "rejected connection closed with an error");
    }
}

/// Sends a response without waiting for the request. A client that sends a lot, or later, may see a reset
/// instead.
pub fn reject_fast(stream: TcpStream) {
    let sent = stream.into_std().and_then(|mut stream| {
        // Unread data would make the kernel reset the connection.
        drop(stream.read(&mut [0; MAX_BUFFER_BYTES]));
        stream.write_all(FAST_RESPONSE)
    });
    if let Err(error) = sent {
        tracing::debug!(%error, "cannot send a rejection");
    }
}

async fn respond(stream: TcpStream, reason: OverloadReason, router: Router) -> io::Result<()> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(reason);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let parts = connection.without_shutdown().await.map_err(io::Error::other)?;
    let mut stream = parts.io.into_inner();
    stream.shutdown().await?;
    // Unread data would make the kernel send a reset, which could discard our response.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}
