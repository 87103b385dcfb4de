//! The parts of a request: its body, its input, and its entry in the journal.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, request::Parts},
};
use http_body_util::BodyExt;
use http_guards::fields::{self, Separator};
use serde_json::{Map, Value, json};

use crate::{
    api_error::ApiError,
    arn::Arn,
    auth,
    journal::{CallInput, JournalEntry},
    shared::Shared,
};

/// The maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 256 << 10;
/// The maximum number of bytes to read from a body that is too large, so that its sender gets to read the
/// response.
const MAX_DRAINED_BYTES: usize = 8 << 20;

/// Reads the body of a request.
pub(super) async fn read_body(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(read_error)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        } else if length > MAX_DRAINED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES {
        let message = format!("The request body is larger than {MAX_BODY_BYTES} bytes");
        return Err(ApiError::new("RequestEntityTooLargeException", 413, message));
    }
    Ok(bytes)
}

fn read_error(error: axum::Error) -> ApiError {
    if http_guards::is_timeout(&error) {
        return ApiError::new("RequestTimeoutException", 408, "Timed out while reading the request body");
    }
    let error = error.into_inner();
    ApiError::serialization(format!("cannot read the request body: {error}"))
}

/// Returns the journal entry of a call that has arrived, and the input of the call.
pub(super) fn entry(
    shared: &Shared,
    operation: impl Into<Cow<'static, str>>,
    arrived: Duration,
    parts: &Parts,
    members: Map<String, Value>,
    body: Result<Vec<u8>, ApiError>,
) -> (JournalEntry, Result<Value, ApiError>) {
    let (input, request) = input(members, body);
    let (resource, name) = subject(shared, input.as_ref().unwrap_or(&Value::Null));
    let attempt = attempt(&parts.headers);
    let access_key = auth::access_key(&parts.headers).map(Box::from);
    let entry = JournalEntry::new(operation, arrived, request);
    (JournalEntry { resource, name, attempt, access_key, ..entry }, input)
}

/// Merges the body with the members in the path and the query. Returns the input, and its form in the
/// journal.
fn input(
    members: Map<String, Value>,
    body: Result<Vec<u8>, ApiError>,
) -> (Result<Value, ApiError>, CallInput) {
    let parsed = body.and_then(|body| match body.trim_ascii() {
        [] => Ok((json!({}), body)),
        text => match serde_json::from_slice(text) {
            Ok(input) => Ok((input, body)),
            Err(error) => {
                Err(ApiError::serialization(format!("the request body is not valid JSON: {error}")))
            }
        },
    });
    match parsed {
        Ok((Value::Object(mut input), _)) if !members.is_empty() => {
            input.extend(members);
            let input = Value::Object(input);
            (Ok(input.clone()), CallInput::Members(Box::new(input)))
        }
        Ok((input, body)) => (Ok(input), CallInput::Body(body.into_boxed_slice())),
        Err(error) => (Err(error), CallInput::Malformed),
    }
}

/// Returns the ARN or the name in an input.
pub(super) fn resource(input: &Value) -> Option<&str> {
    const MEMBERS: &[&str] = &[
        "arn",
        "identifier",
        "channelArn",
        "resourceArn",
        "stageArn",
        "roomIdentifier",
        "name",
        "filterByName",
    ];
    let resource = MEMBERS.iter().find_map(|member| input.get(member)?.as_str());
    resource.filter(|resource| !resource.is_empty())
}

/// Returns the ARN or name in an input, and the name of that resource.
fn subject(shared: &Shared, input: &Value) -> (Option<String>, Option<String>) {
    /// The maximum length of an ARN or a name in the journal, in characters.
    const MAX_CHARS: usize = 256;
    let Some(resource) = resource(input) else { return (None, None) };
    let truncated: String = resource.chars().take(MAX_CHARS).collect();
    let name = match Arn::parse(resource) {
        Some(_) => shared.state().name(resource),
        None => Some(truncated.clone()),
    };
    (Some(truncated), name)
}

/// Returns the ARNs in the input of a batch operation, and the names of those resources.
pub(super) fn batch(shared: &Shared, input: &Value) -> Vec<String> {
    let arns = input.get("arns").and_then(Value::as_array).into_iter().flatten();
    let named = |arn: &str| [Some(arn.to_owned()), shared.state().name(arn)];
    arns.filter_map(Value::as_str).flat_map(named).flatten().collect()
}

/// Returns the attempt number in the SDK's header, such as `attempt=1; max=3`.
fn attempt(headers: &HeaderMap) -> Option<u32> {
    let mut parts = fields::elements(headers, "amz-sdk-request", Separator::Semicolon);
    parts.find_map(|part| str::from_utf8(part).ok()?.strip_prefix("attempt=")?.parse().ok())
}
