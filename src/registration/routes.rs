//! The addresses, and what each answers.

use std::{future::ready, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, State},
    http::{HeaderMap, header, request::Parts},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Serialize;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa::{IntoParams, ToSchema};

use super::{
    accounts::{Accounts, belongs_to},
    audit::Auditing,
    cross_site, headers,
    limits::Limits,
    measure::measure,
    openapi,
    pages::{self, Addresses, Own, StreamKey},
    problem::{Format, Problem},
    progress::{Progress, Status},
    registering::{Refusal, Registering},
    session::{Cookies, Token},
    shares::Shares,
    validate::Rules,
};
use crate::{
    api::{self, StreamerAccount},
    store::{Registrant, Registrants, Sessions},
    telemetry::RegistrationMetrics,
};

mod delete;
pub mod events;
mod new_password;
mod owner;
pub mod register;
mod showing;
mod sign_in;
mod stream_key;
pub mod turned_away;

/// Largest body that is read, in bytes.
const LARGEST_BODY: usize = 8 * 1024;

/// How long a page with a form waits for what it can do without.
const SOON: Duration = Duration::from_secs(1);

/// What the pages need.
#[derive(Debug)]
pub struct Site<R, A> {
    /// Makes accounts.
    pub registering: Arc<Registering<R, A>>,
    /// How sessions are carried.
    pub cookies: Cookies,
    /// What may be registered.
    pub rules: Rules,
    /// How often somebody may try.
    pub limits: Limits,
    /// Writes what people do into the audit log.
    pub audit: Auditing,
    /// Counts.
    pub metrics: RegistrationMetrics,
    /// Registrations under way; each runs to its end even when the person has gone.
    pub tasks: TaskTracker,
    /// Permits of those who listen to progress.
    pub listeners: Arc<Semaphore>,
    /// How many of them may be of one address.
    pub listening: Arc<Shares>,
    /// Cancelled when listeners are to be let go of.
    pub stop: CancellationToken,
}

impl<R: Registrants + Sessions, A: Accounts> Site<R, A> {
    /// The token of the session that a request carries, if it is this user's.
    async fn session_of(
        &self,
        registrant: &Registrant,
        headers: &HeaderMap,
    ) -> Result<Option<Token>, Problem> {
        let Some(token) = self.cookies.token(headers) else { return Ok(None) };
        let user = self.registering.registrants.session_user(&token.hash()).await.map_err(away)?;
        Ok((user == Some(registrant.id)).then_some(token))
    }

    /// Where a browser is sent that is signed in: to its own account. A form is shown all the same where that cannot be looked up soon.
    async fn own_page(&self, headers: &HeaderMap) -> Option<Redirect> {
        let token = self.cookies.token(headers)?;
        let own = async {
            let username = self.registering.registrants.session_username(&token.hash()).await.ok()??;
            let found = found(&self.registering, &username).await.ok()?;
            Some(Redirect::to(&location(&found.registrant.username)))
        };
        timeout(SOON, own).await.ok()?
    }
}

/// The username in an address; what is not even text is nobody's.
#[derive(IntoParams)]
#[into_params(names("username"), parameter_in = Path)]
pub struct Username(
    #[param(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$", example = "todd")] String,
);

impl Username {
    /// Whether anybody can have it.
    fn is_one(&self) -> bool {
        api::username_problem(&self.0).is_none()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Username {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map_or_else(|_| String::new(), |Path(username)| username)))
    }
}

/// How far an account is.
#[derive(Serialize, ToSchema)]
#[schema(as = Progress)]
pub struct ProgressAnswer {
    /// As it was first registered.
    username: String,
    status: Status,
    parts: PartsAnswer,
    /// What is wrong, in a person's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    problems: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Parts)]
#[serde(rename_all = "camelCase")]
struct PartsAnswer {
    channel: Status,
    chat_room: Status,
    stage: Status,
}

/// All addresses.
pub fn router<R: Registrants + Sessions, A: Accounts>(site: Arc<Site<R, A>>) -> Router {
    let (behind_tls, metrics) = (site.cookies.secure, site.metrics.clone());
    Router::new()
        .route("/", get(home::<R, A>))
        .route("/style.css", get(async || asset("text/css", include_str!("style.css"))))
        .route("/live.js", get(async || asset("text/javascript", include_str!("live.js"))))
        .route("/form.js", get(async || asset("text/javascript", include_str!("form.js"))))
        .route("/openapi.json", get(openapi::document::<R, A>))
        .route("/register", get(registration_form::<R, A>).post(register::register::<R, A>))
        .route("/sign-in", get(sign_in_form::<R, A>).post(sign_in::sign_in::<R, A>))
        .route("/sign-out", post(sign_in::sign_out::<R, A>))
        .route("/accounts/{username}", get(account::<R, A>))
        .route("/accounts/{username}/events", get(events::events::<R, A>))
        .route(
            "/accounts/{username}/stream-key",
            get(stream_key::without::<R, A>).post(stream_key::show::<R, A>),
        )
        .route("/accounts/{username}/delete", get(delete::ask::<R, A>).post(delete::delete::<R, A>))
        .route(
            "/accounts/{username}/password",
            get(new_password::ask::<R, A>).post(new_password::change::<R, A>),
        )
        .route("/accounts/{username}/goodbye", get(delete::goodbye::<R, A>))
        .fallback(async |State(site): State<Arc<Site<R, A>>>, headers: HeaderMap| {
            site.told(Format::accepted(&headers), &Problem::not_found())
        })
        .method_not_allowed_fallback(async |State(site): State<Arc<Site<R, A>>>, headers: HeaderMap| {
            site.told(Format::accepted(&headers), &Problem::not_allowed())
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&site), cross_site::refuse::<R, A>))
        .layer(map_response(move |response| ready(headers::secure(response, behind_tls))))
        .layer(from_fn_with_state(metrics, measure))
        .with_state(site)
}

/// A file of ours that any page may load.
fn asset(media: &str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, format!("{media}; charset=utf-8")),
        (header::CACHE_CONTROL, "public, max-age=300".to_owned()),
    ];
    (headers, text)
}

/// The page of an account. A username needs no encoding: it has letters, digits, - and _ only.
fn location(username: &str) -> String {
    format!("/accounts/{username}")
}

async fn home<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    headers: HeaderMap,
) -> Redirect {
    site.own_page(&headers).await.unwrap_or_else(|| Redirect::to("/register"))
}

/// The form, for people.
#[utoipa::path(
    get,
    path = "/register",
    responses(
        (status = OK, description = "A page.", body = String, content_type = "text/html"),
        (status = SEE_OTHER, description = "To the account of who is signed in."),
    )
)]
pub(super) async fn registration_form<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    headers: HeaderMap,
) -> Response {
    match site.own_page(&headers).await {
        Some(own) => own.into_response(),
        None => site.registration_form(&headers, "", None),
    }
}

async fn sign_in_form<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    headers: HeaderMap,
) -> Response {
    match site.own_page(&headers).await {
        Some(own) => own.into_response(),
        None => site.sign_in_form(&headers, "", None),
    }
}

/// How far an account is.
#[utoipa::path(
    get,
    path = "/accounts/{username}",
    params(Username),
    responses(
        (status = OK, description = "It is there, or will be.", body = ProgressAnswer),
        (status = NOT_FOUND, description = "Nobody has this name."),
    )
)]
pub(super) async fn account<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    let format = Format::accepted(&headers);
    let answer = async {
        let found = found(&site.registering, &username.0).await?;
        if format == Format::Json {
            return Ok(Json(progress_answer(found.registrant.username, &found.progress)).into_response());
        }
        let token = site.session_of(&found.registrant, &headers).await?;
        let own = token.map(|token| own(&found, token.for_forms()));
        let page = pages::account(&found.registrant.username, &found.progress, own.as_ref());
        Ok(if own.is_some() { site.shown_with_notice(&headers, page) } else { site.shown(&page) })
    };
    answer.await.unwrap_or_else(|problem| site.told(format, &problem))
}

/// A user, and what the cluster has of them.
struct Found {
    registrant: Registrant,
    account: Option<StreamerAccount>,
    progress: Progress,
}

/// How far the account of this name is. A user whose account was made and is no more is unknown; one whose account is
/// still to be made waits, whether or not the cluster can be asked; one that is unwanted is on its way out.
async fn found<R: Registrants, A: Accounts>(
    registering: &Registering<R, A>,
    username: &str,
) -> Result<Found, Problem> {
    if api::username_problem(username).is_some() {
        return Err(Problem::unknown_account());
    }
    let registrant = registering.registrants.registrant(username).await.map_err(away)?;
    let registrant = registrant.ok_or_else(Problem::unknown_account)?;
    let place = (registrant.account_namespace.as_str(), registrant.account_name.as_str());
    let account = match registering.accounts.account(place.0, place.1).await {
        Ok(account) => account.filter(|account| is_of(account, &registrant)),
        Err(_) if registrant.open => None,
        Err(error) => return Err(away(error)),
    };
    let progress = match &account {
        _ if registrant.unwanted => Progress::going(),
        Some(account) => Progress::of(account),
        None if registrant.open => Progress::to_be_made(),
        None => return Err(Problem::unknown_account()),
    };
    Ok(Found { registrant, account, progress })
}

/// Who came by kubectl has the account of the name; who registered only the one that was made for them.
fn is_of(account: &StreamerAccount, registrant: &Registrant) -> bool {
    registrant.password_hash.is_none() || belongs_to(account, registrant)
}

/// What the owner sees besides, before the stream key was asked for.
fn own(found: &Found, token: String) -> Own {
    let addresses = found.account.as_ref().and_then(Addresses::of);
    Own { token, addresses, stream_key: StreamKey::Hidden }
}

/// Logs why something was refused, where that is not the person's doing; as it is told.
fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::NotNow(reason) => {
            tracing::warn!(reason, "put off");
            Problem::away()
        }
        Refusal::Misconfigured(reason) => {
            tracing::error!(reason, "failed");
            Problem::broken()
        }
        Refusal::Full | Refusal::Busy => Problem::away(),
        Refusal::Taken
        | Refusal::Deleting
        | Refusal::KeyUsed
        | Refusal::Crowded(_)
        | Refusal::NoRoom(_)
        | Refusal::Guessed(_) => Problem::from(refusal),
    }
}

fn away(error: impl std::error::Error) -> Problem {
    tracing::warn!(%error, "an account cannot be looked up");
    Problem::away()
}

fn progress_answer(username: String, progress: &Progress) -> ProgressAnswer {
    let parts = PartsAnswer {
        channel: progress.channel.status,
        chat_room: progress.chat_room.status,
        stage: progress.stage.status,
    };
    ProgressAnswer { username, status: progress.status, parts, problems: progress.problems() }
}

#[cfg(test)]
mod tests;
