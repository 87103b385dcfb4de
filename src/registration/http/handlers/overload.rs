//! Every request over a connection that the listener has rejected: answered with the reason.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequest, Request, State},
    response::Response,
};

use crate::registration::{
    backend::Backend,
    http::{body, problem::Problem, state::AppState},
    listener::{CONNECTIONS_PER_IP, OverloadReason},
};

/// Answers any request with the reason for the rejection.
pub async fn reject<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    Extension(reason): Extension<OverloadReason>,
    request: Request,
) -> Response {
    let format = body::response_format(request.headers());
    // A client that is still sending may not read the response.
    drop(Bytes::from_request(request, &()).await);
    let (label, problem) = match reason {
        OverloadReason::MaxConnections => ("connections", Problem::server_full()),
        OverloadReason::MaxConnectionsPerIp => (CONNECTIONS_PER_IP, Problem::too_many_connections()),
    };
    state.metrics.record_rejection(label);
    state.render_problem(format, &problem)
}
