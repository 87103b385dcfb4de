//! Simulated broadcasts and participants: encoders, viewers, people on stages, and the events about them.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::response::{SharedState, api_error, decode_body, json_error};
use crate::{
    api_error::ApiError,
    ivs::encoder,
    model::{stage_session::NewParticipant, stream::Health},
    realtime::stage_session,
    shared::Shared,
};

/// Returns the routes.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_simulator/channels/{*live}", post(go_live).delete(go_offline))
        .route("/_simulator/stages/{*sessions}", post(join).delete(leave))
        .route("/_simulator/events", get(events).delete(clear_events))
}

/// A change of a stream.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct StreamUpdate {
    viewer_count: Option<u64>,
    health: Option<Health>,
}

async fn go_live(State(shared): SharedState, Path(path): Path<String>, body: Bytes) -> Response {
    let Some(arn) = path.strip_suffix("/live") else { return channel_path_error() };
    let StreamUpdate { viewer_count, health } = match decode_optional_body(&body) {
        Ok(update) => update,
        Err(response) => return *response,
    };
    let mut state = shared.state();
    if let Err(error) = encoder::connect(&mut state, arn) {
        return api_error(&error);
    }
    encoder::update(&mut state, arn, viewer_count, health);
    Json(json!({ "arn": arn, "live": true })).into_response()
}

async fn go_offline(State(shared): SharedState, Path(path): Path<String>) -> Response {
    let Some(arn) = path.strip_suffix("/live") else { return channel_path_error() };
    match encoder::disconnect(&mut shared.state(), arn) {
        Ok(()) => Json(json!({ "arn": arn, "live": false })).into_response(),
        Err(error) => api_error(&error),
    }
}

fn channel_path_error() -> Response {
    json_error(StatusCode::NOT_FOUND, "unknown path; use /_simulator/channels/{arn}/live")
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Join {
    participants: Option<Vec<NewParticipant>>,
}

async fn join(State(shared): SharedState, Path(path): Path<String>, body: Bytes) -> Response {
    let Some(arn) = path.strip_suffix("/sessions") else { return stage_path_error() };
    let joining = match decode_optional_body::<Join>(&body) {
        Ok(join) => join.participants.unwrap_or_else(|| vec![NewParticipant::default()]),
        Err(response) => return *response,
    };
    if joining.is_empty() {
        return json_error(StatusCode::BAD_REQUEST, "participants: must contain at least one participant");
    }
    match stage_session::join(&mut shared.state(), arn, joining) {
        Ok(joined) => (StatusCode::CREATED, Json(joined)).into_response(),
        Err(error) => api_error(&error),
    }
}

async fn leave(State(shared): SharedState, Path(path): Path<String>) -> Response {
    let Some(arn) = path.strip_suffix("/sessions") else { return stage_path_error() };
    if stage_session::end(&mut shared.state(), arn) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        api_error(&ApiError::not_found(&format!("an active session of {arn}")))
    }
}

fn stage_path_error() -> Response {
    json_error(StatusCode::NOT_FOUND, "unknown path; use /_simulator/stages/{arn}/sessions")
}

async fn events(State(shared): SharedState) -> Response {
    let state = shared.state();
    Json(json!({ "events": state.events.all().collect::<Vec<_>>() })).into_response()
}

async fn clear_events(State(shared): SharedState) -> StatusCode {
    shared.state().events.clear();
    StatusCode::NO_CONTENT
}

/// Decodes a request body. An empty body stands for the default.
fn decode_optional_body<T: Default + DeserializeOwned>(body: &Bytes) -> Result<T, Box<Response>> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    decode_body(body, "an object with the members of this path")
}
