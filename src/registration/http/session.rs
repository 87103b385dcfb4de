//! Starting the session of a user whose password was verified.

use std::net::IpAddr;

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    account_lookup::lookup_failed, cookies::Token, problem::Problem, state::AppState, username::account_path,
};
use crate::{
    registration::backend::Backend,
    store::{Registrant, Sessions},
};

/// A user whose password was verified.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedUser<'a> {
    /// Id of the user.
    pub user: Uuid,
    /// The username as it was first registered.
    pub username: &'a str,
    /// The hash of the verified password, or None for a user without a password.
    pub password_hash: Option<&'a SecretString>,
}

impl<'a> From<&'a Registrant> for VerifiedUser<'a> {
    fn from(Registrant { id, username, password_hash, .. }: &'a Registrant) -> Self {
        Self { user: *id, username, password_hash: password_hash.as_ref() }
    }
}

impl<B: Backend> AppState<B> {
    /// Starts a session and redirects the browser to the account. Returns None if the password has changed
    /// since it was verified. Any previous session of the browser ends first, so that nobody can plant a
    /// session (session fixation).
    pub async fn begin_session(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        verified: VerifiedUser<'_>,
    ) -> Result<Option<Response>, Problem> {
        let Some(password_hash) = verified.password_hash else { return Ok(None) };
        let (sessions, token) = (&self.service.registrants, Token::random());
        if let Some(old) = self.cookies.token(headers) {
            sessions.end_session(&old.hash()).await.map_err(lookup_failed)?;
        }
        let lifetime = self.cookies.session_lifetime;
        let started =
            sessions.begin_session(verified.user, password_hash, &token.hash(), lifetime, address).await;
        if !started.map_err(lookup_failed)? {
            return Ok(None);
        }
        let redirect = Redirect::to(&account_path(verified.username));
        Ok(Some(([(header::SET_COOKIE, self.cookies.set(&token))], redirect).into_response()))
    }
}
