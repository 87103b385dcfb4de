//! Requests that no handler takes: unknown paths, and methods that a path lacks.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use percent_encoding::percent_decode_str;

use crate::registration::{
    backend::Backend,
    http::{format::Format, problem::Problem, state::AppState},
};

/// Answers a request for an unknown path. Another spelling of a path is redirected to the usual one.
pub async fn not_found<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method == Method::OPTIONS && uri.path() == "*" {
        return StatusCode::NO_CONTENT.into_response();
    }
    match usual_spelling(&uri) {
        Some(path) => Redirect::permanent(&path).into_response(),
        None => state.render_problem(Format::accepted(&headers), &Problem::not_found()),
    }
}

/// Answers a request whose method the path lacks. axum adds the header `Allow`.
pub async fn method_not_allowed<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    state.render_problem(Format::accepted(&headers), &Problem::method_not_allowed())
}

/// Returns the usual spelling of a path, if it has another one: without a slash at the end, and without
/// encoded letters and digits. Returns no path that a browser could read as another site, such as
/// `//example.com`.
fn usual_spelling(uri: &Uri) -> Option<String> {
    let decoded = percent_decode_str(uri.path()).decode_utf8().ok()?;
    let usual = decoded.trim_end_matches('/');
    let segments = usual.strip_prefix('/')?.split('/');
    let is_plain = |segment: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        segment.chars().all(is_allowed) && segment.contains(|c: char| c.is_ascii_alphanumeric())
    };
    if usual == uri.path() || !segments.into_iter().all(is_plain) {
        return None;
    }
    let query = uri.query().filter(|query| query.bytes().all(|byte| byte.is_ascii_graphic()));
    Some(query.map_or_else(|| usual.to_owned(), |query| format!("{usual}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_spelling_of_a_plain_path_is_redirected() {
        let usual = |path: &str| usual_spelling(&path.parse().expect("a URI"));
        for (path, expected) in [
            ("/register/", "/register"),
            ("/%72egister//?a=b", "/register?a=b"),
            ("/.well-known/change-password/", "/.well-known/change-password"),
        ] {
            assert_eq!(usual(path).as_deref(), Some(expected), "{path}");
        }
        for other in [
            "/",
            "/nowhere",
            "//example.com/",
            "/%2fexample.com/",
            "/%5cexample.com",
            "/a/%2e%2e/",
            "/%ff/",
            "/a%0a/",
        ] {
            assert_eq!(usual(other), None, "{other}");
        }
    }
}
