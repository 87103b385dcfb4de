//! The cookies of the site: the session cookie, and the flash message.
//!
//! The session cookie holds a random token. The database says whether the token belongs to a session. Each
//! form carries a second token, derived from the first, which no other site can know (CSRF).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use http_guards::fields::{self, Separator};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::TokenHash;

/// Number of characters of a token: two UUIDs in hexadecimal.
const TOKEN_LENGTH: usize = 64;

/// The token in a browser's session cookie.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// Creates a token of 244 random bits from the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into())
    }

    /// Returns the token in the value of a cookie, or None if it has another form: another application on
    /// this host can have a cookie of the same name.
    fn parse(value: &[u8]) -> Option<Self> {
        let is_token = value.len() == TOKEN_LENGTH && value.iter().all(u8::is_ascii_hexdigit);
        Some(Self(str::from_utf8(value).ok().filter(|_| is_token)?.into()))
    }

    /// Returns the hash under which the database stores a session.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0.expose_secret()).into()
    }

    /// Returns the token for this browser's forms: 128 bits of a digest.
    #[must_use]
    pub fn for_forms(&self) -> String {
        let digest = Sha256::digest(format!("form {}", self.0.expose_secret()));
        Uuid::from_bytes(std::array::from_fn(|at| digest[at])).simple().to_string()
    }

    /// Returns true if a form carries this browser's form token. Compares digests, so that timing reveals
    /// nothing.
    #[must_use]
    pub fn matches_form(&self, carried: &str) -> bool {
        Sha256::digest(self.for_forms()) == Sha256::digest(carried)
    }
}

/// A message that the next page shows once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashMessage {
    /// The password has been changed.
    PasswordChanged,
}

impl FlashMessage {
    const fn value(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password-changed",
        }
    }
}

/// Number of seconds for which a browser keeps a flash message.
const FLASH_MAX_AGE_SECONDS: u64 = 60;

/// The attributes of the cookies.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// True if browsers reach the site by TLS only.
    pub secure: bool,
    /// Lifetime of a session.
    pub session_lifetime: Duration,
}

impl Cookies {
    /// Returns the session token of a request.
    #[must_use]
    pub fn token(self, headers: &HeaderMap) -> Option<Token> {
        values(headers, self.name()).find_map(Token::parse)
    }

    /// Returns the flash message of a request. No link can set it, and behind TLS no other host can.
    #[must_use]
    pub fn flash(self, headers: &HeaderMap) -> Option<FlashMessage> {
        let message = FlashMessage::PasswordChanged;
        let is_set = values(headers, &self.flash_name()).any(|value| value == message.value().as_bytes());
        is_set.then_some(message)
    }

    /// Returns the Set-Cookie header that sets a flash message.
    #[must_use]
    pub fn set_flash(self, message: FlashMessage) -> HeaderValue {
        self.header(&self.flash_name(), message.value(), FLASH_MAX_AGE_SECONDS)
    }

    /// Returns the Set-Cookie header that clears the flash message.
    #[must_use]
    pub fn clear_flash(self) -> HeaderValue {
        self.header(&self.flash_name(), "", 0)
    }

    /// Returns the Set-Cookie header that sets the session token.
    #[must_use]
    pub fn set(self, token: &Token) -> HeaderValue {
        self.header(self.name(), token.0.expose_secret(), self.session_lifetime.as_secs())
    }

    /// Returns the Set-Cookie header that clears the session token.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.header(self.name(), "", 0)
    }

    fn flash_name(self) -> String {
        format!("{}-notice", self.name())
    }

    /// Returns the name of the session cookie. With the prefix `__Host-`, browsers accept it only from this
    /// host and by TLS.
    fn name(self) -> &'static str {
        if self.secure { "__Host-streamcat" } else { "streamcat" }
    }

    fn header(self, name: &str, value: &str, seconds: u64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// Returns the values of all cookies of this name, without quotation marks around them (RFC 6265, section
/// 4.1.1).
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let pairs = fields::elements(headers, header::COOKIE, Separator::Semicolon);
    let values = pairs.filter_map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (carried, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        (carried == name.as_bytes()).then_some(value)
    });
    values.map(|value| value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Cookies = Cookies { secure: false, session_lifetime: Duration::from_hours(1) };

    #[test]
    fn a_token_survives_the_round_trip_through_the_cookie() {
        for cookies in [PLAIN, Cookies { secure: true, ..PLAIN }] {
            let token = Token::random();
            let set = cookies.set(&token);
            let pair = set.to_str().expect("text").split(';').next().expect("a pair").to_owned();
            let carried = HeaderValue::from_str(&format!("other=1; {pair}")).expect("a header");
            let back = cookies.token(&HeaderMap::from_iter([(header::COOKIE, carried)])).expect("a token");
            assert_eq!(back.hash(), token.hash());
            assert!(back.matches_form(&token.for_forms()));
        }
        assert!(PLAIN.token(&HeaderMap::new()).is_none());
        for value in [String::new(), "old".to_owned(), "x".repeat(64), "a".repeat(65)] {
            let carried = HeaderValue::from_str(&format!("streamcat={value}")).expect("a header");
            assert!(PLAIN.token(&HeaderMap::from_iter([(header::COOKIE, carried)])).is_none(), "{value}");
        }
    }

    #[test]
    fn a_form_token_reveals_no_session_and_fits_no_other() {
        let (one, other) = (Token::random(), Token::random());
        assert_ne!(one.hash(), other.hash());
        assert!(!one.for_forms().contains(one.0.expose_secret()));
        for carried in [other.for_forms().as_str(), one.0.expose_secret(), ""] {
            assert!(!one.matches_form(carried));
        }
        assert!(!format!("{one:?}").contains(one.0.expose_secret()));
    }

    #[test]
    fn only_known_flash_messages_are_shown() {
        let carrying = |text: &str| {
            let carried = HeaderValue::from_str(text).expect("a header");
            PLAIN.flash(&HeaderMap::from_iter([(header::COOKIE, carried)]))
        };
        let set = PLAIN.set_flash(FlashMessage::PasswordChanged);
        let pair = set.to_str().expect("text").split(';').next().expect("a pair");
        assert_eq!(carrying(pair), Some(FlashMessage::PasswordChanged));
        for other in ["streamcat-notice=", "streamcat-notice=You have won", "streamcat=password-changed"] {
            assert_eq!(carrying(other), None, "{other}");
        }
        assert!(
            PLAIN.clear_flash().to_str().expect("text").starts_with("streamcat-notice=; Path=/; Max-Age=0;")
        );
    }

    #[test]
    fn cookies_are_http_only_and_secure_behind_tls() {
        let set = PLAIN.set(&Token::random());
        let text = set.to_str().expect("text");
        assert!(text.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax") && set.is_sensitive());
        let set = Cookies { secure: true, ..PLAIN }.set(&Token::random());
        let text = set.to_str().expect("text");
        assert!(text.starts_with("__Host-streamcat=") && text.ends_with("; SameSite=Lax; Secure"));
        assert!(PLAIN.clear().to_str().expect("text").starts_with("streamcat=; Path=/; Max-Age=0;"));
    }
}
