//! The common parts of all handlers: the shared data, the decoding of request bodies, and JSON errors.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{api_error::ApiError, shared::Shared};

pub(super) type SharedState = State<Arc<Shared>>;

/// Decodes a request body. `expected` describes it in the error.
pub(super) fn decode_body<T: DeserializeOwned>(body: &Bytes, expected: &str) -> Result<T, Box<Response>> {
    let error = |reason: &str| {
        Box::new(json_error(StatusCode::BAD_REQUEST, &format!("the body must be {expected}: {reason}")))
    };
    // Without this check, serde would accept a list of members in the order of the struct.
    if body.trim_ascii().starts_with(b"[") {
        return Err(error("it is a list"));
    }
    serde_json::from_slice(body).map_err(|reason| error(&reason.to_string()))
}

/// Returns the response for an error of the simulated API.
pub(super) fn api_error(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, &error.code, &error.message)
}

/// Returns a response with an error message.
pub(super) fn json_error(status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::NOT_FOUND => "UnknownOperationException",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowedException",
        StatusCode::REQUEST_TIMEOUT => "RequestTimeoutException",
        StatusCode::PAYLOAD_TOO_LARGE => "RequestEntityTooLargeException",
        status if status.is_server_error() => "InternalServerException",
        _ => "ValidationException",
    };
    response(status, code, message)
}

/// Returns a response with an error code where SDKs look for it, because one may be sent here by mistake.
fn response(status: StatusCode, code: &str, message: &str) -> Response {
    let header = [(HeaderName::from_static("x-amzn-errortype"), code.to_owned())];
    (status, header, Json(json!({ "__type": code, "message": message }))).into_response()
}
