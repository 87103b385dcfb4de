//! Connections beyond those that are served: each asks one thing, is told why it is not looked at, and ends.

use std::{io, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::BUFFER;

/// How long one takes at most. Whoever has something to ask does so at once.
const LONGEST: Duration = Duration::from_secs(3);

/// Why a connection is not served; every request over it carries this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// As many connections are served as may be.
    Full,
    /// As many are served of its address as may be.
    OfOneAddress,
}

/// Has this router answer the one request.
pub async fn turn_away(stream: TcpStream, why: TurnedAway, router: Router) {
    if let Ok(Err(error)) = timeout(LONGEST, tell(stream, why, router)).await {
        tracing::debug!(%error, "a connection that was turned away ended");
    }
}

async fn tell(stream: TcpStream, why: TurnedAway, router: Router) -> io::Result<()> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(why);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let told = connection.without_shutdown().await.map_err(io::Error::other)?;
    let mut stream = told.io.into_inner();
    stream.shutdown().await?;
    // Where something that was sent is not read, the system answers with a reset, which may take our answer with it.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}
