//! One connection that is served: requests and answers, each in its time.

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
    BUFFER,
    hurried::{Answers, Hurried},
    idle::Connection,
};
use crate::config::ConnectionSettings;

/// How long a connection lives. What is being asked and answered then may end.
pub const LONGEST: Duration = Duration::from_mins(10);

/// How long the last answer may take, after its request has had the time to come.
const LAST: Duration = Duration::from_secs(15);

/// Serves it until it ends, is given up, has lived long enough, or `stop`.
pub async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    settings: ConnectionSettings,
    idle: Connection,
    stop: &CancellationToken,
) {
    let (router, patience) = (TowerToHyperService::new(router), settings.request_timeout);
    let answers = Answers::default();
    let stream = Hurried::new(stream, patience, answers.clone());
    let connected = idle.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        answers.turn();
        connected.wakes();
        let mut request = request.map(|body| Body::new(DeadlineBody::new(patience, body)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, answers, connected) = (router.call(request), answers.clone(), connected.clone());
        async move {
            let answer = answer.await;
            answers.turn();
            answer.map(|answer| answer.map(|body| connected.rests_after(body)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Runs from the last answer on, and so ends an idle connection.
        .header_read_timeout(settings.idle_timeout)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = over(&idle, stop) => {
            connection.as_mut().graceful_shutdown();
            timeout(patience + LAST, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Waits until we stop, the connection's place is wanted, or it has lived long enough.
async fn over(idle: &Connection, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = idle.given_up() => {}
        () = tokio::time::sleep(LONGEST) => {}
    }
}
