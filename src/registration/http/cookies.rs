//! What a browser carries: a cookie with a random token, which is a session's where the database says so, and in each form a
//! second token made from the first, which no other site can know.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::TokenHash;

/// The token of a browser.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// A new one, of 244 random bits from the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into())
    }

    /// What the database knows of it, if it is a session's.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0.expose_secret()).into()
    }

    /// The token that this browser's forms carry: 128 bits of a digest.
    #[must_use]
    pub fn for_forms(&self) -> String {
        let digest = Sha256::digest(format!("form {}", self.0.expose_secret()));
        Uuid::from_bytes(std::array::from_fn(|at| digest[at])).simple().to_string()
    }

    /// Whether a form carries this browser's token. Digests are compared, so that the time tells nothing.
    #[must_use]
    pub fn is_in_form(&self, carried: &str) -> bool {
        Sha256::digest(self.for_forms()) == Sha256::digest(carried)
    }
}

/// What a browser is told once, on the next page that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The password was changed.
    PasswordChanged,
}

impl Notice {
    const fn value(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password-changed",
        }
    }
}

/// How long a browser remembers what it is to be told, in seconds.
const REMEMBERED: u64 = 60;

/// How the cookie is written.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Whether browsers reach us by TLS only.
    pub secure: bool,
    /// How long a session lasts.
    pub lasts: Duration,
}

impl Cookies {
    /// The token that a request carries.
    #[must_use]
    pub fn token(self, headers: &HeaderMap) -> Option<Token> {
        cookie(headers, self.name()).map(|value| Token(value.into()))
    }

    /// What this browser is to be told. Nobody else puts it there: no link, and behind TLS no other host.
    #[must_use]
    pub fn notice(self, headers: &HeaderMap) -> Option<Notice> {
        let notice = Notice::PasswordChanged;
        cookie(headers, &self.notice_name()).filter(|value| *value == notice.value()).map(|_| notice)
    }

    /// The header by which a browser is told something on its next page.
    #[must_use]
    pub fn tell(self, notice: Notice) -> HeaderValue {
        self.header(&self.notice_name(), notice.value(), REMEMBERED)
    }

    /// The header by which it is not told again.
    #[must_use]
    pub fn told(self) -> HeaderValue {
        self.header(&self.notice_name(), "", 0)
    }

    /// The header that gives a browser its token.
    #[must_use]
    pub fn set(self, token: &Token) -> HeaderValue {
        self.header(self.name(), token.0.expose_secret(), self.lasts.as_secs())
    }

    /// The header that takes it away.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.header(self.name(), "", 0)
    }

    fn notice_name(self) -> String {
        format!("{}-notice", self.name())
    }

    /// With the prefix, browsers take the cookie from nobody but us, and by TLS only.
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

/// The value of a cookie that a request carries.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(carried, _)| *carried == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Cookies = Cookies { secure: false, lasts: Duration::from_hours(1) };

    #[test]
    fn a_browser_gives_back_the_token_that_it_was_given() {
        for cookies in [PLAIN, Cookies { secure: true, ..PLAIN }] {
            let token = Token::random();
            let set = cookies.set(&token);
            let pair = set.to_str().expect("text").split(';').next().expect("a pair").to_owned();
            let carried = HeaderValue::from_str(&format!("other=1; {pair}")).expect("a header");
            let back = cookies.token(&HeaderMap::from_iter([(header::COOKIE, carried)])).expect("a token");
            assert_eq!(back.hash(), token.hash());
            assert!(back.is_in_form(&token.for_forms()));
        }
        assert!(PLAIN.token(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_form_carries_neither_the_token_nor_that_of_another_session() {
        let (one, other) = (Token::random(), Token::random());
        assert_ne!(one.hash(), other.hash());
        assert!(!one.for_forms().contains(one.0.expose_secret()));
        for carried in [other.for_forms().as_str(), one.0.expose_secret(), ""] {
            assert!(!one.is_in_form(carried));
        }
        assert!(!format!("{one:?}").contains(one.0.expose_secret()));
    }

    #[test]
    fn a_browser_is_told_what_we_have_said_and_nothing_else() {
        let carrying = |text: &str| {
            let carried = HeaderValue::from_str(text).expect("a header");
            PLAIN.notice(&HeaderMap::from_iter([(header::COOKIE, carried)]))
        };
        let tell = PLAIN.tell(Notice::PasswordChanged);
        let pair = tell.to_str().expect("text").split(';').next().expect("a pair");
        assert_eq!(carrying(pair), Some(Notice::PasswordChanged));
        for other in ["streamcat-notice=", "streamcat-notice=You have won", "streamcat=password-changed"] {
            assert_eq!(carrying(other), None, "{other}");
        }
        assert!(PLAIN.told().to_str().expect("text").starts_with("streamcat-notice=; Path=/; Max-Age=0;"));
    }

    #[test]
    fn no_script_reads_the_cookie_and_behind_tls_it_goes_by_tls_only() {
        let set = PLAIN.set(&Token::random());
        let text = set.to_str().expect("text");
        assert!(text.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax") && set.is_sensitive());
        let set = Cookies { secure: true, ..PLAIN }.set(&Token::random());
        let text = set.to_str().expect("text");
        assert!(text.starts_with("__Host-streamcat=") && text.ends_with("; SameSite=Lax; Secure"));
        assert!(PLAIN.clear().to_str().expect("text").starts_with("streamcat=; Path=/; Max-Age=0;"));
    }
}
