//! A person who has registered before signs in, and out.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Form,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;
use uuid::Uuid;

use super::{Site, away, location, owner::DeedForm, sent::Sent};
use crate::{
    registration::{
        accounts::Accounts,
        problem::{Format, Problem},
        refusal::Refusal,
        session::Token,
    },
    store::{AuditEntry, AuditEvent, Registrant, Registrants, Sessions},
};

/// Who has proved a password.
#[derive(Clone, Copy, Debug)]
pub struct Proved<'a> {
    /// Id of the user.
    pub user: Uuid,
    /// The username as it was first registered.
    pub username: &'a str,
    /// The hash of the password that was proved; None for who has none.
    pub password_hash: Option<&'a SecretString>,
}

impl<'a> From<&'a Registrant> for Proved<'a> {
    fn from(Registrant { id, username, password_hash, .. }: &'a Registrant) -> Self {
        Self { user: *id, username, password_hash: password_hash.as_ref() }
    }
}

impl<R: Registrants + Sessions, A: Accounts> Site<R, A> {
    /// Begins a session of a user whose password was proved, and sends the browser on; None if the password was changed since.
    /// Another session that the browser had ends: what somebody might have put into it before is worth nothing.
    pub async fn begin_session(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        proved: Proved<'_>,
    ) -> Result<Option<Response>, Problem> {
        let Some(password_hash) = proved.password_hash else { return Ok(None) };
        let (sessions, token) = (&self.registering.registrants, Token::random());
        if let Some(old) = self.cookies.token(headers) {
            sessions.end_session(&old.hash()).await.map_err(away)?;
        }
        let lasts = self.cookies.lasts;
        let begun = sessions.begin_session(proved.user, password_hash, &token.hash(), lasts, address).await;
        if !begun.map_err(away)? {
            return Ok(None);
        }
        let on = Redirect::to(&location(proved.username));
        Ok(Some(([(header::SET_COOKIE, self.cookies.set(&token))], on).into_response()))
    }
}

/// `POST /sign-in`, by the form only: a program has the password.
pub async fn sign_in<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let sent = match site.sent(peer, request).await {
        Ok(sent) if sent.submission.format == Format::Html => sent,
        Ok(_) => return site.told(Format::Json, &Problem::form_only()),
        Err((_, (format, problem))) => return site.told(format, &problem),
    };
    let again =
        |problem: Problem| site.sign_in_form(&sent.headers, None, &sent.submission.username, Some(&problem));
    attempt(&site, &sent).await.unwrap_or_else(again)
}

/// Signs in whose name and password were sent by a form of ours.
async fn attempt<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    sent: &Sent,
) -> Result<Response, Problem> {
    let Sent { headers, address, submission } = sent;
    let (username, metrics) = (&submission.username, &site.metrics);
    site.admit(sent, |metrics| metrics.signed_in("limited"))?;
    let proved = site.registering.prove(username, &submission.password, Some(*address)).await;
    let proved = proved.map_err(|refusal| {
        let is_limited = matches!(refusal, Refusal::Guessed(_));
        metrics.signed_in(if is_limited { "limited" } else { "not_now" });
        site.refused(&refusal)
    });
    let begun = match &proved? {
        Some(registrant) => site.begin_session(headers, *address, registrant.into()).await,
        None => Ok(None),
    };
    if let Some(on) = begun.inspect_err(|_| metrics.signed_in("not_now"))? {
        metrics.signed_in("signed_in");
        return Ok(on);
    }
    metrics.signed_in("wrong");
    let entry = AuditEntry { event: AuditEvent::SignInFailed, username, address: *address };
    site.audit.failure(&site.registering.registrants, &entry).await;
    Err(Problem::wrong_sign_in())
}

/// `POST /sign-out`.
pub async fn sign_out<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    deed: DeedForm,
) -> Response {
    let out = ([(header::SET_COOKIE, site.cookies.clear())], Redirect::to("/sign-in"));
    let Some(token) = site.cookies.token(&headers) else { return out.into_response() };
    if !deed.is_ok_and(|Form(deed)| token.is_in_form(&deed.token)) {
        return site.told(Format::Html, &Problem::not_signed_in());
    }
    let address = site.limits.client(&headers, peer.ip());
    match site.registering.registrants.sign_out(&token.hash(), address).await {
        Ok(()) => out.into_response(),
        Err(error) => site.told(Format::Html, &away(error)),
    }
}
