//! An AWS call from its arrival to its answer: authorization, faults, latency, effect, journal.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State as Extracted},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{
    arn::Arn,
    auth,
    error::Failure,
    faults::FaultKind,
    ids,
    journal::Call,
    operation::{Operation, Outcome, Service},
    route::{self, NoRoute, Route},
    shared::Shared,
};

/// How large the body of a request may be, in bytes.
const BODY_LIMIT: usize = 256 << 10;
/// How much of a larger one is still read, so that its sender gets to see the answer.
const DRAIN_LIMIT: usize = 8 << 20;
/// How long the body of a request may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// In an answer's extensions: close the connection instead of sending it.
#[derive(Clone, Copy)]
pub(crate) struct Unsent;

/// What becomes of a call.
enum Reply {
    Answer(Response),
    Close,
    Hang,
}

/// Answers every path that is not the admin API's.
pub(crate) async fn handle(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    let arrived = shared.clock.elapsed();
    let (parts, body) = request.into_parts();
    let route = match route::find(&parts) {
        Ok(route) => route,
        Err(NoRoute { service, failure }) => {
            // Read all the same: a connection with half a request on it is of no more use.
            let _ = tokio::time::timeout(BODY_TIMEOUT, read(body)).await;
            return refusal(service, &failure);
        }
    };
    let service = route.operation.service;
    let body = tokio::time::timeout(BODY_TIMEOUT, read(body)).await.unwrap_or_else(|_| Err(late()));
    let incoming = Incoming::new(&shared, arrived, route, &parts, body);
    // In a task of its own: as at AWS, a call goes on when its caller is gone.
    match tokio::spawn(incoming.carry_out(shared)).await {
        Ok(Reply::Answer(response)) => response,
        Ok(Reply::Close) => closed(),
        Ok(Reply::Hang) => std::future::pending().await,
        Err(error) => refusal(service, &Failure::internal(format!("the simulator failed: {error}"))),
    }
}

fn late() -> Failure {
    Failure::new("RequestTimeoutException", 408, "The body of the request did not come in time")
}

async fn read(mut body: Body) -> Result<Vec<u8>, Failure> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::serialization(format!("the body cannot be read: {error}")))?;
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

/// A call that is in the journal, and not yet carried out.
struct Incoming {
    seq: u64,
    operation: &'static Operation,
    /// The input, or why it is refused at the door.
    input: Result<Value, Failure>,
    fault: Option<FaultKind>,
}

impl Incoming {
    fn new(
        shared: &Shared,
        arrived: Duration,
        route: Route,
        parts: &Parts,
        body: Result<Vec<u8>, Failure>,
    ) -> Self {
        let operation = route.operation;
        let size = body.as_ref().map_or(0, Vec::len);
        let request = auth::Request {
            method: parts.method.as_str(),
            uri: &parts.uri,
            headers: &parts.headers,
            body: body.as_deref().unwrap_or_default(),
        };
        let admitted = auth::check(&request, operation.service, &shared.place.region, shared.keys.as_ref());
        let input = body.and_then(|body| input(route, &body));
        let request = input.clone().unwrap_or(Value::Null);
        let (resource, name) = subject(shared, &request);
        let fault = strike(shared, operation, resource.as_deref(), name.as_deref());
        let call = Call {
            seq: 0,
            operation: operation.name.to_owned(),
            resource,
            name,
            created: None,
            arrived,
            effected: None,
            answered: None,
            status: 0,
            error: None,
            fault: fault.as_ref().map(|fault| fault.name().to_owned()),
            attempt: attempt(&parts.headers),
            request,
        };
        let seq = shared.journal().begin(call, size);
        Self { seq, operation, input: admitted.and(input), fault }
    }

    async fn carry_out(self, shared: Arc<Shared>) -> Reply {
        let latency = shared.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match &self.fault {
            Some(FaultKind::Hang) => Reply::Hang,
            Some(FaultKind::Block) => self.close(&shared),
            Some(FaultKind::Error { code, status, message }) => {
                let failure = Failure::new(code.clone(), *status, message.clone());
                self.answer(&shared, Err(failure))
            }
            Some(FaultKind::ExecuteThenDrop) => {
                if let Err(failure) = self.execute(&shared) {
                    tracing::debug!(operation = self.operation.name, code = %failure.code, "unsent failure");
                }
                self.close(&shared)
            }
            None => {
                let outcome = self.execute(&shared);
                self.answer(&shared, outcome)
            }
        }
    }

    /// Has the effect, and notes when.
    fn execute(&self, shared: &Shared) -> Outcome {
        let input = self.input.as_ref().map_err(Clone::clone)?;
        self.operation.check(input)?;
        let mut state = shared.state();
        state.look(self.operation.reads());
        state.check_limit(self.operation.name)?;
        let output = (self.operation.run)(&mut state, input)?;
        // Noted under the lock, so that the journal's times are in the order of the effects.
        let effected = shared.clock.elapsed();
        drop(state);
        let created = created(self.operation, &output);
        shared.journal().amend(self.seq, |call| {
            call.effected = Some(effected);
            call.created = created;
        });
        Ok(output)
    }

    fn answer(&self, shared: &Shared, outcome: Outcome) -> Reply {
        let error = outcome.as_ref().err().map(|failure| failure.code.to_string());
        let response = response(self.operation, outcome);
        let status = response.status().as_u16();
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, status, error, "answered");
        shared.journal().amend(self.seq, |call| {
            call.answered = Some(shared.clock.elapsed());
            call.status = status;
            call.error = error;
        });
        Reply::Answer(response)
    }

    fn close(&self, shared: &Shared) -> Reply {
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, "connection closed");
        shared.journal().amend(self.seq, |call| call.answered = Some(shared.clock.elapsed()));
        Reply::Close
    }
}

/// The input: the body, with what is in the path and the query.
fn input(route: Route, body: &[u8]) -> Result<Value, Failure> {
    let mut input = match body.trim_ascii() {
        [] => json!({}),
        body => serde_json::from_slice(body)
            .map_err(|error| Failure::serialization(format!("the body is not JSON: {error}")))?,
    };
    if let Value::Object(members) = &mut input {
        members.extend(route.members);
    }
    Ok(input)
}

/// What a call is about: the ARN or name in its request, and the name of that resource.
fn subject(shared: &Shared, request: &Value) -> (Option<String>, Option<String>) {
    const MEMBERS: &[&str] = &["arn", "identifier", "channelArn", "resourceArn", "name", "filterByName"];
    const LONGEST: usize = 256;
    let resource = MEMBERS.iter().find_map(|member| request.get(member)?.as_str());
    let Some(resource) = resource.filter(|resource| !resource.is_empty()) else { return (None, None) };
    let name = match Arn::parse(resource) {
        Some(_) => shared.state().name(resource),
        None => Some(resource.chars().take(LONGEST).collect()),
    };
    (Some(resource.chars().take(LONGEST).collect()), name)
}

fn strike(
    shared: &Shared,
    operation: &Operation,
    resource: Option<&str>,
    name: Option<&str>,
) -> Option<FaultKind> {
    let names: Vec<_> = [resource, name].into_iter().flatten().collect();
    shared.faults().strike(operation.name, &names)
}

/// The header reads `attempt=1; max=3`.
fn attempt(headers: &HeaderMap) -> Option<u32> {
    let header = headers.get("amz-sdk-request")?.to_str().ok()?;
    header.split(';').find_map(|part| part.trim().strip_prefix("attempt=")?.parse().ok())
}

/// The ARN of what a Create made.
fn created(operation: &Operation, output: &Value) -> Option<String> {
    let made =
        ["channel", "stage", "streamKey"].iter().find_map(|member| output.get(member)).unwrap_or(output);
    let arn = made.get("arn")?.as_str()?;
    operation.name.starts_with("Create").then(|| arn.to_owned())
}

fn response(operation: &Operation, outcome: Outcome) -> Response {
    match outcome {
        Ok(_) if operation.success == 204 => with_request_id(StatusCode::NO_CONTENT.into_response()),
        Ok(output) => json_response(StatusCode::OK, &output),
        Err(failure) => refusal(operation.service, &failure),
    }
}

fn refusal(service: Service, failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, &failure.body(service));
    if let Ok(code) = HeaderValue::from_str(&failure.code) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
    }
    response
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    with_request_id((status, headers, body.to_string()).into_response())
}

fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&ids::request()) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

fn closed() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Unsent);
    response
}
