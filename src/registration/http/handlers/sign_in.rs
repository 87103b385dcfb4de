//! `/sign-in` and `/sign-out`.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    registration::{
        backend::Backend,
        http::{
            account_lookup::lookup_failed, body::SubmittedForm, credentials::CredentialsRequest,
            format::Format, owner::AccountForm, problem::Problem, state::AppState,
        },
        service::RegistrationError,
    },
    store::{AuditEntry, AuditEvent, Sessions},
};

/// `GET /sign-in`: shows the form, even to a signed-in user, who may want to switch accounts.
pub async fn form<B: Backend>(State(state): State<Arc<AppState<B>>>, headers: HeaderMap) -> Response {
    let own = state.own_username(&headers).await;
    state.sign_in_form(&headers, own.as_deref(), "", None)
}

/// `POST /sign-in`: signs a user in. Only forms are accepted: an API client needs no session.
pub async fn sign_in<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request = match state.read_credentials(peer, request).await {
        Ok(request) if request.submission.format == Format::Html => request,
        Ok(_) => return state.render_problem(Format::Json, &Problem::form_required()),
        Err((_, (format, problem))) => return state.render_problem(format, &problem),
    };
    let username = &request.submission.username;
    let show_again = |problem: Problem| state.sign_in_form(&request.headers, None, username, Some(&problem));
    attempt(&state, &request).await.unwrap_or_else(show_again)
}

/// Verifies the credentials and starts a session.
async fn attempt<B: Backend>(state: &AppState<B>, request: &CredentialsRequest) -> Result<Response, Problem> {
    let CredentialsRequest { headers, address, submission } = request;
    let (username, metrics) = (&submission.username, &state.metrics);
    state.admit(request, |metrics| metrics.record_sign_in("rate_limited"))?;
    let verified = state.service.authenticate(username, &submission.password, Some(*address)).await;
    let verified = verified.map_err(|error| {
        let is_limited = matches!(error, RegistrationError::TooManyFailures(_));
        metrics.record_sign_in(if is_limited { "rate_limited" } else { "unavailable" });
        state.problem_for(&error)
    });
    let started = match &verified? {
        Some(registrant) => state.begin_session(headers, *address, registrant.into()).await,
        None => Ok(None),
    };
    if let Some(response) = started.inspect_err(|_| metrics.record_sign_in("unavailable"))? {
        metrics.record_sign_in("signed_in");
        return Ok(response);
    }
    metrics.record_sign_in("wrong_password");
    let entry = AuditEntry { event: AuditEvent::SignInFailed, username, address: *address };
    state.audit.record_failure(&state.service.registrants, &entry).await;
    Err(Problem::wrong_credentials())
}

/// `POST /sign-out`: ends the session.
pub async fn sign_out<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    SubmittedForm(form): SubmittedForm<AccountForm>,
) -> Response {
    let signed_out = ([(header::SET_COOKIE, state.cookies.clear())], Redirect::to("/sign-in"));
    let Some(token) = state.cookies.token(&headers) else { return signed_out.into_response() };
    if !form.is_ok_and(|form| token.matches_form(&form.token)) {
        return state.render_problem(Format::Html, &Problem::not_signed_in());
    }
    let address = state.limits.client_ip(&headers, peer.ip());
    match state.service.registrants.sign_out(&token.hash(), address).await {
        Ok(()) => signed_out.into_response(),
        Err(error) => state.render_problem(Format::Html, &lookup_failed(error)),
    }
}
