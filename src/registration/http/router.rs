//! The routes, and the layers around them.

use std::{future::ready, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, header},
    middleware::{from_fn_with_state, map_response},
    response::IntoResponse,
    routing::{get, post},
};

use super::{
    handlers::{account, change_password, delete, events, home, overload, register, sign_in, stream_key},
    middleware::{record_request, reject_cross_site, run_to_completion, set_security_headers},
    openapi,
    problem::{Format, Problem},
    state::AppState,
};
use crate::registration::backend::Backend;

/// Maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// Returns the router of all routes.
pub fn router<B: Backend>(state: Arc<AppState<B>>) -> Router {
    let (behind_tls, metrics) = (state.cookies.secure, state.metrics.clone());
    Router::new()
        .route("/", get(home::home::<B>))
        .route("/style.css", get(async || asset("text/css", include_str!("pages/style.css"))))
        .route("/live.js", get(async || asset("text/javascript", include_str!("pages/live.js"))))
        .route("/form.js", get(async || asset("text/javascript", include_str!("pages/form.js"))))
        .route("/openapi.json", get(openapi::document::<B>))
        .route("/register", get(register::form::<B>).post(register::register::<B>))
        .route("/sign-in", get(sign_in::form::<B>).post(sign_in::sign_in::<B>))
        .route("/sign-out", post(sign_in::sign_out::<B>))
        .route("/accounts/{username}", get(account::account::<B>))
        .route("/accounts/{username}/events", get(events::events::<B>))
        .route("/accounts/{username}/stream-key", get(stream_key::redirect::<B>).post(stream_key::show::<B>))
        .route("/accounts/{username}/delete", get(delete::form::<B>).post(delete::delete::<B>))
        .route(
            "/accounts/{username}/password",
            get(change_password::form::<B>).post(change_password::change_password::<B>),
        )
        .route("/accounts/{username}/goodbye", get(delete::goodbye::<B>))
        .fallback(async |State(state): State<Arc<AppState<B>>>, headers: HeaderMap| {
            state.render_problem(Format::accepted(&headers), &Problem::not_found())
        })
        .method_not_allowed_fallback(async |State(state): State<Arc<AppState<B>>>, headers: HeaderMap| {
            state.render_problem(Format::accepted(&headers), &Problem::method_not_allowed())
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&state), run_to_completion::<B>))
        .layer(from_fn_with_state(Arc::clone(&state), reject_cross_site::<B>))
        .layer(map_response(move |response| ready(set_security_headers(response, behind_tls))))
        .layer(from_fn_with_state(metrics, record_request))
        .with_state(state)
}

/// Returns the router for connections that the listener rejects: it answers every request with the reason.
pub fn overload_router<B: Backend>(state: Arc<AppState<B>>) -> Router {
    let (behind_tls, metrics) = (state.cookies.secure, state.metrics.clone());
    Router::new()
        .fallback(overload::reject::<B>)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(move |response| ready(set_security_headers(response, behind_tls))))
        .layer(from_fn_with_state(metrics, record_request))
        .with_state(state)
}

/// Returns a static file that browsers may cache.
fn asset(media: &str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, format!("{media}; charset=utf-8")),
        (header::CACHE_CONTROL, "public, max-age=300".to_owned()),
    ];
    (headers, text)
}
