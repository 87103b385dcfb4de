//! What is known of a call when it arrives: its body, its input, what it is about, which fault triggers it.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, request::Parts},
};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use super::Incoming;
use crate::{
    arn::Arn,
    auth,
    error::Failure,
    faults::FaultKind,
    journal::{Entry, Request},
    operation::Service,
    route::Route,
    server::BodyTimeout,
    shared::Shared,
};

/// How large the body of a request may be, in bytes.
const BODY_LIMIT: usize = 256 << 10;
/// How much of a larger one is still read, so that its sender gets to see the answer.
const DRAIN_LIMIT: usize = 8 << 20;

pub(super) fn late() -> Failure {
    Failure::new("RequestTimeoutException", 408, "The body of the request did not come in time")
}

pub(super) async fn read(mut body: Body) -> Result<Vec<u8>, Failure> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(unreadable)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= BODY_LIMIT {
            bytes.extend_from_slice(&data);
        } else if length > DRAIN_LIMIT {
            break;
        }
    }
    if length > BODY_LIMIT {
        let message = format!("The body of the request is larger than {BODY_LIMIT} bytes");
        return Err(Failure::new("RequestEntityTooLargeException", 413, message));
    }
    Ok(bytes)
}

fn unreadable(error: axum::Error) -> Failure {
    let error = error.into_inner();
    if error.is::<BodyTimeout>() {
        return late();
    }
    Failure::serialization(format!("the body cannot be read: {error}"))
}

impl Incoming {
    /// Writes the call down.
    pub(super) fn new(
        shared: &Shared,
        arrived: Duration,
        route: Route,
        parts: &Parts,
        body: Result<Vec<u8>, Failure>,
    ) -> Self {
        let operation = route.operation;
        let request = auth::Request {
            method: parts.method.as_str(),
            uri: &parts.uri,
            headers: &parts.headers,
            body: body.as_deref().unwrap_or_default(),
        };
        let is_form = operation.service == Service::Sts;
        let admitted =
            auth::check(&request, operation.service, &shared.account_region.region, shared.keys.as_ref());
        // What a form says is among the members of the route.
        let body = if is_form { body.map(|_| Vec::new()) } else { body };
        let (mut entry, input) = entry(shared, operation.name, arrived, parts, route.members, body);
        let batch = input.as_ref().map(|input| batch(shared, input)).unwrap_or_default();
        let names = [&entry.resource, &entry.name].into_iter().flatten().chain(&batch);
        let fault = shared.faults().trigger(operation.name, &names.map(String::as_str).collect::<Vec<_>>());
        entry.fault = fault.as_ref().map(FaultKind::name);
        let seq = shared.journal().begin(entry);
        let delays = shared.latencies().sample(operation.name);
        Self { seq, operation, input: admitted.and(input), fault, delays }
    }
}

/// What the journal tells of a call from its request on; and its input.
pub(super) fn entry(
    shared: &Shared,
    operation: impl Into<Cow<'static, str>>,
    arrived: Duration,
    parts: &Parts,
    members: Map<String, Value>,
    body: Result<Vec<u8>, Failure>,
) -> (Entry, Result<Value, Failure>) {
    let (input, request) = input(members, body);
    let (resource, name) = subject(shared, input.as_ref().unwrap_or(&Value::Null));
    let attempt = attempt(&parts.headers);
    let access_key = auth::access_key(&parts.headers).map(Box::from);
    (Entry { resource, name, attempt, access_key, ..Entry::new(operation, arrived, request) }, input)
}

/// The input: the body, with what is in the path and the query; and how the journal keeps it.
fn input(members: Map<String, Value>, body: Result<Vec<u8>, Failure>) -> (Result<Value, Failure>, Request) {
    let parsed = body.and_then(|body| match body.trim_ascii() {
        [] => Ok((json!({}), body)),
        text => match serde_json::from_slice(text) {
            Ok(input) => Ok((input, body)),
            Err(error) => Err(Failure::serialization(format!("the body is not JSON: {error}"))),
        },
    });
    match parsed {
        Ok((Value::Object(mut input), _)) if !members.is_empty() => {
            input.extend(members);
            let input = Value::Object(input);
            (Ok(input.clone()), Request::Members(Box::new(input)))
        }
        Ok((input, body)) => (Ok(input), Request::Body(body.into_boxed_slice())),
        Err(failure) => (Err(failure), Request::Malformed),
    }
}

/// The ARN or the name in a request.
pub(super) fn resource(request: &Value) -> Option<&str> {
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
    let resource = MEMBERS.iter().find_map(|member| request.get(member)?.as_str());
    resource.filter(|resource| !resource.is_empty())
}

/// What a call is about: the ARN or name in its request, and the name of that resource.
fn subject(shared: &Shared, request: &Value) -> (Option<String>, Option<String>) {
    const LONGEST: usize = 256;
    let Some(resource) = resource(request) else { return (None, None) };
    let name = match Arn::parse(resource) {
        Some(_) => shared.state().name(resource),
        None => Some(resource.chars().take(LONGEST).collect()),
    };
    (Some(resource.chars().take(LONGEST).collect()), name)
}

/// The ARNs in a batch, and the names of those resources.
fn batch(shared: &Shared, request: &Value) -> Vec<String> {
    let arns = request.get("arns").and_then(Value::as_array).into_iter().flatten();
    let named = |arn: &str| [Some(arn.to_owned()), shared.state().name(arn)];
    arns.filter_map(Value::as_str).flat_map(named).flatten().collect()
}

/// The header reads `attempt=1; max=3`.
fn attempt(headers: &HeaderMap) -> Option<u32> {
    let header = headers.get("amz-sdk-request")?.to_str().ok()?;
    header.split(';').find_map(|part| part.trim().strip_prefix("attempt=")?.parse().ok())
}
