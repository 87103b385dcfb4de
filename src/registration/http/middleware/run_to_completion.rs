//! Running every `POST` to completion, even if the client disconnects: a wrong password is counted, and no
//! change stops halfway.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::registration::{
    backend::Backend,
    http::{body, problem::Problem, state::AppState},
};

/// Runs a `POST` in a task of its own, because hyper drops the response future when the client disconnects.
pub async fn run_to_completion<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let format = body::response_format(request.headers());
    state.tasks.spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request handler panicked");
        state.render_problem(format, &Problem::internal_error())
    })
}
