//! The body of a request: its format, its bytes, and the fields of a form.

use std::convert::Infallible;

use axum::{
    Form,
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use http_guards::fields::{self, Separator};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use super::{format::Format, problem::Problem};

/// Media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// Media type of JSON.
pub(super) const JSON: &str = "application/json";

/// Returns the format of the response: that of the body, or else what the Accept field asks for.
#[must_use]
pub fn response_format(headers: &HeaderMap) -> Format {
    body_format(headers).unwrap_or_else(|| Format::accepted(headers))
}

/// Returns the format of the body by its content type.
pub fn body_format(headers: &HeaderMap) -> Option<Format> {
    if fields::has_media_type(headers, JSON) {
        Some(Format::Json)
    } else if fields::has_media_type(headers, FORM) {
        Some(Format::Html)
    } else {
        None
    }
}

/// Reads the body of a request, within the limit that the router sets.
///
/// # Errors
/// Returns the problem of a body that cannot be read.
pub async fn read(request: Request) -> Result<Bytes, Problem> {
    let codings = fields::elements(request.headers(), header::CONTENT_ENCODING, Separator::Comma);
    let is_encoded = codings.into_iter().any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    match Bytes::from_request(request, &()).await {
        // The body is read first: a client that is still sending may not read the response.
        Ok(_) if is_encoded => Err(Problem::encoded_body()),
        Ok(body) => Ok(body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::too_large()),
        Err(rejection) if http_guards::is_timeout(&rejection) => Err(Problem::request_timeout()),
        Err(_) => Err(Problem::incomplete_body()),
    }
}

/// Reads the fields of a form.
///
/// # Errors
/// Returns a problem if the form is not UTF-8, or has a field twice.
pub async fn read_form<T: DeserializeOwned>(body: Bytes) -> Result<T, Problem> {
    if !is_utf8_form(&body) {
        return Err(Problem::form_not_utf8());
    }
    // axum's form extractor checks the method and the content type as well.
    let mut request = Request::post("/").body(Body::from(body)).map_err(|_| Problem::unreadable_form())?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
    let fields = Form::<T>::from_request(request, &()).await;
    fields.map(|Form(fields)| fields).map_err(|_| Problem::unreadable_form())
}

/// Returns true if all names and values are UTF-8. The form extractor replaces what is not, which would make
/// different passwords equal.
fn is_utf8_form(body: &[u8]) -> bool {
    let mut parts = body.split(|byte| matches!(byte, b'&' | b'='));
    parts.all(|part| percent_decode(part).decode_utf8().is_ok())
}

/// The form in the body of a request, or the problem of a body that is none.
#[derive(Debug)]
pub struct SubmittedForm<T>(pub Result<T, Problem>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for SubmittedForm<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        if body_format(request.headers()) != Some(Format::Html) {
            return Ok(Self(Err(Problem::unsupported_media_type())));
        }
        let form = match read(request).await {
            Ok(body) => read_form(body).await,
            Err(problem) => Err(problem),
        };
        Ok(Self(form))
    }
}
