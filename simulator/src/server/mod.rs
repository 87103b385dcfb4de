//! The HTTP server. It enforces the connection limits, and can close a connection instead of sending a
//! response.

mod malformed_response_body;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request, response::Response};
use http_guards::ConnectionLimits;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::malformed_response_body::MalformedResponseBody;

/// An extension of a response that the server does not send. It closes the connection instead.
#[derive(Clone, Copy)]
pub(crate) struct CloseConnection;

/// The limits of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    /// The maximum number of connections that are served at the same time. Further connections wait to be
    /// accepted.
    pub max_connections: usize,
    /// The limits of each connection.
    pub connection: ConnectionLimits,
}

impl Default for ServerLimits {
    fn default() -> Self {
        let connection = ConnectionLimits {
            request_timeout: Duration::from_secs(30),
            // Longer than the keep-alive time of clients, so that they close idle connections first.
            idle_timeout: Duration::from_mins(5),
            shutdown_timeout: Duration::from_secs(1),
            max_buffer_bytes: 64 << 10,
        };
        Self { max_connections: 4096, connection }
    }
}

/// Serves until `stop` is cancelled. Then calls in progress can finish, and all connections are closed.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let open = TaskTracker::new();
    let accept_all = async {
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            let (stream, _) = http_guards::accept(&listener).await;
            let (router, stop) = (router.clone(), stop.clone());
            open.spawn(async move {
                let _permit = permit;
                serve_connection(stream, router, limits.connection, &stop).await;
            });
        }
    };
    stop.run_until_cancelled(accept_all).await;
    drop(listener);
    open.close();
    open.wait().await;
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    limits: ConnectionLimits,
    stop: &CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    let handler = move |request: Request<Body>| {
        let response = router.call(request);
        async move { close_if_requested(response.await) }
    };
    let stream = MalformedResponseBody::new(stream);
    if let Err(error) = http_guards::serve_connection(stream, limits, handler, stop.cancelled()).await {
        tracing::trace!(error = %error, "connection ended");
    }
}

/// Returns an error if the response asks to close the connection. hyper then closes it without sending
/// anything.
fn close_if_requested(result: Result<Response, Infallible>) -> Result<Response, &'static str> {
    let Ok(response) = result;
    let close = response.extensions().get::<CloseConnection>().is_some();
    if close { Err("closed by a fault") } else { Ok(response) }
}
