//! `POST /register`: a person who registers, or a program that registers one.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Json,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Site, location, sent::Sent, sign_in::Proved};
use crate::{
    registration::{
        accounts::Accounts,
        audit::NOBODY,
        problem::{Format, Problem},
        progress::Status,
        refusal::Refusal,
        registering::{Applicant, Made, Registered},
        retry,
        submission::{JsonFields, Submission},
    },
    store::{AuditEntry, AuditEvent, Registrants, Sessions},
};

/// Who is registered.
#[derive(Serialize, ToSchema)]
#[schema(as = Registered)]
pub struct RegisteredAnswer {
    /// As it was first registered.
    username: String,
    account: AccountName,
    status: Status,
}

/// The StreamerAccount in the cluster.
#[derive(Serialize, ToSchema)]
struct AccountName {
    namespace: String,
    name: String,
}

/// Registers somebody.
///
/// The same request again, with the same password, is answered with the same account.
#[utoipa::path(
    post,
    path = "/register",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A request that is sent again with the same key is answered as the first time",
            min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$"),
    ),
    request_body = JsonFields,
    responses(
        (status = CREATED, description = "The account is being set up.", body = RegisteredAnswer,
            headers(("Location" = String, description = "Where its progress is")),
            links(("progress" = (operation_id = "account", parameters(("username" = "$response.body#/username")))))),
        (status = OK, description = "The account was there.", body = RegisteredAnswer,
            headers(("Location" = String, description = "Where its progress is"))),
        (status = ACCEPTED, description = "The account will be made as soon as that can be done, without another request.", body = RegisteredAnswer,
            headers(("Location" = String, description = "Where its progress is"))),
        (status = BAD_REQUEST, description = "What was sent cannot be read."),
        (status = FORBIDDEN, description = "A page of another site made a browser send this."),
        (status = REQUEST_TIMEOUT, description = "It took too long to come."),
        (status = CONFLICT, description = "The username is taken, or its account is being deleted."),
        (status = PAYLOAD_TOO_LARGE, description = "More than 8 KB."),
        (status = UNSUPPORTED_MEDIA_TYPE, description = "It is not JSON."),
        (status = UNPROCESSABLE_ENTITY, description = "A field does not keep the rules, or the Idempotency-Key was used for another username."),
        (status = TOO_MANY_REQUESTS, description = "Too many attempts from this address or for this username, too many wrong passwords, or too many connections from this address."),
    )
)]
pub async fn register<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let sent = match site.sent(peer, request).await {
        Ok(sent) => sent,
        Err((headers, (format, problem))) => {
            site.metrics.registered("unreadable");
            return told_with_form(&site, &headers, format, "", &problem);
        }
    };
    let format = sent.submission.format;
    match attempt(&site, &sent).await {
        Ok(registered) if format == Format::Json => answered(registered),
        Ok(registered) => welcomed(&site, &sent, &registered).await,
        Err(problem) => told_with_form(&site, &sent.headers, format, &sent.submission.username, &problem),
    }
}

/// Registers who is not turned away before.
async fn attempt<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    sent: &Sent,
) -> Result<Registered, Problem> {
    site.admit(sent, |metrics| metrics.registered("limited"))?;
    let Submission { username, password, key, .. } = &sent.submission;
    let problems = site.rules.problems(username, password);
    if !problems.is_empty() {
        site.metrics.registered("invalid");
        return Err(Problem::invalid(problems));
    }
    let (username, password) = (username.clone(), password.clone());
    let applicant = Applicant { username, password, key: *key, address: sent.address };
    let ended = site.registering.register(&applicant).await;
    if let Err(refusal) = &ended {
        note_refusal(site, refusal, &applicant).await;
    }
    retry::tell(&ended);
    site.metrics.registered(outcome(&ended));
    ended.map_err(|refusal| Problem::from(&refusal))
}

/// Counts what a limit has refused; writes into the audit log that somebody wanted a name that is not to be had. It is written of the
/// user only where the password was wrong: as such each row counts, and by any other anybody could lock the user out.
async fn note_refusal<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    refusal: &Refusal,
    applicant: &Applicant,
) {
    match refusal {
        Refusal::Crowded(_) => site.metrics.refused("accounts"),
        Refusal::Full => site.metrics.refused("registering"),
        Refusal::Guessed(_) => site.metrics.refused("failures"),
        Refusal::NoRoom(_) => site.metrics.refused("quota"),
        Refusal::Taken => note_refused(site, &applicant.username, applicant.address).await,
        Refusal::Deleting | Refusal::KeyUsed => note_refused(site, NOBODY, applicant.address).await,
        Refusal::Busy | Refusal::NotNow(_) | Refusal::Misconfigured(_) => {}
    }
}

async fn note_refused<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    username: &str,
    address: IpAddr,
) {
    let entry = AuditEntry { event: AuditEvent::RegistrationRefused, username, address };
    site.audit.failure(&site.registering.registrants, &entry).await;
}

fn outcome(ended: &Result<Registered, Refusal>) -> &'static str {
    match ended {
        Ok(Registered { made: Made::Now, .. }) => "created",
        Ok(Registered { made: Made::Later, .. }) => "later",
        Ok(Registered { made: Made::Before | Made::Repeated, .. }) => "returned",
        Err(Refusal::Taken) => "taken",
        Err(Refusal::Deleting) => "deleting",
        Err(Refusal::KeyUsed) => "key_used",
        Err(Refusal::Crowded(_)) => "crowded",
        Err(Refusal::NoRoom(_)) => "no_room",
        Err(Refusal::Guessed(_)) => "limited",
        Err(Refusal::Full | Refusal::Busy | Refusal::NotNow(_)) => "not_now",
        Err(Refusal::Misconfigured(_)) => "failed",
    }
}

/// Whoever registers has proved the password, and is signed in. Where that fails, the account is there all the same.
async fn welcomed<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    sent: &Sent,
    registered: &Registered,
) -> Response {
    let Registered { user, username, password_hash, .. } = registered;
    let proved = Proved { user: *user, username, password_hash: password_hash.as_ref() };
    let begun = site.begin_session(&sent.headers, sent.address, proved).await.ok().flatten();
    begun.unwrap_or_else(|| Redirect::to(&location(&registered.username)).into_response())
}

fn answered(registered: Registered) -> Response {
    let location = location(&registered.username);
    let status = match registered.made {
        Made::Now | Made::Repeated => StatusCode::CREATED,
        Made::Before => StatusCode::OK,
        Made::Later => StatusCode::ACCEPTED,
    };
    let answer = RegisteredAnswer {
        username: registered.username,
        account: AccountName { namespace: registered.namespace, name: registered.name },
        status: registered.status,
    };
    (status, [(header::LOCATION, location)], Json(answer)).into_response()
}

fn told_with_form<R, A>(
    site: &Site<R, A>,
    headers: &HeaderMap,
    format: Format,
    username: &str,
    problem: &Problem,
) -> Response {
    match format {
        Format::Json => problem.json(),
        Format::Html => site.registration_form(headers, username, Some(problem)),
    }
}
