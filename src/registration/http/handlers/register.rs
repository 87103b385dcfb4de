//! `/register`: the registration, by form or by JSON.

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

use crate::{
    registration::{
        backend::Backend,
        http::{
            credentials::CredentialsRequest,
            format::Format,
            problem::Problem,
            session::VerifiedUser,
            state::AppState,
            submission::{JsonFields, Submission},
            username::account_path,
        },
        service::{
            Applicant, CreationOutcome, NO_USER, ProgressStatus, Registered, RegistrationError, retry,
        },
    },
    store::{AuditEntry, AuditEvent},
};

/// A registered account
#[derive(Serialize, ToSchema)]
#[schema(as = Registered)]
pub struct RegisteredResponse {
    /// The username as it was first registered
    username: String,
    account: AccountName,
    status: ProgressStatus,
}

/// The StreamerAccount object in the cluster
#[derive(Serialize, ToSchema)]
struct AccountName {
    namespace: String,
    name: String,
}

/// Get the registration form
#[utoipa::path(
    get,
    path = "/register",
    operation_id = "registration_form",
    responses(
        (status = OK, description = "An HTML page.", body = String, content_type = "text/html"),
        (status = SEE_OTHER, description = "A redirect to the account of the signed-in user."),
    )
)]
pub async fn form<B: Backend>(State(state): State<Arc<AppState<B>>>, headers: HeaderMap) -> Response {
    match state.redirect_to_own_account(&headers).await {
        Some(redirect) => redirect.into_response(),
        None => state.registration_form(&headers, "", None),
    }
}

/// Register an account
///
/// Idempotent: the same request with the same password returns the same account.
#[utoipa::path(
    post,
    path = "/register",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key gets the same response as the first",
            min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$"),
    ),
    request_body = JsonFields,
    responses(
        (status = CREATED, description = "The account was created and is being set up.", body = RegisteredResponse,
            headers(("Location" = String, description = "Path of the account's progress")),
            links(("progress" = (operation_id = "account", parameters(("username" = "$response.body#/username")))))),
        (status = OK, description = "The account already existed.", body = RegisteredResponse,
            headers(("Location" = String, description = "Path of the account's progress"))),
        (status = ACCEPTED, description = "The account will be created as soon as possible, without another request.", body = RegisteredResponse,
            headers(("Location" = String, description = "Path of the account's progress"))),
        (status = BAD_REQUEST, description = "The request is malformed."),
        (status = FORBIDDEN, description = "A browser sent the request on behalf of another site."),
        (status = REQUEST_TIMEOUT, description = "The request body did not arrive in time."),
        (status = CONFLICT, description = "The username is taken, or its account is being deleted."),
        (status = PAYLOAD_TOO_LARGE, description = "The request body is larger than 8 KB."),
        (status = UNSUPPORTED_MEDIA_TYPE, description = "The request body is not JSON."),
        (status = UNPROCESSABLE_ENTITY, description = "A field is invalid, or the Idempotency-Key was used with another username."),
        (status = TOO_MANY_REQUESTS, description = "Too many attempts from this IP address or for this username, too many wrong passwords, or too many connections from this IP address."),
    )
)]
pub async fn register<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request = match state.read_credentials(peer, request).await {
        Ok(request) => request,
        Err((headers, (format, problem))) => {
            state.metrics.record_registration("unreadable");
            return problem_with_form(&state, &headers, format, "", &problem);
        }
    };
    let format = request.submission.format;
    match attempt(&state, &request).await {
        Ok(registered) if format == Format::Json => json_response(registered),
        Ok(registered) => sign_in_registered(&state, &request, &registered).await,
        Err(problem) => {
            let username = &request.submission.username;
            problem_with_form(&state, &request.headers, format, username, &problem)
        }
    }
}

/// Checks the limits and the rules, then registers the applicant.
async fn attempt<B: Backend>(
    state: &AppState<B>,
    request: &CredentialsRequest,
) -> Result<Registered, Problem> {
    state.admit(request, |metrics| metrics.record_registration("rate_limited"))?;
    let Submission { username, password, key, .. } = &request.submission;
    let errors = state.rules.check(username, password);
    if !errors.is_empty() {
        state.metrics.record_registration("invalid");
        return Err(Problem::invalid_fields(errors));
    }
    let (username, password) = (username.clone(), password.clone());
    let applicant = Applicant { username, password, key: *key, address: request.address };
    let result = state.service.register(&applicant).await;
    if let Err(error) = &result {
        record_error(state, error, &applicant).await;
    }
    retry::log_outcome(&result);
    state.metrics.record_registration(outcome_label(&result));
    result.map_err(|error| Problem::from(&error))
}

/// Counts requests that a limit has rejected, and records in the audit log that a username was not available.
/// The record names the user only if the password was wrong, because such records count towards the user's
/// limit; otherwise anybody could lock the user out.
async fn record_error<B: Backend>(state: &AppState<B>, error: &RegistrationError, applicant: &Applicant) {
    match error {
        RegistrationError::SignupRateExceeded(_) => state.metrics.record_rejection("signup_rate"),
        RegistrationError::QueueFull => state.metrics.record_rejection("queue"),
        RegistrationError::TooManyFailures(_) => state.metrics.record_rejection("failed_sign_ins"),
        RegistrationError::QuotaExceeded(_) => state.metrics.record_rejection("quota"),
        RegistrationError::UsernameTaken => {
            record_rejection(state, &applicant.username, applicant.address).await;
        }
        RegistrationError::AccountDeleting | RegistrationError::IdempotencyKeyReused => {
            record_rejection(state, NO_USER, applicant.address).await;
        }
        RegistrationError::HashingBusy
        | RegistrationError::Unavailable(_)
        | RegistrationError::Misconfigured(_) => {}
    }
}

async fn record_rejection<B: Backend>(state: &AppState<B>, username: &str, address: IpAddr) {
    let entry = AuditEntry { event: AuditEvent::RegistrationRefused, username, address };
    state.audit.record_failure(&state.service.registrants, &entry).await;
}

/// Returns the value of the metric label `outcome`.
fn outcome_label(result: &Result<Registered, RegistrationError>) -> &'static str {
    match result {
        Ok(registered) => match registered.outcome {
            CreationOutcome::Created => "created",
            CreationOutcome::Deferred => "deferred",
            CreationOutcome::Existing | CreationOutcome::Replayed => "existing",
        },
        Err(RegistrationError::UsernameTaken) => "username_taken",
        Err(RegistrationError::AccountDeleting) => "account_deleting",
        Err(RegistrationError::IdempotencyKeyReused) => "idempotency_key_reused",
        Err(RegistrationError::SignupRateExceeded(_)) => "signup_rate_exceeded",
        Err(RegistrationError::QuotaExceeded(_)) => "quota_exceeded",
        Err(RegistrationError::TooManyFailures(_)) => "rate_limited",
        Err(
            RegistrationError::QueueFull | RegistrationError::HashingBusy | RegistrationError::Unavailable(_),
        ) => "unavailable",
        Err(RegistrationError::Misconfigured(_)) => "failed",
    }
}

/// Signs in the user who has just registered. If that fails, the account still exists, and the user
/// can sign in later.
async fn sign_in_registered<B: Backend>(
    state: &AppState<B>,
    request: &CredentialsRequest,
    registered: &Registered,
) -> Response {
    let Registered { user, username, password_hash, .. } = registered;
    let verified = VerifiedUser { user: *user, username, password_hash: password_hash.as_ref() };
    let started = state.begin_session(&request.headers, request.address, verified).await.ok().flatten();
    started.unwrap_or_else(|| Redirect::to(&account_path(&registered.username)).into_response())
}

fn json_response(registered: Registered) -> Response {
    let location = account_path(&registered.username);
    let status = match registered.outcome {
        CreationOutcome::Created | CreationOutcome::Replayed => StatusCode::CREATED,
        CreationOutcome::Existing => StatusCode::OK,
        CreationOutcome::Deferred => StatusCode::ACCEPTED,
    };
    let body = RegisteredResponse {
        username: registered.username,
        account: AccountName { namespace: registered.namespace, name: registered.name },
        status: registered.status,
    };
    (status, [(header::LOCATION, location)], Json(body)).into_response()
}

fn problem_with_form<B: Backend>(
    state: &AppState<B>,
    headers: &HeaderMap,
    format: Format,
    username: &str,
    problem: &Problem,
) -> Response {
    match format {
        Format::Json => problem.json(),
        Format::Html => state.registration_form(headers, username, Some(problem)),
    }
}
