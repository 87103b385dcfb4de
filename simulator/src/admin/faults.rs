//! The faults in force.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::response::{SharedState, decode_body, json_error};
use crate::faults::Fault;

pub(super) async fn list(State(shared): SharedState) -> Response {
    let rules: Vec<_> = shared.faults().rules().cloned().collect();
    Json(json!({ "faults": rules })).into_response()
}

pub(super) async fn add(State(shared): SharedState, body: Bytes) -> Response {
    let fault: Fault = match decode_body(&body, "a fault") {
        Ok(fault) => fault,
        Err(response) => return *response,
    };
    match shared.add_fault(fault) {
        Ok(rule) => (StatusCode::CREATED, Json(rule)).into_response(),
        Err(message) => json_error(StatusCode::BAD_REQUEST, &message),
    }
}

pub(super) async fn clear(State(shared): SharedState) -> StatusCode {
    shared.faults().clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn remove(State(shared): SharedState, Path(id): Path<String>) -> Response {
    if id.parse().is_ok_and(|id| shared.faults().remove(id)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        json_error(StatusCode::NOT_FOUND, &format!("fault {id} does not exist, or it has been used up"))
    }
}
