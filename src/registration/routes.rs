//! The addresses, and what each answers.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::map_response,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use maud::Markup;
use serde::Serialize;
use tokio_util::task::TaskTracker;

use super::{
    accounts::{Accounts, belongs_to},
    headers, pages,
    problem::{Format, Problem},
    progress::{Progress, Status},
    registering::{Applicant, Made, Refusal, Registered, Registering},
    retry,
    submission::Submission,
    validate,
};
use crate::{api, store::Registrants};

/// Largest body that is read, in bytes.
const LARGEST_BODY: usize = 8 * 1024;

/// What the pages need.
#[derive(Debug)]
pub struct Site<R, A> {
    /// Makes accounts.
    pub registering: Arc<Registering<R, A>>,
    /// Registrations under way; each runs to its end even when the person has gone.
    pub tasks: TaskTracker,
}

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

#[derive(Serialize)]
struct ProgressAnswer {
    username: String,
    status: Status,
    parts: Parts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    channel: Status,
    chat_room: Status,
    stage: Status,
}

/// All addresses.
pub fn router<R: Registrants, A: Accounts>(site: Arc<Site<R, A>>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::to("/register")))
        .route("/style.css", get(style))
        .route("/register", get(async || shown(&pages::empty_form())).post(register::<R, A>))
        .route("/accounts/{username}", get(account::<R, A>))
        .fallback(async |headers: HeaderMap| told(Format::accepted(&headers), &Problem::not_found()))
        .method_not_allowed_fallback(async |headers: HeaderMap| {
            told(Format::accepted(&headers), &Problem::not_allowed())
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(map_response(headers::secure))
        .with_state(site)
}

async fn style() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, include_str!("style.css"))
}

async fn register<R: Registrants, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    request: Request,
) -> Response {
    let submission = match Submission::read(request).await {
        Ok(submission) => submission,
        Err((format, problem)) => return told_with_form(format, "", &problem),
    };
    let problems = validate::problems(&submission.username, &submission.password);
    if !problems.is_empty() {
        return told_with_form(submission.format, &submission.username, &Problem::invalid(problems));
    }
    let applicant = Applicant {
        username: submission.username.clone(),
        password: submission.password,
        key: submission.key,
    };
    match to_its_end(&site, applicant).await {
        Ok(registered) => welcomed(submission.format, registered),
        Err(refusal) => told_with_form(submission.format, &submission.username, &Problem::from(&refusal)),
    }
}

/// Registers in a task of its own: a connection that breaks must not stop it halfway.
async fn to_its_end<R: Registrants, A: Accounts>(
    site: &Arc<Site<R, A>>,
    applicant: Applicant,
) -> Result<Registered, Refusal> {
    let registering = Arc::clone(&site.registering);
    let task = site.tasks.spawn(async move { registering.register(&applicant).await });
    let ended = task.await.unwrap_or_else(|error| Err(Refusal::Misconfigured(error.to_string())));
    retry::tell(&ended);
    ended
}

fn welcomed(format: Format, registered: Registered) -> Response {
    // A username needs no encoding: it has letters, digits, - and _ only.
    let location = format!("/accounts/{}", registered.username);
    if format == Format::Html {
        return Redirect::to(&location).into_response();
    }
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

async fn account<R: Registrants, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let format = Format::accepted(&headers);
    // What is not even text is nobody's name.
    let username = username.map_or_else(|_| String::new(), |Path(username)| username);
    match progress(&site.registering, &username).await {
        Ok((username, progress)) if format == Format::Html => shown(&pages::account(&username, &progress)),
        Ok((username, progress)) => Json(progress_answer(username, &progress)).into_response(),
        Err(problem) => told(format, &problem),
    }
}

/// The username as it was first typed, and how far the account is. A user whose account was made and is no more is
/// unknown; one whose account is still to be made waits, whether or not the cluster can be asked.
async fn progress<R: Registrants, A: Accounts>(
    registering: &Registering<R, A>,
    username: &str,
) -> Result<(String, Progress), Problem> {
    if api::username_problem(username).is_some() {
        return Err(Problem::unknown_account());
    }
    let registrant = registering.registrants.registrant(username).await.map_err(away)?;
    let registrant = registrant.ok_or_else(Problem::unknown_account)?;
    let place = (registrant.account_namespace.as_str(), registrant.account_name.as_str());
    let progress = match registering.accounts.account(place.0, place.1).await {
        Ok(Some(account)) if !registrant.open || belongs_to(&account, &registrant) => Progress::of(&account),
        Ok(Some(_) | None) | Err(_) if registrant.open => Progress::to_be_made(),
        Ok(_) => return Err(Problem::unknown_account()),
        Err(error) => return Err(away(error)),
    };
    Ok((registrant.username, progress))
}

fn away(error: impl std::error::Error) -> Problem {
    tracing::warn!(%error, "an account cannot be looked up");
    Problem::away()
}

fn progress_answer(username: String, progress: &Progress) -> ProgressAnswer {
    let parts = Parts {
        channel: progress.channel.status,
        chat_room: progress.chat_room.status,
        stage: progress.stage.status,
    };
    ProgressAnswer { username, status: progress.status, parts, problems: progress.problems() }
}

fn shown(page: &Markup) -> Response {
    Html(page.0.clone()).into_response()
}

fn told(format: Format, problem: &Problem) -> Response {
    match format {
        Format::Json => problem.json(),
        Format::Html => problem.finish(shown(&pages::problem(problem))),
    }
}

fn told_with_form(format: Format, username: &str, problem: &Problem) -> Response {
    match format {
        Format::Json => problem.json(),
        Format::Html => problem.finish(shown(&pages::form_again(username, problem))),
    }
}

#[cfg(test)]
mod tests;
