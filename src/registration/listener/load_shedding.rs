//! Connections beyond those that are served: each asks one thing, is told why it is not looked at, and ends.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::BUFFER;

/// How long one takes at most. Whoever has something to ask does so at once.
const LONGEST: Duration = Duration::from_secs(3);

/// The reason by which the metrics count connections of an address that has as many as it may.
pub const OF_ONE_ADDRESS: &str = "connections_of_address";

/// What is said where there is no time to hear what is asked.
const BRIEFLY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

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

/// Answers, as far as that takes no waiting, whatever is asked. Whoever asks a lot, or later, may find a reset in its place.
pub fn brush_off(stream: TcpStream) {
    let said = stream.into_std().and_then(|mut stream| {
        // What has come and is not read would make the system reset the connection.
        drop(stream.read(&mut [0; BUFFER]));
        stream.write_all(BRIEFLY)
    });
    if let Err(error) = said {
        tracing::debug!(%error, "a connection was turned away without a word");
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
