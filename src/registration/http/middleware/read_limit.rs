//! The limit on reads per IP address: most cost a read of the database.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::registration::{
    backend::Backend,
    http::{format::Format, state::AppState},
};

/// Rejects a read from an IP address that has made too many.
pub async fn limit_reads<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let client = state.limits.client_ip(request.headers(), peer.ip());
    match state.limits.check_read(client) {
        Ok(()) => next.run(request).await,
        Err(problem) => state.render_problem(Format::accepted(request.headers()), &problem),
    }
}
