//! Rejecting requests that another site makes a browser send (CSRF).
//!
//! tower-http's `CsrfLayer` decides, by `Sec-Fetch-Site`, or by `Origin` if the browser is too old for that.
//! An API client sends neither, and has no cookie that an attacker could use. This module surrounds that
//! layer: it compares hosts as browsers write them, and explains the rejection.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header, uri::PathAndQuery},
    middleware::Next,
    response::Response,
};
use http_guards::fields;
use tower_http::csrf::ProtectionError;

use crate::registration::{
    backend::Backend,
    http::{body, problem::Problem, state::AppState},
};

/// Names the host of a request as a browser writes it in `Origin`, and renders a rejection of the layer
/// within.
pub async fn explain_cross_site<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let format = body::response_format(request.headers());
    canonicalize_host(&mut request);
    let response = next.run(request).await;
    if response.extensions().get::<ProtectionError>().is_some() {
        return state.render_problem(format, &Problem::cross_site());
    }
    response
}

/// Rewrites the host of a request to lower case and without the default port of its origin, as browsers write
/// origins (RFC 6454, section 6.2). The host of an absolute request target replaces `Host`.
fn canonicalize_host(request: &mut Request) {
    let Some(default_port) = fields::single(request.headers(), header::ORIGIN).and_then(default_port) else {
        return;
    };
    let in_target = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let Some(host) = in_target.or_else(|| fields::single(request.headers(), header::HOST)) else { return };
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    if let Ok(host) = HeaderValue::from_bytes(host) {
        request.headers_mut().insert(header::HOST, host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
    }
}

/// Returns the default port of an origin, as a host names it.
fn default_port(origin: &[u8]) -> Option<&'static [u8]> {
    if origin.starts_with(b"https://") {
        Some(b":443")
    } else if origin.starts_with(b"http://") {
        Some(b":80")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn canonical(target: &str, host: &str, origin: &str) -> (String, String) {
        let request = Request::post(target).header("host", host).header("origin", origin);
        let mut request = request.body(Body::empty()).expect("a request");
        canonicalize_host(&mut request);
        let host = request.headers()["host"].to_str().expect("text").to_owned();
        (request.uri().to_string(), host)
    }

    #[test]
    fn the_host_is_written_as_in_an_origin() {
        for (target, host, origin, expected) in [
            ("/", "Example.com:443", "https://example.com", "example.com"),
            ("/", "example.com:80", "http://example.com", "example.com"),
            ("/", "example.com:80", "https://example.com", "example.com:80"),
            ("/", "example.com:8443", "https://example.com:8443", "example.com:8443"),
            ("/", "[2001:DB8::80]", "http://[2001:db8::80]", "[2001:db8::80]"),
            ("/", "Example.com:443", "null", "Example.com:443"),
            ("https://EXAMPLE.com:443/?a", "other", "https://example.com", "example.com"),
        ] {
            let (target_left, found) = canonical(target, host, origin);
            assert_eq!(found, expected, "{target} {host} {origin}");
            assert_eq!(target_left, if target == "/" { "/" } else { "/?a" });
        }
    }
}
