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

use super::{Site, location, members, shown};
use crate::{
    registration::{
        accounts::Accounts,
        pages,
        problem::{Format, Problem},
        progress::Status,
        registering::{Applicant, Made, Refusal, Registered},
        retry,
        submission::Submission,
        validate,
    },
    store::{AuditEntry, AuditEvent, Registrants, Sessions},
};

#[derive(Serialize)]
struct RegisteredAnswer {
    username: String,
    account: AccountName,
    status: Status,
}

#[derive(Serialize)]
struct AccountName {
    namespace: String,
    name: String,
}

/// `POST /register`.
pub async fn register<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let submission = match Submission::read(request).await {
        Ok(submission) => submission,
        Err((format, problem)) => {
            site.metrics.registered("unreadable");
            return told_with_form(format, "", &problem);
        }
    };
    if let Err(problem) = site.limits.count(&headers, peer.ip(), &submission.username) {
        site.metrics.registered("limited");
        return told_with_form(submission.format, &submission.username, &problem);
    }
    let problems = validate::problems(&submission.username, &submission.password);
    if !problems.is_empty() {
        site.metrics.registered("invalid");
        return told_with_form(submission.format, &submission.username, &Problem::invalid(problems));
    }
    let address = site.limits.client(&headers, peer.ip());
    let applicant = Applicant {
        username: submission.username.clone(),
        password: submission.password,
        key: submission.key,
        address,
    };
    let ended = to_its_end(&site, applicant).await;
    site.metrics.registered(outcome(&ended));
    match ended {
        Ok(registered) if submission.format == Format::Json => answered(registered),
        Ok(registered) => welcomed(&site, &headers, address, &registered).await,
        Err(refusal) => told_with_form(submission.format, &submission.username, &Problem::from(&refusal)),
    }
}

/// Registers in a task of its own: a connection that breaks must not stop it halfway.
async fn to_its_end<R: Registrants + Sessions, A: Accounts>(
    site: &Arc<Site<R, A>>,
    applicant: Applicant,
) -> Result<Registered, Refusal> {
    let owned = Arc::clone(site);
    let task = site.tasks.spawn(async move {
        let ended = owned.registering.register(&applicant).await;
        if let Err(refusal) = &ended {
            note_refusal(&owned, refusal, &applicant).await;
        }
        ended
    });
    let ended = task.await.unwrap_or_else(|error| Err(Refusal::Misconfigured(error.to_string())));
    retry::tell(&ended);
    ended
}

/// Counts what a limit has refused; writes into the audit log that somebody wanted a name that is not theirs.
async fn note_refusal<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    refusal: &Refusal,
    applicant: &Applicant,
) {
    match refusal {
        Refusal::Crowded(_) => site.metrics.refused("accounts"),
        Refusal::NoRoom(_) => site.metrics.refused("quota"),
        Refusal::Taken | Refusal::Deleting | Refusal::KeyUsed => {
            let (username, address) = (&applicant.username, applicant.address);
            let entry = AuditEntry { event: AuditEvent::RegistrationRefused, username, address };
            site.audit.failure(&site.registering.registrants, &entry).await;
        }
        Refusal::Busy | Refusal::NotNow(_) | Refusal::Misconfigured(_) => {}
    }
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
        Err(Refusal::Busy | Refusal::NotNow(_)) => "not_now",
        Err(Refusal::Misconfigured(_)) => "failed",
    }
}

/// Whoever registers has proved the password, and is signed in. Where that fails, the account is there all the same.
async fn welcomed<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    headers: &HeaderMap,
    address: IpAddr,
    registered: &Registered,
) -> Response {
    let begun = members::begin_session(site, headers, address, registered.user, &registered.username).await;
    begun.unwrap_or_else(|_| Redirect::to(&location(&registered.username)).into_response())
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

fn told_with_form(format: Format, username: &str, problem: &Problem) -> Response {
    match format {
        Format::Json => problem.json(),
        Format::Html => problem.finish(shown(&pages::form_again(username, problem))),
    }
}
