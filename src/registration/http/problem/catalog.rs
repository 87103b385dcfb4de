//! The catalog of problems: the status, the kind, and the text of each. Texts contain no secrets and no
//! internal names.

use axum::http::StatusCode;

use super::{DEFAULT_RETRY_AFTER_SECONDS, FieldErrors, Problem, ProblemKind};
use crate::registration::service::RegistrationError;

/// Number of seconds after which a client may retry when the number of accounts has reached its limit:
/// somebody has to leave, or the operators have to raise the quota.
const CAPACITY_RETRY_AFTER_SECONDS: u64 = 300;

const WRONG_CREDENTIALS: &str = "Incorrect username or password.";
const WRONG_PASSWORD: &str = "Incorrect password.";

impl Problem {
    /// Returns a problem whose HTTP status says enough.
    fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, ProblemKind::Plain, status.canonical_reason().unwrap_or("Error"), detail)
    }

    /// Some fields are invalid.
    #[must_use]
    pub fn invalid_fields(fields: FieldErrors) -> Self {
        let (title, detail) =
            ("Please correct the fields below", "Each invalid field is listed with its error.");
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemKind::InvalidFields, title, detail);
        Self { fields: Box::new(fields), ..problem }
    }

    /// The request cannot be read, for this reason.
    fn malformed(detail: impl Into<String>) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, detail)
    }

    /// The form cannot be read.
    #[must_use]
    pub fn unreadable_form() -> Self {
        Self::malformed("The form could not be read. Send each field once.")
    }

    /// A field of the form is not UTF-8.
    #[must_use]
    pub fn form_not_utf8() -> Self {
        Self::malformed("A field of the form is not UTF-8. Encode the form as UTF-8: ü is %C3%BC, not %FC.")
    }

    /// The client closed the connection before the body was complete.
    #[must_use]
    pub fn incomplete_body() -> Self {
        Self::malformed("The request ended before its body was complete.")
    }

    /// The Idempotency-Key is malformed, or there are several.
    #[must_use]
    pub fn invalid_idempotency_key() -> Self {
        Self::malformed("Send at most one Idempotency-Key, of 1 to 255 printable ASCII characters.")
    }

    /// The body is not JSON.
    #[must_use]
    pub fn invalid_json(line: usize, column: usize) -> Self {
        Self::malformed(format!("The body is not valid JSON (line {line}, column {column})."))
    }

    /// The JSON is not an object of two strings.
    #[must_use]
    pub fn not_two_strings() -> Self {
        Self::malformed("Send a JSON object with two strings, username and password.")
    }

    /// The JSON object has a member with an unknown name.
    #[must_use]
    pub fn unknown_member(member: &str) -> Self {
        Self::malformed(format!("Unknown member {member:?}. Send only username and password."))
    }

    /// The JSON object has the same member twice.
    #[must_use]
    pub fn duplicate_member(member: &str) -> Self {
        Self::malformed(format!("Duplicate member {member:?}. Send each member once."))
    }

    /// The body is larger than any username and password.
    #[must_use]
    pub fn too_large() -> Self {
        Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "The request body must not exceed 8 KB.")
    }

    /// The media type of the body is not supported.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let detail = "Send username and password as a form (application/x-www-form-urlencoded) or as JSON (application/json).";
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// The body is compressed, or encoded in another way.
    #[must_use]
    pub fn encoded_body() -> Self {
        let detail = "The body has a Content-Encoding. Send it as it is.";
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// The body did not arrive in time.
    #[must_use]
    pub fn request_timeout() -> Self {
        Self::plain(StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time.")
    }

    /// JSON was sent where only a form is accepted.
    #[must_use]
    pub fn form_required() -> Self {
        let detail = "Sign-in accepts only forms (application/x-www-form-urlencoded). API clients do not need a session.";
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// The Host field is missing, repeated, or malformed.
    #[must_use]
    pub fn invalid_host() -> Self {
        Self::malformed("Send exactly one valid Host header.")
    }

    /// The page does not exist.
    #[must_use]
    pub fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "This page does not exist.")
    }

    /// The account does not exist.
    #[must_use]
    pub fn unknown_account() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "No account with this username exists.")
    }

    /// The page does not support the method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::plain(StatusCode::METHOD_NOT_ALLOWED, "This page does not support the request method.")
    }

    /// Another site made the browser send the request.
    #[must_use]
    pub fn cross_site() -> Self {
        let detail = "This request came from another site. Open the page on this site and submit it there.";
        Self::plain(StatusCode::FORBIDDEN, detail)
    }

    /// The form came without its cookie.
    #[must_use]
    pub fn missing_cookie() -> Self {
        let detail = "Your browser did not send the cookie that belongs to this form. Allow cookies for this site, enter your password again, and resubmit the form.";
        Self::resubmit(detail)
    }

    /// The form belongs to an earlier cookie of the browser.
    #[must_use]
    pub fn stale_form() -> Self {
        let detail = "This page was open for too long, or you signed in or out in another window. Enter your password again, and resubmit the form.";
        Self::resubmit(detail)
    }

    fn resubmit(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, ProblemKind::StaleForm, "Please submit the form again", detail)
    }

    /// Too many attempts from the IP address, or for the username.
    #[must_use]
    pub fn too_many_attempts(retry_after: u64) -> Self {
        let detail = "Too many attempts. Wait a minute, then try again.";
        Self { retry_after: Some(retry_after), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// Too many reads from the IP address.
    #[must_use]
    pub fn too_many_reads(retry_after: u64) -> Self {
        let detail = "Too many requests come from your IP address. Wait a moment, then try again.";
        Self { retry_after: Some(retry_after), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// Too many wrong passwords for the username.
    fn too_many_failures(retry_after: u64) -> Self {
        let minutes = retry_after.div_ceil(60);
        let detail = format!(
            "Too many wrong passwords were entered for this username. Try again in {minutes} min. If you have never signed in from here, it may work sooner from a place where you have."
        );
        Self { retry_after: Some(retry_after), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// All connections are in use.
    #[must_use]
    pub fn server_full() -> Self {
        let detail = "The site is very busy right now. Try again in a moment.";
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The IP address has too many connections or event streams.
    #[must_use]
    pub fn too_many_connections() -> Self {
        let detail = "Too many connections are open from your IP address. Close some, then try again.";
        let retry_after = Some(DEFAULT_RETRY_AFTER_SECONDS);
        Self { retry_after, ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// Only the signed-in owner of the account may do this.
    #[must_use]
    pub fn not_signed_in() -> Self {
        let detail =
            "You are not signed in to this account, or your session has expired. Sign in and try again.";
        Self::new(StatusCode::FORBIDDEN, ProblemKind::NotSignedIn, "You are not signed in", detail)
    }

    /// The username and the password do not match. The text does not say which of the two is wrong.
    #[must_use]
    pub fn wrong_credentials() -> Self {
        let fields = Box::new(FieldErrors::password(WRONG_CREDENTIALS));
        Self { fields, ..Self::plain(StatusCode::FORBIDDEN, WRONG_CREDENTIALS) }
    }

    /// The password with which a signed-in user confirms an action is wrong.
    #[must_use]
    pub fn wrong_password() -> Self {
        let fields = Box::new(FieldErrors::password(WRONG_PASSWORD));
        Self { fields, ..Self::plain(StatusCode::FORBIDDEN, WRONG_PASSWORD) }
    }

    /// The database or the API server is unavailable, or the server is overloaded.
    #[must_use]
    pub fn unavailable() -> Self {
        let detail = "This is temporarily unavailable. Try again in a moment.";
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The operators have to fix something.
    #[must_use]
    pub fn internal_error() -> Self {
        let detail = "Something went wrong on our side. The error has been logged; try again later.";
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    fn username_taken() -> Self {
        let fields = Box::new(FieldErrors::username("This username is taken. Choose another."));
        let detail = "This username is taken. If it is yours, use the password that you registered with.";
        let problem = Self::new(StatusCode::CONFLICT, ProblemKind::UsernameTaken, "Username taken", detail);
        Self { fields, ..problem }
    }

    fn account_deleting() -> Self {
        let fields = Box::new(FieldErrors::username("The account with this username is being deleted."));
        let (title, kind) = ("Account is being deleted", ProblemKind::AccountDeleting);
        let detail =
            "The account with this username is being deleted. Try again once the deletion is complete.";
        Self { fields, ..Self::new(StatusCode::CONFLICT, kind, title, detail) }
    }

    fn idempotency_key_reused() -> Self {
        let (title, kind) = ("Idempotency-Key already used", ProblemKind::IdempotencyKeyReused);
        let detail =
            "This Idempotency-Key was used with another username. Send a new key with each registration.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail)
    }

    fn registration_unavailable() -> Self {
        let (title, kind) = ("Registration is temporarily unavailable", ProblemKind::Unavailable);
        let detail = "We could not register you. Try again in a moment, with the same username and password.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail)
    }

    fn registration_rate_exceeded(seconds: u64) -> Self {
        let (title, kind) = ("Too many registrations", ProblemKind::RegistrationRateExceeded);
        let detail = "Too many people are registering right now. Try again in a moment, with the same username and password.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    fn capacity_reached() -> Self {
        let (title, kind) = ("All places are taken", ProblemKind::CapacityReached);
        let detail = "All places are taken, so you have not been registered. Try again later.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail);
        Self { retry_after: Some(CAPACITY_RETRY_AFTER_SECONDS), ..problem }
    }
}

impl From<&RegistrationError> for Problem {
    fn from(error: &RegistrationError) -> Self {
        match error {
            RegistrationError::UsernameTaken => Self::username_taken(),
            RegistrationError::AccountDeleting => Self::account_deleting(),
            RegistrationError::IdempotencyKeyReused => Self::idempotency_key_reused(),
            RegistrationError::SignupRateExceeded(seconds) => Self::registration_rate_exceeded(*seconds),
            RegistrationError::QuotaExceeded(_) => Self::capacity_reached(),
            RegistrationError::TooManyFailures(seconds) => Self::too_many_failures(*seconds),
            RegistrationError::Unavailable(_)
            | RegistrationError::QueueFull
            | RegistrationError::HashingBusy => Self::registration_unavailable(),
            RegistrationError::Misconfigured(_) => Self::internal_error(),
        }
    }
}
