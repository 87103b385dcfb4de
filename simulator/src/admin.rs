//! The admin API, under `/_simulator`: what happened, what exists, and what shall go wrong.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use serde::Deserialize;
use serde_json::json;

use crate::{error::Failure, faults::Fault, journal::Call, overview, shared::Shared, world};

type Simulation = State<Arc<Shared>>;

/// The routes of the admin API.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_simulator", get(overview))
        .route("/_simulator/calls", get(calls).delete(clear_calls))
        .route("/_simulator/state", get(state))
        .route("/_simulator/faults", get(faults).post(add_fault).delete(clear_faults))
        .merge(world::router())
        .route("/_simulator/resources/{*arn}", delete(remove))
        .route("/_simulator/", get(overview))
        .route("/_simulator/{*rest}", axum::routing::any(unknown))
        .method_not_allowed_fallback(wrong_method)
}

async fn overview(State(shared): Simulation) -> String {
    overview::page(&shared)
}

#[derive(Deserialize)]
struct CallFilter {
    operation: Option<String>,
    resource: Option<String>,
    after: Option<u64>,
}

impl CallFilter {
    fn lets_through(&self, call: &Call) -> bool {
        self.operation.as_ref().is_none_or(|operation| call.operation == *operation)
            && self.resource.as_ref().is_none_or(|resource| call.is_about(resource))
            && self.after.is_none_or(|after| call.seq > after)
    }
}

async fn calls(
    State(shared): Simulation,
    filter: Result<Query<CallFilter>, axum::extract::rejection::QueryRejection>,
) -> Response {
    match filter {
        Ok(Query(filter)) => {
            let mut calls = shared.calls();
            calls.retain(|call| filter.lets_through(call));
            Json(json!({ "calls": calls })).into_response()
        }
        Err(rejection) => wrong(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn clear_calls(State(shared): Simulation) -> StatusCode {
    shared.journal().clear();
    StatusCode::NO_CONTENT
}

async fn state(State(shared): Simulation) -> Response {
    Json(shared.state().dump()).into_response()
}

async fn faults(State(shared): Simulation) -> Response {
    let rules: Vec<_> = shared.faults().rules().cloned().collect();
    Json(json!({ "faults": rules })).into_response()
}

async fn add_fault(State(shared): Simulation, body: Bytes) -> Response {
    let fault: Fault = match serde_json::from_slice(&body) {
        Ok(fault) => fault,
        Err(error) => return wrong(StatusCode::BAD_REQUEST, &format!("not a fault: {error}")),
    };
    match shared.add_fault(fault) {
        Ok(rule) => (StatusCode::CREATED, Json(rule)).into_response(),
        Err(message) => wrong(StatusCode::BAD_REQUEST, &message),
    }
}

async fn clear_faults(State(shared): Simulation) -> StatusCode {
    shared.faults().clear();
    StatusCode::NO_CONTENT
}

async fn remove(State(shared): Simulation, Path(arn): Path<String>) -> Response {
    if shared.state().remove(&arn) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        failed(&Failure::not_found(&arn))
    }
}

async fn unknown() -> Response {
    wrong(StatusCode::NOT_FOUND, "the admin API has no such path; GET /_simulator lists them")
}

async fn wrong_method() -> Response {
    wrong(StatusCode::METHOD_NOT_ALLOWED, "the path is right, the method is not; GET /_simulator lists them")
}

pub(crate) fn failed(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    wrong(status, &failure.message)
}

pub(crate) fn wrong(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
