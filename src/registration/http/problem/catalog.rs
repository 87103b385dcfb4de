//! Every problem there is, in words for a person. Never a secret, never an internal name.

use axum::http::StatusCode;

use super::{Kind, Problem, RETRY_AFTER};
use crate::registration::{refusal::Refusal, validate::Problems};

/// Seconds after which a place may have become free: people have to leave, or the people who run this to make room.
const UNTIL_ROOM: u64 = 300;

impl Problem {
    /// A problem that its HTTP status names well enough.
    fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, Kind::Plain, status.canonical_reason().unwrap_or("Error"), detail)
    }

    /// Fields that do not keep the rules.
    #[must_use]
    pub fn invalid(fields: Problems) -> Self {
        let detail = "See what is said about each field.";
        let problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Kind::InvalidFields,
            "This does not work yet",
            detail,
        );
        Self { fields: Box::new(fields), ..problem }
    }

    /// A body that cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, detail)
    }

    /// A body that is larger than any username and password.
    #[must_use]
    pub fn too_large() -> Self {
        Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "A username and a password fit into 8 KB.")
    }

    /// A body of a kind that we do not take.
    #[must_use]
    pub fn unsupported() -> Self {
        let detail = "Send a form (application/x-www-form-urlencoded) or JSON (application/json) with username and password.";
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// A body that came too slowly.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::plain(StatusCode::REQUEST_TIMEOUT, "The request took too long to come.")
    }

    /// JSON where a form is meant.
    #[must_use]
    pub fn form_only() -> Self {
        let detail = "Signing in is for people: send a form (application/x-www-form-urlencoded).";
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// No such page.
    #[must_use]
    pub fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "There is no such page here.")
    }

    /// No such account.
    #[must_use]
    pub fn unknown_account() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "There is no account of this name.")
    }

    /// A page that does not take this method.
    #[must_use]
    pub fn not_allowed() -> Self {
        Self::plain(StatusCode::METHOD_NOT_ALLOWED, "This page cannot be used that way.")
    }

    /// A request that another site made a browser send.
    #[must_use]
    pub fn of_another_site() -> Self {
        Self::plain(
            StatusCode::FORBIDDEN,
            "This came from another site. Open the page here and send it from there.",
        )
    }

    /// A form of ours that came without our cookie.
    #[must_use]
    pub fn without_cookie() -> Self {
        let detail = "Your browser did not send the cookie that came with this page. Allow cookies for this site, type your password again and send it once more.";
        Self::once_more(detail)
    }

    /// A form from before the browser got the cookie that it has now.
    #[must_use]
    pub fn stale_form() -> Self {
        let detail = "This page was open for too long, or you have signed in or out in another window. Type your password again and send it once more.";
        Self::once_more(detail)
    }

    fn once_more(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, Kind::StaleForm, "Please send this once more", detail)
    }

    /// More attempts than are allowed.
    #[must_use]
    pub fn too_many(retry_after: u64) -> Self {
        let detail = "There were too many attempts. Wait a minute and try again.";
        Self { retry_after: Some(retry_after), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// More wrong passwords than may be tried for one username.
    #[must_use]
    pub fn guessed(retry_after: u64) -> Self {
        let minutes = retry_after.div_ceil(60);
        let detail = format!(
            "Too many wrong passwords were tried for this username. Nobody is locked out for good: try again in {minutes} min. If you have not signed in from here before, it may work sooner from where you have."
        );
        Self { retry_after: Some(retry_after), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// More connections than are served.
    #[must_use]
    pub fn full() -> Self {
        let detail = "Too many people are here at the moment. Try again in a moment.";
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// More connections from one address than it may have, or more that listen to progress.
    #[must_use]
    pub fn too_many_connections() -> Self {
        let detail =
            "Too many connections are open from your address. Close some, and try again in a moment.";
        Self { retry_after: Some(RETRY_AFTER), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// Something that only the person whose account it is may do or see.
    #[must_use]
    pub fn not_signed_in() -> Self {
        let detail = "You are not signed in to this account, or not any more. Sign in and try again.";
        Self::new(StatusCode::FORBIDDEN, Kind::NotSignedIn, "You are not signed in", detail)
    }

    /// A username and a password that do not belong together; which of the two is wrong is not told.
    #[must_use]
    pub fn wrong_sign_in() -> Self {
        let fields = Box::new(Problems::of_password("The username or the password is wrong."));
        Self { fields, ..Self::plain(StatusCode::FORBIDDEN, "The username or the password is wrong.") }
    }

    /// A password, asked for again, that is not this person's.
    #[must_use]
    pub fn wrong_password() -> Self {
        let fields = Box::new(Problems::of_password("This is not your password."));
        Self { fields, ..Self::plain(StatusCode::FORBIDDEN, "This is not your password.") }
    }

    /// Something that we need is away; looking again later is all there is to do.
    #[must_use]
    pub fn away() -> Self {
        Self::plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "We cannot look this up right now. Try again in a moment.",
        )
    }

    /// Something that the people who run this have to mend.
    #[must_use]
    pub fn broken() -> Self {
        let detail = "Something is wrong on our side, and it is in our log. Please try again later.";
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    fn taken() -> Self {
        let fields = Box::new(Problems::of_username("This username is taken. Choose another."));
        let detail = "This username is taken. If it is yours, use the password that you registered with.";
        Self {
            fields,
            ..Self::new(StatusCode::CONFLICT, Kind::UsernameTaken, "This username is taken", detail)
        }
    }

    fn deleting() -> Self {
        let fields = Box::new(Problems::of_username("The account of this name is being deleted."));
        let detail = "The account of this name is being deleted. Once it is gone, the name is free again.";
        Self {
            fields,
            ..Self::new(StatusCode::CONFLICT, Kind::AccountDeleting, "This account is being deleted", detail)
        }
    }

    fn key_used() -> Self {
        let detail = "This Idempotency-Key came with another request: send a new one with each registration.";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Kind::IdempotencyKeyUsed,
            "This Idempotency-Key was used before",
            detail,
        )
    }

    fn not_now() -> Self {
        let detail =
            "We could not register you just now. Try again in a moment, with the same username and password.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::NotNow, "Not right now", detail)
    }

    fn crowded(seconds: u64) -> Self {
        let detail = "More people are registering than we can take on at once. Try again in a moment, with the same username and password.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Crowded, "Too many at once", detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    fn no_room() -> Self {
        let detail = "All places are taken at the moment. You are not registered: try again later.";
        let problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::NoRoom, "All places are taken", detail);
        Self { retry_after: Some(UNTIL_ROOM), ..problem }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Taken => Self::taken(),
            Refusal::Deleting => Self::deleting(),
            Refusal::KeyUsed => Self::key_used(),
            Refusal::Crowded(seconds) => Self::crowded(*seconds),
            Refusal::NoRoom(_) => Self::no_room(),
            Refusal::Guessed(seconds) => Self::guessed(*seconds),
            Refusal::NotNow(_) | Refusal::Full | Refusal::Busy => Self::not_now(),
            Refusal::Misconfigured(_) => Self::broken(),
        }
    }
}
