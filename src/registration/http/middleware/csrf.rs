//! Rejecting requests that another site makes a browser send (CSRF).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

use crate::registration::{
    backend::Backend,
    http::{
        problem::{Format, Problem},
        state::AppState,
    },
};

/// Rejects a request that may change something and comes from another site.
pub async fn reject_cross_site<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    request: Request,
    next: Next,
) -> Response {
    let is_read_only = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_read_only || !is_cross_site(request.headers()) {
        return next.run(request).await;
    }
    state.render_problem(Format::accepted(request.headers()), &Problem::cross_site())
}

/// Returns true if the browser says that the request comes from another site: with `Sec-Fetch-Site`, or with
/// `Origin` if the browser is too old for that. An API client sends neither, and has no cookie that an
/// attacker could use.
fn is_cross_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) != text(header::HOST.as_str()),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn is_rejected(headers: &[(&'static str, &'static str)]) -> bool {
        let header = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        is_cross_site(&headers.iter().map(header).collect())
    }

    #[test]
    fn cross_site_requests_are_detected_by_their_headers() {
        let host = ("host", "register.example.com");
        for own in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "https://register.example.com")],
        ] {
            assert!(!is_rejected(own), "{own:?}");
        }
        for other in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "https://register.example.com")],
            &[host, ("origin", "https://example.com")],
            &[host, ("origin", "null")],
        ] {
            assert!(is_rejected(other), "{other:?}");
        }
    }
}
