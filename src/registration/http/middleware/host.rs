//! Rejecting requests whose host is ambiguous: a proxy in front may have read another one.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{Version, header, uri::Authority},
    middleware::Next,
    response::Response,
};

use crate::registration::{
    backend::Backend,
    http::{body, problem::Problem, state::AppState},
};

/// Rejects a request without exactly one valid `Host` (RFC 9112, section 3.2). HTTP/1.0 has none.
pub async fn reject_invalid_host<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    request: Request,
    next: Next,
) -> Response {
    if is_host_valid(&request) {
        return next.run(request).await;
    }
    state.render_problem(body::response_format(request.headers()), &Problem::invalid_host())
}

fn is_host_valid(request: &Request) -> bool {
    let mut lines = request.headers().get_all(header::HOST).iter();
    match (lines.next().map(|host| host.as_bytes().trim_ascii()), lines.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(b""), None) => true,
        (Some(host), None) => !host.contains(&b'@') && Authority::try_from(host).is_ok(),
        (Some(_), Some(_)) => false,
    }
}
