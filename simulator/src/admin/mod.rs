//! The admin API, under `/_simulator`: what happened, what exists, and what shall go wrong.

mod calls;
mod controls;
mod faults;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{any, delete, get},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{error::Failure, overview, shared::Shared, world};

pub(crate) type Simulation = State<Arc<Shared>>;

/// How large a state may be that is loaded, in bytes.
const STATE_LIMIT: usize = 1 << 30;

/// The routes of the admin API.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let state = get(controls::state).put(controls::load_state).layer(DefaultBodyLimit::max(STATE_LIMIT));
    Router::new()
        .route("/_simulator", get(overview))
        .route("/_simulator/", get(overview))
        .route("/_simulator/calls", get(calls::list).delete(calls::clear))
        .route("/_simulator/state", state)
        .route("/_simulator/settings", get(controls::settings).patch(controls::set))
        .route("/_simulator/clock", get(controls::clock).post(controls::move_clock))
        .route("/_simulator/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_simulator/faults/{id}", delete(faults::remove))
        .route("/_simulator/resources/{*arn}", delete(remove))
        .route("/_simulator/{*rest}", any(unknown))
        .merge(world::router())
        .method_not_allowed_fallback(wrong_method)
}

async fn overview(State(shared): Simulation) -> Html<String> {
    Html(overview::page(&shared))
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

/// Reads a body, or says what is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes, what: &str) -> Result<T, Box<Response>> {
    let wrong = |reason: &str| Box::new(wrong(StatusCode::BAD_REQUEST, &format!("not {what}: {reason}")));
    // Which serde would take for an object, its members in their order.
    if body.trim_ascii().starts_with(b"[") {
        return Err(wrong("it is a list"));
    }
    serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))
}

pub(crate) fn failed(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    wrong(status, &failure.message)
}

pub(crate) fn wrong(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
