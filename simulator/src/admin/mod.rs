//! The admin API under `/_simulator`: the journal, the state, faults, settings, and simulated broadcasts.

mod calls;
mod controls;
mod dashboard;
mod faults;
mod response;
mod settings;
mod streams;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware::map_response,
    response::{Html, IntoResponse, Response},
    routing::{any, delete, get},
};
use http_body_util::BodyExt;

use self::response::{SharedState, api_error, json_error};
use crate::{api_error::ApiError, lifecycle, shared::Shared};

/// The maximum size of a state that is loaded, in bytes.
const MAX_STATE_BYTES: usize = 1 << 30;

/// Returns the routes of the admin API.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let state = get(controls::state).put(controls::load_state).layer(DefaultBodyLimit::max(MAX_STATE_BYTES));
    Router::new()
        .route("/_simulator", get(dashboard))
        .route("/_simulator/", get(dashboard))
        .route("/_simulator/calls", get(calls::list).delete(calls::clear))
        .route("/_simulator/state", state)
        .route("/_simulator/settings", get(controls::settings).patch(controls::update_settings))
        .route("/_simulator/clock", get(controls::clock).post(controls::move_clock))
        .route("/_simulator/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_simulator/faults/{id}", delete(faults::remove))
        .route("/_simulator/resources/{*arn}", delete(remove))
        .route("/_simulator/{*rest}", any(unknown_path))
        .merge(streams::router())
        .method_not_allowed_fallback(unknown_method)
        .layer(map_response(text_errors_to_json))
}

/// Converts the plain-text errors of axum, such as for a body that is too large, to the JSON format of all
/// other errors.
async fn text_errors_to_json(response: Response) -> Response {
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
    if lifecycle::remove(&mut shared.state(), &arn) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        api_error(&ApiError::not_found(&arn))
    }
}

async fn unknown_path() -> Response {
    json_error(StatusCode::NOT_FOUND, "unknown path; see GET /_simulator for the paths of the admin API")
}

async fn unknown_method() -> Response {
    let message = "this path does not support the method; see GET /_simulator for the methods";
    json_error(StatusCode::METHOD_NOT_ALLOWED, message)
}
