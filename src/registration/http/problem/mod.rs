//! Problems: everything that can go wrong with a request, rendered as a page or as problem details (RFC
//! 9457).
//!
//! The texts are in [`catalog`] (whole requests), [`field_errors`] (single fields), and [`issues`] (accounts
//! that are not ready).

mod catalog;
mod field_errors;
mod issues;

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

pub use self::{
    field_errors::{
        COMMON_PASSWORD, EMPTY_PASSWORD, FieldErrors, NO_LETTER_OR_DIGIT, OWN_NAME_PASSWORD,
        PASSWORD_PATTERN, PASSWORD_TOO_LONG, RESERVED_USERNAME, SAME_PASSWORD, password_too_short,
    },
    issues::issue_text,
};

/// Number of seconds after which a client may retry while something is unavailable.
const DEFAULT_RETRY_AFTER_SECONDS: u64 = 5;

/// A failed request, as the client sees it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The kind of problem.
    pub kind: ProblemKind,
    /// A short summary.
    pub title: &'static str,
    /// An explanation, and what to do. Never contains a secret or an internal name.
    pub detail: String,
    /// The errors of single fields.
    pub fields: Box<FieldErrors>,
    /// Number of seconds after which the client may retry.
    pub retry_after: Option<u64>,
}

/// The kind of a problem, as a URI that a client can compare
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum ProblemKind {
    /// The HTTP status says it all.
    #[serde(rename = "about:blank")]
    Plain,
    /// Some fields are invalid.
    #[serde(rename = "urn:streamcat:problem:invalid-fields")]
    InvalidFields,
    /// Another user has this username.
    #[serde(rename = "urn:streamcat:problem:username-taken")]
    UsernameTaken,
    /// The account with this username is being deleted.
    #[serde(rename = "urn:streamcat:problem:account-deleting")]
    AccountDeleting,
    /// The Idempotency-Key was used with another username.
    #[serde(rename = "urn:streamcat:problem:idempotency-key-reused")]
    IdempotencyKeyReused,
    /// Only the signed-in owner of the account may do this.
    #[serde(rename = "urn:streamcat:problem:not-signed-in")]
    NotSignedIn,
    /// The form is too old, or came without its cookie.
    #[serde(rename = "urn:streamcat:problem:stale-form")]
    StaleForm,
    /// The registration is temporarily unavailable; retry the same request.
    #[serde(rename = "urn:streamcat:problem:temporarily-unavailable")]
    Unavailable,
    /// Too many new accounts per minute; retry the same request.
    #[serde(rename = "urn:streamcat:problem:registration-rate-exceeded")]
    RegistrationRateExceeded,
    /// The number of accounts has reached its limit; retry later.
    #[serde(rename = "urn:streamcat:problem:capacity-reached")]
    CapacityReached,
}

/// Problem details (RFC 9457)
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails<'a> {
    #[serde(rename = "type")]
    kind: ProblemKind,
    /// A short summary
    title: &'a str,
    /// The HTTP status
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// An explanation, and what to do
    detail: &'a str,
    /// The errors of single fields, by field name
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    errors: BTreeMap<&'static str, &'a str>,
}

impl Problem {
    fn new(status: StatusCode, kind: ProblemKind, title: &'static str, detail: impl Into<String>) -> Self {
        let is_temporary = status == StatusCode::SERVICE_UNAVAILABLE;
        let retry_after = is_temporary.then_some(DEFAULT_RETRY_AFTER_SECONDS);
        Self { status, kind, title, detail: detail.into(), fields: Box::default(), retry_after }
    }

    /// Returns the problem as a JSON response with problem details.
    #[must_use]
    pub fn json(&self) -> Response {
        let fields = [("username", self.fields.username), ("password", self.fields.password.as_deref())];
        let details = ProblemDetails {
            kind: self.kind,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: fields.into_iter().filter_map(|(name, error)| Some((name, error?))).collect(),
        };
        let content_type = HeaderValue::from_static("application/problem+json");
        self.finish(([(header::CONTENT_TYPE, content_type)], Json(details)).into_response())
    }

    /// Sets the status of a response, and Retry-After if a retry can help.
    #[must_use]
    pub fn finish(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // The content codings that would be accepted (RFC 9110, section 15.5.16).
            response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::service::RegistrationError;

    #[test]
    fn internal_reasons_are_not_part_of_a_problem() {
        let errors = [
            RegistrationError::Unavailable,
            RegistrationError::QuotaExceeded,
            RegistrationError::Misconfigured,
        ];
        let errors = errors.map(|error| error("canary".to_owned()));
        for error in &errors {
            let problem = Problem::from(error);
            assert!(!format!("{problem:?}").contains("canary"));
        }
    }
}
