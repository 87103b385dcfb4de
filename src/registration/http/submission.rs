//! The body of a registration or a sign-in: a form or JSON, with a username and a password.

use axum::{extract::Request, http::HeaderMap};
use http_guards::fields;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::{body, format::Format, problem::Problem};
use crate::store::KeyHash;

/// The byte order mark of UTF-8, which a JSON parser may ignore (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The field with the Idempotency-Key.
const KEY: &str = "idempotency-key";
/// Maximum length of an Idempotency-Key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A username and a password, not validated yet.
#[derive(Debug)]
pub struct Submission {
    /// The format of the body, which is also that of the response.
    pub format: Format,
    /// The username.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The form token. JSON has none.
    pub token: String,
    /// The hash of the Idempotency-Key. Only JSON requests can have one.
    pub key: Option<KeyHash>,
}

/// The problem of a body that cannot be read, and the format of the response.
pub type Rejection = (Format, Problem);

/// The fields of a form. A missing field counts as empty. Unknown fields are ignored.
#[derive(Deserialize)]
struct FormFields {
    #[serde(default)]
    username: String,
    #[serde(default, deserialize_with = "password")]
    password: SecretString,
    #[serde(default)]
    token: String,
}

/// A username and a password
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
#[serde(deny_unknown_fields)]
pub struct JsonFields {
    /// Letters, digits, - and _, with at least one letter or digit. Case is ignored, and - equals _. White
    /// space around it is removed.
    #[serde(default)]
    #[schema(
        required,
        min_length = 1,
        max_length = 128,
        pattern = r"^[ \t\r\n]*[_-]*[A-Za-z0-9][A-Za-z0-9_-]*[ \t\r\n]*$",
        example = "todd"
    )]
    username: String,
    /// Any characters; nothing is trimmed or cut. Common passwords are rejected, and so are passwords that
    /// consist mostly of the username or the name of the site, of a sequence, or of a repeated pattern.
    #[serde(default, deserialize_with = "password")]
    #[schema(required, value_type = String, format = Password, write_only, max_length = 128, example = "correct horse battery")]
    password: SecretString,
}

/// Deserializes a password and normalizes it to Unicode NFKC, because keyboards send ö as one character or as
/// two.
pub fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let typed = String::deserialize(deserializer)?;
    Ok(typed.nfkc().collect::<String>().into())
}

impl Submission {
    /// Reads the body of a request, within the limit that the router sets.
    ///
    /// # Errors
    /// Returns the problem of a body that cannot be read, and the format of the response.
    pub async fn read(request: Request) -> Result<Self, Rejection> {
        let Some(format) = body::body_format(request.headers()) else {
            return Err((Format::accepted(request.headers()), Problem::unsupported_media_type()));
        };
        let key = match format {
            Format::Json => idempotency_key(request.headers()).map_err(|problem| (format, problem))?,
            Format::Html => None,
        };
        let read = match body::read(request).await {
            Ok(body) if format == Format::Json => read_json(&body),
            Ok(body) => body::read_form(body).await,
            Err(problem) => Err(problem),
        };
        let FormFields { username, password, token } = read.map_err(|problem| (format, problem))?;
        // Keyboards of phones add a space behind a word, and no username contains one.
        let username = username.trim().to_owned();
        Ok(Self { format, username, password, token, key })
    }
}

/// Returns the hash of the Idempotency-Key. The value is hashed as sent, including quotes.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<KeyHash>, Problem> {
    let is_printable = |key: &[u8]| key.iter().all(|byte| (b' '..=b'~').contains(byte));
    match fields::single(headers, KEY) {
        None if !headers.contains_key(KEY) => Ok(None),
        Some(key) if (1..=MAX_KEY_BYTES).contains(&key.len()) && is_printable(key) => {
            Ok(Some(Sha256::digest(key).into()))
        }
        _ => Err(Problem::invalid_idempotency_key()),
    }
}

fn read_json(body: &[u8]) -> Result<FormFields, Problem> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    // serde would accept a list of the fields in order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::not_two_strings());
    }
    let JsonFields { username, password } =
        serde_json::from_slice(body).map_err(|error| json_problem(&error))?;
    Ok(FormFields { username, password, token: String::new() })
}

/// Returns the problem of a JSON body. serde's own message may quote values, and one of them may be a
/// password.
fn json_problem(error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::invalid_json(error.line(), error.column());
    }
    let text = error.to_string();
    let member = text.split('`').nth(1).unwrap_or_default();
    if text.starts_with("unknown field") {
        Problem::unknown_member(member)
    } else if text.starts_with("duplicate field") {
        Problem::duplicate_member(member)
    } else {
        Problem::not_two_strings()
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::header};
    use secrecy::ExposeSecret;

    use super::{
        super::body::{FORM, JSON},
        *,
    };

    async fn send(content_type: &str, body: &str) -> Result<Submission, Rejection> {
        let request = Request::post("/register").header(header::CONTENT_TYPE, content_type);
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        Submission::read(request).await
    }

    async fn rejected(content_type: &str, body: &str) -> (u16, String) {
        let (_, problem) = send(content_type, body).await.expect_err("rejected");
        (problem.status.as_u16(), problem.detail)
    }

    #[tokio::test]
    async fn a_form_and_json_are_read_alike() {
        let form =
            send("application/x-www-form-urlencoded; charset=UTF-8", "username=todd&password=+%C3%B6+").await;
        let json = send("Application/JSON; charset=utf-8", r#"{"username":"todd","password":" ö "}"#).await;
        for submission in [form, json] {
            let submission = submission.expect("well formed");
            assert_eq!((submission.username.as_str(), submission.password.expose_secret()), ("todd", " ö "));
        }
    }

    #[tokio::test]
    async fn passwords_are_equal_however_their_characters_are_composed() {
        for typed in ["o\u{308}", "\u{f6}"] {
            let json = serde_json::json!({ "password": format!("sch{typed}n\u{ff01} \u{fb01}\u{ad}") });
            let submission = send(JSON, &json.to_string()).await.expect("well formed");
            assert_eq!(submission.password.expose_secret(), "sch\u{f6}n! fi\u{ad}");
        }
    }

    #[tokio::test]
    async fn a_missing_field_is_empty() {
        for (content_type, body) in [(FORM, "username=todd&csrf=1"), (JSON, r#"{"username":"todd"}"#)] {
            let submission = send(content_type, body).await.expect("well formed");
            assert_eq!(submission.password.expose_secret(), "");
        }
    }

    #[tokio::test]
    async fn other_content_types_are_rejected() {
        for content_type in ["text/plain", "multipart/form-data", "application/json-patch+json", ""] {
            assert_eq!(rejected(content_type, "{}").await.0, 415, "{content_type}");
        }
    }

    #[tokio::test]
    async fn a_malformed_body_is_rejected_with_the_reason() {
        assert!(rejected(JSON, r#"{"username":"#).await.1.contains("not valid JSON (line 1"));
        assert!(rejected(JSON, r#"{"email":"a@b"}"#).await.1.contains(r#""email""#));
        assert!(rejected(JSON, r#"{"username":"a","username":"b"}"#).await.1.contains("Duplicate"));
        assert!(rejected(JSON, r#"["a","b"]"#).await.1.contains("a JSON object"));
        assert!(rejected(FORM, "username=a&username=b").await.1.contains("each field once"));
    }

    #[tokio::test]
    async fn a_password_of_the_wrong_type_is_not_quoted() {
        let (status, detail) = rejected(JSON, r#"{"username":"todd","password":123456789}"#).await;
        assert_eq!(status, 400);
        assert!(detail.contains("two strings") && !detail.contains("123456789"));
        let (_, detail) = rejected(JSON, r#""canary""#).await;
        assert!(!detail.contains("canary"));
    }

    #[tokio::test]
    async fn debug_output_hides_the_password() {
        let submission = send(FORM, "username=todd&password=canary").await.expect("well formed");
        assert!(!format!("{submission:?}").contains("canary"));
    }
}
