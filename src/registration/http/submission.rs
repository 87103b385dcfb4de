//! What was sent to `POST /register`: a form or JSON, with a username and a password.

use std::error::Error;

use axum::{
    Form,
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use tower_http::timeout::TimeoutError;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::problem::{Format, Problem};
use crate::store::KeyHash;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// Most bytes of an Idempotency-Key.
const LONGEST_KEY: usize = 255;
const NOT_TWO_STRINGS: &str = "Send a JSON object with two strings, username and password.";

/// A username and a password as typed, not judged yet.
#[derive(Debug)]
pub struct Submission {
    /// How it came, which is how it is answered.
    pub format: Format,
    /// The username.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The token of the page's form; a program has none.
    pub token: String,
    /// The Idempotency-Key; only a program's counts.
    pub key: Option<KeyHash>,
}

/// Why there is no submission, and how to say so.
pub type Rejection = (Format, Problem);

/// A field left out is an empty one, and judged as such. The page's form may carry more than we read.
#[derive(Deserialize)]
struct FormFields {
    #[serde(default)]
    username: String,
    #[serde(default, deserialize_with = "password")]
    password: SecretString,
    #[serde(default)]
    token: String,
}

/// A username and a password.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
#[serde(deny_unknown_fields)]
pub struct JsonFields {
    /// Letters, digits, - and _. Taken without regard to case.
    #[serde(default)]
    #[schema(
        required,
        min_length = 1,
        max_length = 128,
        pattern = "^[_-]*[A-Za-z0-9][A-Za-z0-9_-]*$",
        example = "todd"
    )]
    username: String,
    /// Any characters; nothing is trimmed or cut. Not one of the most common, nor little more than the username or the
    /// site's name, nor a sequence or a few characters again and again.
    #[serde(default, deserialize_with = "password")]
    #[schema(required, value_type = String, format = Password, write_only, max_length = 128, example = "correct horse battery")]
    password: SecretString,
}

/// Reads a password, and brings it into Unicode's form NFKC: one keyboard sends ö as one character, another as two.
pub fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let typed = String::deserialize(deserializer)?;
    Ok(typed.nfkc().collect::<String>().into())
}

impl Submission {
    /// Reads a request's body, within the limit that the router sets.
    ///
    /// # Errors
    /// What is wrong with it, and whether to say so to a person or to a program.
    pub async fn read(request: Request) -> Result<Self, Rejection> {
        let Some(format) = format(request.headers()) else {
            return Err((Format::accepted(request.headers()), Problem::unsupported()));
        };
        let key = match format {
            Format::Json => key(request.headers()).map_err(|problem| (format, problem))?,
            Format::Html => None,
        };
        let read = match Bytes::from_request(request, &()).await {
            Ok(body) if format == Format::Json => read_json(&body),
            Ok(body) => read_form(body).await,
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::too_large())
            }
            Err(rejection) if is_too_slow(&rejection) => Err(Problem::too_slow()),
            Err(_) => Err(Problem::malformed("The request ended before its body was complete.")),
        };
        let FormFields { username, password, token } = read.map_err(|problem| (format, problem))?;
        Ok(Self { format, username, password, token, key })
    }
}

/// Whether the time for the body was over, which the server sets.
fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutError>() || error.source().is_some_and(is_too_slow)
}

/// How whoever sends something wants to be answered: as it was sent, or else as they say.
#[must_use]
pub fn answer_format(headers: &HeaderMap) -> Format {
    format(headers).unwrap_or_else(|| Format::accepted(headers))
}

/// By content type, whatever its parameters.
fn format(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media = value.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case(JSON) {
        Some(Format::Json)
    } else if media.eq_ignore_ascii_case(FORM) {
        Some(Format::Html)
    } else {
        None
    }
}

/// The key as it is, quotes and all: a program sends the same text again.
fn key(headers: &HeaderMap) -> Result<Option<KeyHash>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if (1..=LONGEST_KEY).contains(&key.len()) && is_printable(key) => {
            Ok(Some(Sha256::digest(key.as_bytes()).into()))
        }
        _ => Err(Problem::malformed(
            "Send one Idempotency-Key of 1 to 255 printable ASCII characters, or none.",
        )),
    }
}

fn is_printable(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte))
}

async fn read_form(body: Bytes) -> Result<FormFields, Problem> {
    // Axum's own form reader looks at the method and the content type as well.
    let mut request = Request::post("/").body(Body::from(body)).map_err(|_| unreadable_form())?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
    let fields = Form::<FormFields>::from_request(request, &()).await;
    fields.map(|Form(fields)| fields).map_err(|_| unreadable_form())
}

fn unreadable_form() -> Problem {
    Problem::malformed("The form could not be read: send username and password, once each.")
}

fn read_json(body: &[u8]) -> Result<FormFields, Problem> {
    // serde would take a list for the fields in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::malformed(NOT_TWO_STRINGS));
    }
    let JsonFields { username, password } =
        serde_json::from_slice(body).map_err(|error| Problem::malformed(words(&error)))?;
    Ok(FormFields { username, password, token: String::new() })
}

/// What is wrong with the JSON. serde's own words hold values where the type is wrong, and one may be a password.
fn words(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return format!("The body is not JSON (line {}, column {}).", error.line(), error.column());
    }
    let text = error.to_string();
    let member = text.split('`').nth(1).unwrap_or_default();
    if text.starts_with("unknown field") {
        format!("There is a member {member:?} that is not known here: send username and password only.")
    } else if text.starts_with("duplicate field") {
        format!("The member {member:?} is there twice.")
    } else {
        NOT_TWO_STRINGS.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    async fn send(content_type: &str, body: &str) -> Result<Submission, Rejection> {
        let request = Request::post("/register").header(header::CONTENT_TYPE, content_type);
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        Submission::read(request).await
    }

    async fn refused(content_type: &str, body: &str) -> (u16, String) {
        let (_, problem) = send(content_type, body).await.expect_err("refused");
        (problem.status.as_u16(), problem.detail)
    }

    #[tokio::test]
    async fn a_form_and_json_say_the_same() {
        let form =
            send("application/x-www-form-urlencoded; charset=UTF-8", "username=todd&password=+%C3%B6+").await;
        let json = send("Application/JSON; charset=utf-8", r#"{"username":"todd","password":" ö "}"#).await;
        for submission in [form, json] {
            let submission = submission.expect("well formed");
            assert_eq!((submission.username.as_str(), submission.password.expose_secret()), ("todd", " ö "));
        }
    }

    #[tokio::test]
    async fn a_password_is_the_same_whichever_way_its_characters_were_composed() {
        for typed in ["o\u{308}", "\u{f6}"] {
            let json = serde_json::json!({ "password": format!("sch{typed}n\u{ff01} \u{fb01}\u{ad}") });
            let submission = send(JSON, &json.to_string()).await.expect("well formed");
            assert_eq!(submission.password.expose_secret(), "sch\u{f6}n! fi\u{ad}");
        }
    }

    #[tokio::test]
    async fn a_field_left_out_is_empty() {
        for (content_type, body) in [(FORM, "username=todd&csrf=1"), (JSON, r#"{"username":"todd"}"#)] {
            let submission = send(content_type, body).await.expect("well formed");
            assert_eq!(submission.password.expose_secret(), "");
        }
    }

    #[tokio::test]
    async fn other_content_types_are_refused() {
        for content_type in ["text/plain", "multipart/form-data", "application/json-patch+json", ""] {
            assert_eq!(refused(content_type, "{}").await.0, 415, "{content_type}");
        }
    }

    #[tokio::test]
    async fn a_malformed_body_is_told_why() {
        assert!(refused(JSON, r#"{"username":"#).await.1.contains("not JSON (line 1"));
        assert!(refused(JSON, r#"{"email":"a@b"}"#).await.1.contains(r#""email""#));
        assert!(refused(JSON, r#"{"username":"a","username":"b"}"#).await.1.contains("twice"));
        assert!(refused(JSON, r#"["a","b"]"#).await.1.contains("a JSON object"));
        assert!(refused(FORM, "username=a&username=b").await.1.contains("once each"));
    }

    #[tokio::test]
    async fn a_password_of_the_wrong_type_is_not_told_back() {
        let (status, detail) = refused(JSON, r#"{"username":"todd","password":123456789}"#).await;
        assert_eq!(status, 400);
        assert!(detail.contains("two strings") && !detail.contains("123456789"));
        let (_, detail) = refused(JSON, r#""canary""#).await;
        assert!(!detail.contains("canary"));
    }

    #[tokio::test]
    async fn a_password_is_not_shown_by_debug() {
        let submission = send(FORM, "username=todd&password=canary").await.expect("well formed");
        assert!(!format!("{submission:?}").contains("canary"));
    }
}
