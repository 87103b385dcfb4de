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
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == self.name())?;
        Some(Token(value.into()))
    }

    /// The header that gives a browser its token.
    #[must_use]
    pub fn set(self, token: &Token) -> HeaderValue {
        self.header(token.0.expose_secret(), self.lasts.as_secs())
    }

    /// The header that takes it away.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.header("", 0)
    }

    /// With the prefix, browsers take the cookie from nobody but us, and by TLS only.
    fn name(self) -> &'static str {
        if self.secure { "__Host-streamcat" } else { "streamcat" }
    }

    fn header(self, value: &str, seconds: u64) -> HeaderValue {
        let (name, secure) = (self.name(), if self.secure { "; Secure" } else { "" });
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
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
