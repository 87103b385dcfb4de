//! The state, the settings, and the clock.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    response::{SharedState, decode_body, json_error},
    settings::SimulatorSettings,
};
use crate::{clock::iso8601, duration::human_readable, shared::Shared, timestamp};

pub(super) async fn state(State(shared): SharedState) -> Response {
    Json(shared.state().dump()).into_response()
}

pub(super) async fn load_state(State(shared): SharedState, body: Bytes) -> Response {
    let dump: Value = match decode_body(&body, "a state dump") {
        Ok(dump) => dump,
        Err(response) => return *response,
    };
    result_response(shared.state().load(dump), || StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn settings(State(shared): SharedState) -> Response {
    Json(SimulatorSettings::to_json(&shared)).into_response()
}

pub(super) async fn update_settings(State(shared): SharedState, body: Bytes) -> Response {
    let settings: SimulatorSettings = match decode_body(&body, "an object of settings") {
        Ok(settings) => settings,
        Err(response) => return *response,
    };
    result_response(settings.apply(&shared), || Json(SimulatorSettings::to_json(&shared)).into_response())
}

/// A change of the clock.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Move {
    Advance(#[serde(with = "human_readable")] Duration),
    Set(#[serde(with = "timestamp")] Timestamp),
}

pub(super) async fn clock(State(shared): SharedState) -> Response {
    clock_response(&shared)
}

pub(super) async fn move_clock(State(shared): SharedState, body: Bytes) -> Response {
    let result = match decode_body(&body, "a change of the clock, such as {\"advance\": \"720d\"}") {
        Ok(Move::Advance(duration)) => shared.clock.advance(duration),
        Ok(Move::Set(time)) => {
            shared.clock.set(time);
            Ok(())
        }
        Err(response) => return *response,
    };
    result_response(result, || clock_response(&shared))
}

fn clock_response(shared: &Shared) -> Response {
    // Fires the timers that are due now, instead of at the next access to the state.
    drop(shared.state());
    let moved = shared.clock.moved().as_secs_f64();
    Json(json!({ "now": iso8601(shared.clock.now()), "movedSeconds": moved })).into_response()
}

fn result_response(result: Result<(), String>, response: impl FnOnce() -> Response) -> Response {
    match result {
        Ok(()) => response(),
        Err(message) => json_error(StatusCode::BAD_REQUEST, &message),
    }
}
