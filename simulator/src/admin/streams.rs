//! The part of the admin API that is the streams outside of AWS: encoders, viewers, people on stages, and the events that
//! tell of them.

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

use crate::{
    admin::{self, failure_response, json_error},
    error::Failure,
    ivs::stream::{self, Health},
    realtime::session::{self, NewParticipant},
    shared::Shared,
};

type SharedState = State<Arc<Shared>>;

/// The routes.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_simulator/channels/{*live}", post(go_live).delete(go_offline))
        .route("/_simulator/stages/{*sessions}", post(join).delete(leave))
        .route("/_simulator/events", get(events).delete(clear_events))
}

/// What is seen of a stream.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Seen {
    viewer_count: Option<u64>,
    health: Option<Health>,
}

async fn go_live(State(shared): SharedState, Path(path): Path<String>, body: Bytes) -> Response {
    let Some(arn) = path.strip_suffix("/live") else { return no_channel() };
    let Seen { viewer_count, health } = match read(&body) {
        Ok(seen) => seen,
        Err(response) => return *response,
    };
    let mut state = shared.state();
    if let Err(failure) = stream::start(&mut state, arn) {
        return failure_response(&failure);
    }
    stream::set(&mut state, arn, viewer_count, health);
    Json(json!({ "arn": arn, "live": true })).into_response()
}

async fn go_offline(State(shared): SharedState, Path(path): Path<String>) -> Response {
    let Some(arn) = path.strip_suffix("/live") else { return no_channel() };
    match stream::end(&mut shared.state(), arn) {
        Ok(()) => Json(json!({ "arn": arn, "live": false })).into_response(),
        Err(failure) => failure_response(&failure),
    }
}

fn no_channel() -> Response {
    json_error(StatusCode::NOT_FOUND, "the path is /_simulator/channels/{arn}/live")
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Join {
    participants: Option<Vec<NewParticipant>>,
}

async fn join(State(shared): SharedState, Path(path): Path<String>, body: Bytes) -> Response {
    let Some(arn) = path.strip_suffix("/sessions") else { return no_stage() };
    let joining = match read::<Join>(&body) {
        Ok(join) => join.participants.unwrap_or_else(|| vec![NewParticipant::default()]),
        Err(response) => return *response,
    };
    if joining.is_empty() {
        return json_error(StatusCode::BAD_REQUEST, "participants: there must be at least one");
    }
    match session::join(&mut shared.state(), arn, joining) {
        Ok(joined) => (StatusCode::CREATED, Json(joined)).into_response(),
        Err(failure) => failure_response(&failure),
    }
}

async fn leave(State(shared): SharedState, Path(path): Path<String>) -> Response {
    let Some(arn) = path.strip_suffix("/sessions") else { return no_stage() };
    if session::end(&mut shared.state(), arn) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        failure_response(&Failure::not_found(&format!("an active session of {arn}")))
    }
}

fn no_stage() -> Response {
    json_error(StatusCode::NOT_FOUND, "the path is /_simulator/stages/{arn}/sessions")
}

async fn events(State(shared): SharedState) -> Response {
    let state = shared.state();
    Json(json!({ "events": state.events.all().collect::<Vec<_>>() })).into_response()
}

async fn clear_events(State(shared): SharedState) -> StatusCode {
    shared.state().events.clear();
    StatusCode::NO_CONTENT
}

/// Reads a body, of which nothing at all will do.
fn read<T: Default + DeserializeOwned>(body: &Bytes) -> Result<T, Box<Response>> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    admin::read(body, "what this path takes")
}
