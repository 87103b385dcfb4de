//! The admin API, under `/_simulator`: what happened, what exists, and what shall go json_error.

mod calls;
mod controls;
mod dashboard;
mod faults;
mod settings;
mod streams;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware::map_response,
    response::{Html, IntoResponse, Response},
    routing::{any, delete, get},
};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{error::Failure, shared::Shared};

pub(crate) type SharedState = State<Arc<Shared>>;

/// How large a state may be that is loaded, in bytes.
const STATE_LIMIT: usize = 1 << 30;

/// The routes of the admin API.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let state = get(controls::state).put(controls::load_state).layer(DefaultBodyLimit::max(STATE_LIMIT));
    Router::new()
        .route("/_simulator", get(dashboard))
        .route("/_simulator/", get(dashboard))
        .route("/_simulator/calls", get(calls::list).delete(calls::clear))
        .route("/_simulator/state", state)
        .route("/_simulator/settings", get(controls::settings).patch(controls::set))
        .route("/_simulator/clock", get(controls::clock).post(controls::move_clock))
        .route("/_simulator/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_simulator/faults/{id}", delete(faults::remove))
        .route("/_simulator/resources/{*arn}", delete(remove))
        .route("/_simulator/{*rest}", any(unknown))
        .merge(streams::router())
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(in_json))
}

/// Gives what axum itself refuses, such as too large a body, the form of all other refusals.
async fn in_json(response: Response) -> Response {
    let is_text = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let status = response.status();
    if !status.is_client_error() || !response.headers().get(CONTENT_TYPE).is_some_and(is_text) {
        return response;
    }
    match response.into_body().collect().await {
        Ok(text) => json_error(status, &String::from_utf8_lossy(&text.to_bytes())),
        Err(error) => json_error(status, &error.to_string()),
    }
}

async fn dashboard(State(shared): SharedState) -> Html<String> {
    Html(dashboard::page(&shared))
}

async fn remove(State(shared): SharedState, Path(arn): Path<String>) -> Response {
    if shared.state().remove(&arn) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        failure_response(&Failure::not_found(&arn))
    }
}

async fn unknown() -> Response {
    json_error(StatusCode::NOT_FOUND, "the admin API has no such path; GET /_simulator lists them")
}

async fn wrong_method() -> Response {
    json_error(
        StatusCode::METHOD_NOT_ALLOWED,
        "the path is right, the method is not; GET /_simulator lists them",
    )
}

/// Reads a body, or says what is json_error with it.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes, what: &str) -> Result<T, Box<Response>> {
    let json_error =
        |reason: &str| Box::new(json_error(StatusCode::BAD_REQUEST, &format!("not {what}: {reason}")));
    // Which serde would take for an object, its members in their order.
    if body.trim_ascii().starts_with(b"[") {
        return Err(json_error("it is a list"));
    }
    serde_json::from_slice(body).map_err(|error| json_error(&error.to_string()))
}

pub(crate) fn failure_response(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_error(status, &failure.message)
}

pub(crate) fn json_error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
