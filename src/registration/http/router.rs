//! The routes, and the layers around them.

use std::{future::ready, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::header,
    middleware::{from_fn_with_state, map_response},
    response::IntoResponse,
    routing::{get, post},
};
use tower_http::csrf::CsrfLayer;

use super::{
    handlers::{
        account, change_password, delete, events, fallback, home, overload, probe, register, sign_in,
        stream_key,
    },
    middleware::{
        explain_cross_site, limit_reads, record_request, reject_invalid_host, run_to_completion,
        set_security_headers,
    },
    openapi,
    state::AppState,
};
use crate::registration::backend::Backend;

/// Maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// Returns the router of all routes.
pub fn router<B: Backend>(state: Arc<AppState<B>>) -> Router {
    let (behind_tls, metrics) = (state.cookies.secure, state.metrics.clone());
    Router::new()
        .merge(pages(&state))
        .route("/style.css", get(async || asset("text/css", include_str!("pages/style.css"))))
        .route("/live.js", get(async || asset("text/javascript", include_str!("pages/live.js"))))
        .route("/form.js", get(async || asset("text/javascript", include_str!("pages/form.js"))))
        .route("/openapi.json", get(openapi::document::<B>))
        .fallback(fallback::not_found::<B>)
        .method_not_allowed_fallback(fallback::method_not_allowed::<B>)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&state), run_to_completion::<B>))
        .layer(CsrfLayer::new())
        .layer(from_fn_with_state(Arc::clone(&state), explain_cross_site::<B>))
        .layer(from_fn_with_state(Arc::clone(&state), reject_invalid_host::<B>))
        .layer(from_fn_with_state(metrics, record_request))
        .merge(probes())
        .layer(map_response(move |response| ready(set_security_headers(response, behind_tls))))
        .with_state(state)
}

/// Returns the routes that read the database or the API server, with a limit on reads.
fn pages<B: Backend>(state: &Arc<AppState<B>>) -> Router<Arc<AppState<B>>> {
    Router::new()
        .route("/", get(home::home::<B>))
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
        .route("/.well-known/change-password", get(change_password::well_known::<B>))
        .route_layer(from_fn_with_state(Arc::clone(state), limit_reads::<B>))
}

/// Returns the route that load balancers check. It has no limit and no metrics.
fn probes<B: Backend>() -> Router<Arc<AppState<B>>> {
    Router::new().route("/healthz", get(probe::probe::<B>))
}

/// Returns the router for connections that the listener rejects: it answers every request with the reason.
pub fn overload_router<B: Backend>(state: Arc<AppState<B>>) -> Router {
    let (behind_tls, metrics) = (state.cookies.secure, state.metrics.clone());
    Router::new()
        .fallback(overload::reject::<B>)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(metrics, record_request))
        // A busy process stays in the load balancer.
        .merge(probes())
        .layer(map_response(move |response| ready(set_security_headers(response, behind_tls))))
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
