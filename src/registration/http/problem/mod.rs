//! What did not work out, told once and shown as a page or as RFC 9457 problem details.

mod words;

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::validate::Problems;

/// Seconds after which another try may get through where something is away.
const RETRY_AFTER: u64 = 5;

/// How the other side wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A person, with a browser.
    Html,
    /// A program.
    Json,
}

impl Format {
    /// JSON for whoever asks for it, or for events of JSON, and not for HTML too, as a browser does for a page.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accepts = |media: &str| {
            let mut values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
            values.any(|value| value.contains(media))
        };
        let is_program = accepts("json") || accepts("text/event-stream");
        if is_program && !accepts("text/html") { Self::Json } else { Self::Html }
    }
}

/// What did not work out.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The kind of problem.
    pub kind: Kind,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What it means and what to do. Never a secret, never an internal name.
    pub detail: String,
    /// What is wrong with single fields.
    pub fields: Box<Problems>,
    /// Seconds after which another try may get through.
    pub retry_after: Option<u64>,
}

/// The kind of a problem, as a URI that a program can compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum Kind {
    /// The HTTP status says it all.
    #[serde(rename = "about:blank")]
    Plain,
    /// Fields that do not keep the rules.
    #[serde(rename = "urn:streamcat:problem:invalid-fields")]
    InvalidFields,
    /// The username is somebody else's.
    #[serde(rename = "urn:streamcat:problem:username-taken")]
    UsernameTaken,
    /// The account is on its way out.
    #[serde(rename = "urn:streamcat:problem:account-deleting")]
    AccountDeleting,
    /// The Idempotency-Key came with another request.
    #[serde(rename = "urn:streamcat:problem:idempotency-key-used")]
    IdempotencyKeyUsed,
    /// What only the owner of an account may do or see, and nobody of this browser is signed in as.
    #[serde(rename = "urn:streamcat:problem:not-signed-in")]
    NotSignedIn,
    /// A page's form that is too old, or came without our cookie.
    #[serde(rename = "urn:streamcat:problem:stale-form")]
    StaleForm,
    /// The same request may get through later.
    #[serde(rename = "urn:streamcat:problem:not-now")]
    NotNow,
    /// More register than can be taken on; the same request may get through later.
    #[serde(rename = "urn:streamcat:problem:crowded")]
    Crowded,
    /// As many accounts are there as there may be.
    #[serde(rename = "urn:streamcat:problem:no-room")]
    NoRoom,
}

/// What did not work out (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Details<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    /// What happened, in a few words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What it means and what to do.
    detail: &'a str,
    /// What is wrong with each field, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    errors: BTreeMap<&'static str, &'a str>,
}

impl Problem {
    fn new(status: StatusCode, kind: Kind, title: &'static str, detail: impl Into<String>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Self { status, kind, title, detail: detail.into(), fields: Box::default(), retry_after }
    }

    /// As problem details.
    #[must_use]
    pub fn json(&self) -> Response {
        let fields = [("username", self.fields.username), ("password", self.fields.password.as_deref())];
        let details = Details {
            kind: self.kind,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: fields.into_iter().filter_map(|(name, problem)| Some((name, problem?))).collect(),
        };
        let content_type = HeaderValue::from_static("application/problem+json");
        self.finish(([(header::CONTENT_TYPE, content_type)], Json(details)).into_response())
    }

    /// Gives an answer this problem's status, and says when to try again where that helps.
    #[must_use]
    pub fn finish(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::{super::refusal::Refusal, *};

    fn accepted(value: &str) -> Format {
        let value = HeaderValue::from_str(value).expect("a header");
        Format::accepted(&HeaderMap::from_iter([(header::ACCEPT, value)]))
    }

    #[test]
    fn json_goes_to_whoever_asks_for_it() {
        assert_eq!(accepted("application/json"), Format::Json);
        assert_eq!(accepted("application/problem+json, application/json"), Format::Json);
        assert_eq!(accepted("text/event-stream"), Format::Json);
        assert_eq!(accepted("*/*"), Format::Html);
        assert_eq!(accepted("text/html,application/xhtml+xml,application/json;q=0.9"), Format::Html);
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::Html);
    }

    #[test]
    fn what_went_wrong_inside_is_not_told() {
        let refusals = [Refusal::NotNow, Refusal::NoRoom, Refusal::Misconfigured];
        let refusals = refusals.map(|refusal| refusal("canary".to_owned()));
        for refusal in &refusals {
            let problem = Problem::from(refusal);
            assert!(!format!("{problem:?}").contains("canary"));
        }
    }
}
