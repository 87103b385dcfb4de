//! Times every request, by the route that took it.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::telemetry::RegistrationMetrics;

/// The route of what no route has taken.
const NONE: &str = "none";

/// Counts a request and the time until its answer begins.
pub async fn measure(State(metrics): State<RegistrationMetrics>, request: Request, next: Next) -> Response {
    let since = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NONE, MatchedPath::as_str);
    metrics.answered(method, route, response.status().as_u16(), since);
    response
}

/// Anybody may invent methods; each would be a series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}
