//! Measuring every request, by its route.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::telemetry::RegistrationMetrics;

/// The route label of a request that matches no route.
const NO_ROUTE: &str = "none";

/// Records a request and the time until its response begins.
pub async fn record_request(
    State(metrics): State<RegistrationMetrics>,
    request: Request,
    next: Next,
) -> Response {
    let since = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics.record_response(method, route, response.status().as_u16(), since);
    response
}

/// Returns the method label. Clients can invent methods, and each would create a new time series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}
