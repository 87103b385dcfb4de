//! The HTTP responses: the correct one for an outcome, and those that faults produce.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures::stream;

use crate::{
    api_error::ApiError, codec::Outcome, faults::Garbage, ids, operation::Operation, server::CloseConnection,
    service::Service, sts,
};

/// Returns the response that AWS sends for an outcome.
pub(super) fn from_outcome(operation: &Operation, outcome: Outcome) -> Response {
    match outcome {
        Ok(_) if operation.success == 204 => {
            with_request_id(StatusCode::NO_CONTENT.into_response(), &ids::request())
        }
        Ok(output) => {
            let id = ids::request();
            let output = success_body(operation, output, &id);
            with_body(operation.service, StatusCode::OK, output, &id)
        }
        Err(error) => self::error(operation.service, &error),
    }
}

/// Returns the response that the service sends for an error.
pub(super) fn error(service: Service, error: &ApiError) -> Response {
    let id = ids::request();
    let response = with_body(service, status(error.status), error_body(service, error, &id), &id);
    with_error_code(response, service, error)
}

/// Returns the response with a malformed body. A response without a body gets one.
pub(super) fn malformed(operation: &Operation, outcome: Outcome, defect: Garbage) -> Response {
    let id = ids::request();
    let (right, error) = body_and_error(operation, outcome, &id);
    let body = match defect {
        Garbage::Truncated if right.len() > 2 => right.get(..right.len() / 2).unwrap_or("{").to_owned(),
        Garbage::Truncated => "{".to_owned(),
        Garbage::Wrong => r#"[{"unexpected": true}, 42, null]"#.to_owned(),
    };
    match error {
        Some(error) => with_error_code(
            with_body(operation.service, status(error.status), body, &id),
            operation.service,
            &error,
        ),
        None => with_body(operation.service, StatusCode::OK, body, &id),
    }
}

/// Returns the response with a body that is sent in ten pieces over the duration.
pub(super) fn slow(operation: &Operation, outcome: Outcome, over: Duration) -> Response {
    const PIECES: usize = 10;
    let mut response = from_outcome(operation, outcome.clone());
    if response.status() == StatusCode::NO_CONTENT {
        return response;
    }
    let id = ids::request();
    let body = Bytes::from(body_and_error(operation, outcome, &id).0);
    let (size, delay) = (body.len().div_ceil(PIECES).max(1), over / 10);
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(delay).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    *response.body_mut() = Body::from_stream(pieces);
    response.headers_mut().remove("content-length");
    with_request_id(response, &id)
}

/// Returns the error page of a proxy in front of AWS.
pub(super) fn html_page(code: u16) -> Response {
    let status = status(code);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(CONTENT_TYPE, HeaderValue::from_static("text/html"))], page).into_response()
}

/// Returns a response that the server does not send: it closes the connection instead.
pub(super) fn close_connection() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(CloseConnection);
    response
}

/// Returns the correct body of an outcome, and the error if it is one.
fn body_and_error(operation: &Operation, outcome: Outcome, request_id: &str) -> (String, Option<ApiError>) {
    match outcome {
        Ok(_) if operation.success == 204 => (String::new(), None),
        Ok(output) => (success_body(operation, output, request_id), None),
        Err(error) => (error_body(operation.service, &error, request_id), Some(error)),
    }
}

/// Returns the body of a success in the format of the service.
fn success_body(operation: &Operation, output: String, request_id: &str) -> String {
    match operation.service {
        Service::Sts => sts::success_body(operation.name, &output, request_id),
        Service::Ivs | Service::IvsChat | Service::IvsRealtime => output,
    }
}

/// Returns the body of an error in the format of the service.
fn error_body(service: Service, error: &ApiError, request_id: &str) -> String {
    match service {
        Service::Sts => sts::error_body(error, request_id),
        Service::Ivs | Service::IvsChat | Service::IvsRealtime => error.body(service).to_string(),
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Adds the header with the error code, for the services that do not have it in the body.
fn with_error_code(mut response: Response, service: Service, error: &ApiError) -> Response {
    if service != Service::Sts
        && let Ok(code) = HeaderValue::from_str(&error.code)
    {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
    }
    response
}

/// Returns a response with a body in the format of the service.
fn with_body(service: Service, status: StatusCode, body: String, request_id: &str) -> Response {
    let content_type = if service == Service::Sts { "text/xml" } else { "application/json" };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
    with_request_id((status, headers, body).into_response(), request_id)
}

fn with_request_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
