//! The addresses, and what each answers.

use std::{future::ready, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, State},
    http::{HeaderMap, header, request::Parts},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa::IntoParams;

use self::account::found;
use super::{
    accounts::Accounts,
    audit::Auditing,
    cross_site, headers,
    limits::Limits,
    measure::measure,
    openapi,
    problem::{Format, Problem},
    refusal::Refusal,
    registering::Registering,
    session::{Cookies, Token},
    shares::Shares,
    to_its_end,
    validate::Rules,
};
use crate::{
    api,
    store::{Registrant, Registrants, Sessions},
    telemetry::RegistrationMetrics,
};

pub mod account;
mod delete;
pub mod events;
mod new_password;
mod owner;
pub mod register;
mod sent;
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
    /// What is under way; each runs to its end even when the person has gone.
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

    /// The username of who is signed in and has an account. A form is shown all the same where that cannot be looked up soon.
    async fn own_username(&self, headers: &HeaderMap) -> Option<String> {
        let token = self.cookies.token(headers)?;
        let own = async {
            let username = self.registering.registrants.session_username(&token.hash()).await.ok()??;
            let found = found(&self.registering, &username).await.ok()?;
            Some(found.registrant.username)
        };
        timeout(SOON, own).await.ok()?
    }

    /// Where a browser is sent that is signed in: to its own account.
    async fn own_page(&self, headers: &HeaderMap) -> Option<Redirect> {
        self.own_username(headers).await.map(|own| Redirect::to(&location(&own)))
    }

    /// Logs why something was refused, where that is not the person's doing, and counts what a limit has; as it is told.
    fn refused(&self, refusal: &Refusal) -> Problem {
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
            | Refusal::NoRoom(_) => Problem::from(refusal),
            Refusal::Guessed(_) => {
                self.metrics.refused("failures");
                Problem::from(refusal)
            }
        }
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
        .route("/accounts/{username}", get(account::account::<R, A>))
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
        .layer(from_fn_with_state(Arc::clone(&site), to_its_end::carry::<R, A>))
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

/// A form also for who is signed in: they may want to be somebody else.
async fn sign_in_form<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    headers: HeaderMap,
) -> Response {
    let own = site.own_username(&headers).await;
    site.sign_in_form(&headers, own.as_deref(), "", None)
}

fn away(error: impl std::error::Error) -> Problem {
    tracing::warn!(%error, "an account cannot be looked up");
    Problem::away()
}

#[cfg(test)]
mod tests;
