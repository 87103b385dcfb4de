//! What a person does who has registered before: signs in and out, sees the stream key, deletes the account.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Form,
    extract::{ConnectInfo, Request, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

use super::{Site, Username, away, found, location, own, refused};
use crate::{
    api::StreamerAccount,
    registration::{
        accounts::Accounts,
        pages::{self, Own, StreamKey},
        problem::{Format, Problem},
        progress::Status,
        session::Token,
        submission::{self, Submission},
    },
    store::{AuditEntry, AuditEvent, Registrant, Registrants, Sessions},
};

/// What the forms of a signed-in person carry.
#[derive(Debug, Deserialize)]
pub struct Deed {
    #[serde(default)]
    token: String,
    /// The password, where it is asked for once more.
    #[serde(default, deserialize_with = "submission::password")]
    pub password: SecretString,
    /// The one that is to take its place.
    #[serde(default, rename = "new-password", deserialize_with = "submission::password")]
    pub new_password: SecretString,
}

/// A form of a signed-in person.
pub type DeedForm = Result<Form<Deed>, FormRejection>;

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

/// Begins a session of a user whose password was proved, and sends the browser on; not if the password was changed since.
/// Another session that the browser had ends: what somebody might have put into it before is worth nothing.
pub async fn begin_session<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    headers: &HeaderMap,
    address: IpAddr,
    proved: Proved<'_>,
) -> Result<Response, Problem> {
    let password_hash = proved.password_hash.ok_or_else(Problem::wrong_sign_in)?;
    let (sessions, token) = (&site.registering.registrants, Token::random());
    if let Some(old) = site.cookies.token(headers) {
        sessions.end_session(&old.hash()).await.map_err(away)?;
    }
    let lasts = site.cookies.lasts;
    let begun = sessions.begin_session(proved.user, password_hash, &token.hash(), lasts, address).await;
    if !begun.map_err(away)? {
        return Err(Problem::wrong_sign_in());
    }
    let on = Redirect::to(&location(proved.username));
    Ok(([(header::SET_COOKIE, site.cookies.set(&token))], on).into_response())
}

/// `POST /sign-in`, by the form only: a program has the password.
pub async fn sign_in<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let submission = match Submission::read(request).await {
        Ok(submission) if submission.format == Format::Html => submission,
        Ok(_) => return site.told(Format::Json, &Problem::form_only()),
        Err((format, problem)) => return site.told(format, &problem),
    };
    let signed_in = async {
        let address = site.limits.client(&headers, peer.ip());
        let registrant = proved(&site, &headers, peer, &submission).await?;
        let begun = begin_session(&site, &headers, address, (&registrant).into()).await;
        site.metrics.signed_in(match &begun {
            Ok(_) => "signed_in",
            Err(problem) if problem.status == StatusCode::FORBIDDEN => "wrong",
            Err(_) => "not_now",
        });
        begun
    };
    let again = |problem: Problem| site.sign_in_form(&headers, &submission.username, Some(&problem));
    signed_in.await.unwrap_or_else(again)
}

/// The user whose name and password were sent by a form of ours.
async fn proved<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    headers: &HeaderMap,
    peer: SocketAddr,
    submission: &Submission,
) -> Result<Registrant, Problem> {
    let (username, metrics) = (&submission.username, &site.metrics);
    site.check_form(headers, submission)?;
    let counted = site.limits.count(headers, peer.ip(), username);
    counted.inspect_err(|_| metrics.signed_in("limited"))?;
    let proved = site.registering.prove(username, &submission.password).await;
    let proved = proved.inspect_err(|_| metrics.signed_in("not_now"));
    if let Some(registrant) = proved.map_err(|refusal| refused(&refusal))? {
        return Ok(registrant);
    }
    metrics.signed_in("wrong");
    let address = site.limits.client(headers, peer.ip());
    let entry = AuditEntry { event: AuditEvent::SignInFailed, username, address };
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

/// `POST /accounts/{username}/stream-key`: the page of the account, with the key.
pub async fn stream_key<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    username: Username,
    headers: HeaderMap,
    deed: DeedForm,
) -> Response {
    let page = async {
        let (registrant, token, _) = member(&site, username, &headers, deed).await?;
        let found = found(&site.registering, &registrant.username).await?;
        let stream_key = match &found.account {
            Some(account) => key_of(&site.registering.accounts, account).await,
            None => StreamKey::NotNow,
        };
        if matches!(stream_key, StreamKey::Shown(_)) {
            let (username, address) = (&registrant.username, site.limits.client(&headers, peer.ip()));
            let entry = AuditEntry { event: AuditEvent::StreamKeyShown, username, address };
            site.audit.deed(&site.registering.registrants, &entry).await?;
        }
        let own = Own { stream_key, ..own(&found, token.for_forms()) };
        Ok(pages::account(&registrant.username, &found.progress, Some(&own)))
    };
    page.await.map_or_else(|problem| site.told(Format::Html, &problem), |page| site.shown(&page))
}

/// `GET /accounts/{username}/stream-key`: where a browser that loads the page with the key again, or signs in first, finds the account.
pub async fn without_stream_key<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
) -> Response {
    if username.is_one() {
        Redirect::to(&location(&username.0)).into_response()
    } else {
        site.told(Format::Html, &Problem::unknown_account())
    }
}

async fn key_of<A: Accounts>(accounts: &A, account: &StreamerAccount) -> StreamKey {
    match accounts.stream_key(account).await {
        Ok(Some(key)) => StreamKey::Shown(key),
        Ok(None) => StreamKey::NotNow,
        Err(error) => {
            tracing::warn!(%error, "a stream key cannot be read");
            StreamKey::NotNow
        }
    }
}

/// `GET /accounts/{username}/delete`.
pub async fn ask_to_delete<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    owners_form(&site, &username, &headers, pages::delete).await
}

/// A form that only the owner of an account gets.
pub async fn owners_form<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    username: &Username,
    headers: &HeaderMap,
    page: impl FnOnce(pages::Form<'_>) -> pages::Page,
) -> Response {
    let page = async {
        let found = found(&site.registering, &username.0).await?;
        let token = site.session_of(&found.registrant, headers).await?;
        let token = token.ok_or_else(Problem::not_signed_in)?;
        let username = &found.registrant.username;
        Ok(page(pages::Form { token: &token.for_forms(), username, problem: None }))
    };
    page.await.map_or_else(|problem: Problem| site.told(Format::Html, &problem), |page| site.shown(&page))
}

/// `POST /accounts/{username}/delete`, with the password once more.
pub async fn delete<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    username: Username,
    headers: HeaderMap,
    deed: DeedForm,
) -> Response {
    let (registrant, token, deed) = match member(&site, username, &headers, deed).await {
        Ok(member) => member,
        Err(problem) => return site.told(Format::Html, &problem),
    };
    let gone = match site.limits.count_member(&headers, peer.ip(), registrant.id) {
        Ok(()) => {
            let address = site.limits.client(&headers, peer.ip());
            let_go(&site, address, &registrant, &deed.password).await
        }
        Err(problem) => Err(problem),
    };
    match gone {
        Ok(()) => Redirect::to(&format!("/accounts/{}/goodbye", registrant.username)).into_response(),
        Err(problem) => {
            let (token, username) = (&token.for_forms(), &registrant.username);
            let page = pages::delete(pages::Form { token, username, problem: Some(&problem) });
            problem.finish(site.shown(&page))
        }
    }
}

async fn let_go<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    address: IpAddr,
    registrant: &Registrant,
    password: &SecretString,
) -> Result<(), Problem> {
    prove_again(site, address, registrant, password).await?;
    let (log, username) = (&site.registering.registrants, &registrant.username);
    let found = found(&site.registering, &registrant.username).await?;
    site.audit.deed(log, &AuditEntry { event: AuditEvent::DeletionAsked, username, address }).await?;
    let left = site.registering.leave(&found.registrant, found.account.as_ref()).await;
    left.map_err(|refusal| refused(&refusal))
}

/// The registrant, whose password was asked for once more.
pub async fn prove_again<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    address: IpAddr,
    registrant: &Registrant,
    password: &SecretString,
) -> Result<Registrant, Problem> {
    let (log, username) = (&site.registering.registrants, &registrant.username);
    let proved = site.registering.prove(username, password).await.map_err(|refusal| refused(&refusal))?;
    if let Some(proved) = proved.filter(|proved| proved.id == registrant.id) {
        return Ok(proved);
    }
    site.audit.failure(log, &AuditEntry { event: AuditEvent::PasswordRefused, username, address }).await;
    Err(Problem::wrong_password())
}

/// `GET /accounts/{username}/goodbye`: the account while it goes, and that it is gone.
pub async fn goodbye<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
) -> Response {
    match found(&site.registering, &username.0).await {
        Ok(found) if found.progress.status == Status::Deleting => {
            site.shown(&pages::account(&found.registrant.username, &found.progress, None))
        }
        Ok(found) => Redirect::to(&location(&found.registrant.username)).into_response(),
        Err(problem) if problem.status == StatusCode::NOT_FOUND && username.is_one() => {
            site.shown(&pages::gone(&username.0))
        }
        Err(problem) => site.told(Format::Html, &problem),
    }
}

/// The owner of an account, who sent this form from a page of the session.
pub async fn member<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    username: Username,
    headers: &HeaderMap,
    deed: DeedForm,
) -> Result<(Registrant, Token, Deed), Problem> {
    let Form(deed) = deed.map_err(|_| Problem::malformed("The form could not be read."))?;
    if !username.is_one() {
        return Err(Problem::not_signed_in());
    }
    let registrant = site.registering.registrants.registrant(&username.0).await.map_err(away)?;
    let registrant = registrant.ok_or_else(Problem::not_signed_in)?;
    let token = site.session_of(&registrant, headers).await?.ok_or_else(Problem::not_signed_in)?;
    if token.is_in_form(&deed.token) { Ok((registrant, token, deed)) } else { Err(Problem::not_signed_in()) }
}
