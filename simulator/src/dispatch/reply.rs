//! What becomes of a call: the right answer, or what a fault makes of it.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures::stream;

use super::Unsent;
use crate::{
    error::Failure,
    faults::Garbage,
    ids,
    operation::{Operation, Outcome, Service},
};

/// What becomes of a call.
pub(super) enum Reply {
    Answer(Response),
    Close,
    Hang,
}

/// The answer as AWS gives it.
pub(super) fn response(operation: &Operation, outcome: Outcome) -> Response {
    match outcome {
        Ok(_) if operation.success == 204 => with_request_id(StatusCode::NO_CONTENT.into_response()),
        Ok(output) => json_response(StatusCode::OK, output),
        Err(failure) => refusal(operation.service, &failure),
    }
}

/// An error as that service gives it.
pub(super) fn refusal(service: Service, failure: &Failure) -> Response {
    with_code(json_response(status(failure.status), failure.body(service).to_string()), failure)
}

/// The answer with a body that is not what it should be. What has no body gets one.
pub(super) fn garbled(operation: &Operation, outcome: Outcome, form: Garbage) -> Response {
    let (right, failure) = parts(operation, outcome);
    let body = match form {
        Garbage::Truncated if right.len() > 2 => right.get(..right.len() / 2).unwrap_or("{").to_owned(),
        Garbage::Truncated => "{".to_owned(),
        Garbage::Wrong => r#"[{"unexpected": true}, 42, null]"#.to_owned(),
    };
    match failure {
        Some(failure) => with_code(json_response(status(failure.status), body), &failure),
        None => json_response(StatusCode::OK, body),
    }
}

/// The answer with a body that comes in ten pieces, over so long.
pub(super) fn slow(operation: &Operation, outcome: Outcome, over: Duration) -> Response {
    const PIECES: usize = 10;
    let mut response = response(operation, outcome.clone());
    if response.status() == StatusCode::NO_CONTENT {
        return response;
    }
    let body = Bytes::from(parts(operation, outcome).0);
    let (size, pause) = (body.len().div_ceil(PIECES).max(1), over / 10);
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    *response.body_mut() = Body::from_stream(pieces);
    response.headers_mut().remove("content-length");
    response
}

/// The page of a proxy in front of AWS that has a bad day.
pub(super) fn page(code: u16) -> Response {
    let status = status(code);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(CONTENT_TYPE, HeaderValue::from_static("text/html"))], page).into_response()
}

/// No answer: the connection is closed.
pub(super) fn closed() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Unsent);
    response
}

/// The right body, and the failure if it is one.
fn parts(operation: &Operation, outcome: Outcome) -> (String, Option<Failure>) {
    match outcome {
        Ok(_) if operation.success == 204 => (String::new(), None),
        Ok(output) => (output, None),
        Err(failure) => (failure.body(operation.service).to_string(), Some(failure)),
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn with_code(mut response: Response, failure: &Failure) -> Response {
    if let Ok(code) = HeaderValue::from_str(&failure.code) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
    }
    response
}

fn json_response(status: StatusCode, body: String) -> Response {
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    with_request_id((status, headers, body).into_response())
}

fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&ids::request()) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
