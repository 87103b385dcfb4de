//! The state as a whole, the settings, and the clock.

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

use super::{SharedState, json_error, read, settings::Settings};
use crate::{clock::iso8601, duration::in_words, shared::Shared, timestamp};

pub(super) async fn state(State(shared): SharedState) -> Response {
    Json(shared.state().dump()).into_response()
}

pub(super) async fn load_state(State(shared): SharedState, body: Bytes) -> Response {
    let dump: Value = match read(&body, "a state") {
        Ok(dump) => dump,
        Err(response) => return *response,
    };
    done(shared.state().load(dump), || StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn settings(State(shared): SharedState) -> Response {
    Json(Settings::to_json(&shared)).into_response()
}

pub(super) async fn set(State(shared): SharedState, body: Bytes) -> Response {
    let settings: Settings = match read(&body, "settings") {
        Ok(settings) => settings,
        Err(response) => return *response,
    };
    done(settings.apply(&shared), || Json(Settings::to_json(&shared)).into_response())
}

/// How the clock is moved.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Move {
    Advance(#[serde(with = "in_words")] Duration),
    Set(#[serde(with = "timestamp")] Timestamp),
}

pub(super) async fn clock(State(shared): SharedState) -> Response {
    clock_response(&shared)
}

pub(super) async fn move_clock(State(shared): SharedState, body: Bytes) -> Response {
    let moved = match read(&body, "a move of the clock, such as {\"advance\": \"720d\"}") {
        Ok(Move::Advance(duration)) => shared.clock.advance(duration),
        Ok(Move::Set(time)) => {
            shared.clock.set(time);
            Ok(())
        }
        Err(response) => return *response,
    };
    done(moved, || clock_response(&shared))
}

fn clock_response(shared: &Shared) -> Response {
    // Whatever is due by now happens now, and not when somebody looks.
    drop(shared.state());
    let moved = shared.clock.moved().as_secs_f64();
    Json(json!({ "now": iso8601(shared.clock.now()), "movedSeconds": moved })).into_response()
}

fn done(result: Result<(), String>, response: impl FnOnce() -> Response) -> Response {
    match result {
        Ok(()) => response(),
        Err(message) => json_error(StatusCode::BAD_REQUEST, &message),
    }
}
