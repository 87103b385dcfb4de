//! Requests that another site makes a browser send change nothing here.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

use super::{
    problem::{Format, Problem},
    routes::Site,
};

/// Lets through what only reads, and what a page of ours or a program sends.
pub async fn refuse<R, A>(State(site): State<Arc<Site<R, A>>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || !is_of_another_site(request.headers()) {
        return next.run(request).await;
    }
    site.told(Format::accepted(request.headers()), &Problem::of_another_site())
}

/// What the browser says of where a request comes from; one too old to say so at least names the origin. A program says
/// neither, and has no cookie that it was not given.
fn is_of_another_site(headers: &HeaderMap) -> bool {
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

    fn judge(headers: &[(&'static str, &'static str)]) -> bool {
        let header = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        is_of_another_site(&headers.iter().map(header).collect())
    }

    #[test]
    fn a_browser_says_where_a_request_comes_from() {
        let host = ("host", "register.example.com");
        for own in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "https://register.example.com")],
        ] {
            assert!(!judge(own), "{own:?}");
        }
        for other in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "https://register.example.com")],
            &[host, ("origin", "https://example.com")],
            &[host, ("origin", "null")],
        ] {
            assert!(judge(other), "{other:?}");
        }
    }
}
