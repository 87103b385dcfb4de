//! `/healthz`: the path that load balancers and monitors check.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::registration::{backend::Backend, http::state::AppState};

/// Answers 200 while this process is to get requests, and 503 otherwise. The admin port says why, which is
/// not for strangers.
pub async fn probe<B: Backend>(State(state): State<Arc<AppState<B>>>) -> (StatusCode, &'static str) {
    if state.gates.closed().is_empty() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
