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
    sts,
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
        Ok(_) if operation.success == 204 => {
            with_request_id(StatusCode::NO_CONTENT.into_response(), &ids::request())
        }
        Ok(output) => {
            let id = ids::request();
            let output = success(operation, output, &id);
            written(operation.service, StatusCode::OK, output, &id)
        }
        Err(failure) => refusal(operation.service, &failure),
    }
}

/// An error as that service gives it.
pub(super) fn refusal(service: Service, failure: &Failure) -> Response {
    let id = ids::request();
    with_code(written(service, status(failure.status), failure.text(service, &id), &id), service, failure)
}

/// The answer with a body that is not what it should be. What has no body gets one.
pub(super) fn malformed(operation: &Operation, outcome: Outcome, form: Garbage) -> Response {
    let id = ids::request();
    let (right, failure) = parts(operation, outcome, &id);
    let body = match form {
        Garbage::Truncated if right.len() > 2 => right.get(..right.len() / 2).unwrap_or("{").to_owned(),
        Garbage::Truncated => "{".to_owned(),
        Garbage::Wrong => r#"[{"unexpected": true}, 42, null]"#.to_owned(),
    };
    match failure {
        Some(failure) => with_code(
            written(operation.service, status(failure.status), body, &id),
            operation.service,
            &failure,
        ),
        None => written(operation.service, StatusCode::OK, body, &id),
    }
}

/// The answer with a body that comes in ten pieces, over so long.
pub(super) fn slow(operation: &Operation, outcome: Outcome, over: Duration) -> Response {
    const PIECES: usize = 10;
    let mut response = response(operation, outcome.clone());
    if response.status() == StatusCode::NO_CONTENT {
        return response;
    }
    let id = ids::request();
    let body = Bytes::from(parts(operation, outcome, &id).0);
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
    with_request_id(response, &id)
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
fn parts(operation: &Operation, outcome: Outcome, request_id: &str) -> (String, Option<Failure>) {
    match outcome {
        Ok(_) if operation.success == 204 => (String::new(), None),
        Ok(output) => (success(operation, output, request_id), None),
        Err(failure) => (failure.text(operation.service, request_id), Some(failure)),
    }
}

/// The output as the service writes it.
fn success(operation: &Operation, output: String, request_id: &str) -> String {
    match operation.service {
        Service::Sts => sts::answer(operation.name, &output, request_id),
        Service::Ivs | Service::IvsChat | Service::IvsRealtime => output,
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The code of an error in its header, for the services that do not have it in the body.
fn with_code(mut response: Response, service: Service, failure: &Failure) -> Response {
    if service != Service::Sts
        && let Ok(code) = HeaderValue::from_str(&failure.code)
    {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
    }
    response
}

/// A body in the form of the service.
fn written(service: Service, status: StatusCode, body: String, request_id: &str) -> Response {
    let form = if service == Service::Sts { "text/xml" } else { "application/json" };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(form))];
    with_request_id((status, headers, body).into_response(), request_id)
}

fn with_request_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
