//! The rules by which calls go wrong.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{Simulation, read, wrong};
use crate::faults::Fault;

pub(super) async fn list(State(shared): Simulation) -> Response {
    let rules: Vec<_> = shared.faults().rules().cloned().collect();
    Json(json!({ "faults": rules })).into_response()
}

pub(super) async fn add(State(shared): Simulation, body: Bytes) -> Response {
    let fault: Fault = match read(&body, "a fault") {
        Ok(fault) => fault,
        Err(response) => return *response,
    };
    match shared.add_fault(fault) {
        Ok(rule) => (StatusCode::CREATED, Json(rule)).into_response(),
        Err(message) => wrong(StatusCode::BAD_REQUEST, &message),
    }
}

pub(super) async fn clear(State(shared): Simulation) -> StatusCode {
    shared.faults().clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn remove(State(shared): Simulation, Path(id): Path<String>) -> Response {
    if id.parse().is_ok_and(|id| shared.faults().remove(id)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        wrong(StatusCode::NOT_FOUND, &format!("there is no fault {id}, or it has been used up"))
    }
}
