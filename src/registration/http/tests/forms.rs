//! Forms are accepted only with their own cookie (CSRF).

use super::{FORM, FakeBackend, JSON, TODD, TODD_FORM, ask, cookie, register_todd, status, submit, token};
use crate::registration::http::format::Format;

const PATHS: [&str; 2] = ["/register", "/sign-in"];

#[tokio::test]
async fn a_form_without_its_cookie_is_shown_again_without_effect() {
    for path in PATHS {
        let backend = FakeBackend::new();
        let page = ask(&backend, &format!("GET {path}"), "Accept: text/html", "").await;
        for fields in [TODD_FORM.to_owned(), format!("{TODD_FORM}&token={}", token(&page))] {
            let again = ask(&backend, &format!("POST {path}"), FORM, &fields).await;
            assert_eq!(status(&again), "403", "{path}");
            assert!(
                again.contains(r#"role="alert""#) && again.contains("Allow cookies for this site"),
                "{again}"
            );
            assert!(again.contains(r#"value="Todd""#), "the username is kept: {again}");
            assert_ne!(token(&again), token(&page), "a new cookie is set: {}", cookie(&again));
        }
        assert_eq!(backend.rows().len(), 0);
    }
}

#[tokio::test]
async fn a_form_from_before_a_sign_in_is_shown_again_then_accepted() {
    for path in PATHS {
        let backend = FakeBackend::new();
        let old = ask(&backend, &format!("GET {path}"), "Accept: text/html", "").await;
        let registered = register_todd(&backend, Format::Html).await;
        let headers = format!("{FORM}\r\n{}", cookie(&registered));
        let post = async |token: &str| {
            let fields = format!("{TODD_FORM}&token={token}");
            ask(&backend, &format!("POST {path}"), &headers, &fields).await
        };
        let again = post(token(&old)).await;
        assert!(status(&again) == "403" && again.contains("open for too long"), "{again}");
        assert!(again.contains(r#"value="Todd""#) && !again.contains("set-cookie"), "{again}");
        assert_eq!(status(&post(token(&again)).await), "303");
    }
}

#[tokio::test]
async fn the_cookie_of_a_form_is_not_a_session() {
    let backend = FakeBackend::new();
    register_todd(&backend, Format::Html).await;
    let form = ask(&backend, "GET /sign-in", "Accept: text/html", "").await;
    let headers = format!("Accept: text/html\r\n{}", cookie(&form));
    assert!(!ask(&backend, "GET /accounts/todd", &headers, "").await.contains("Sign out"));
    let again = ask(&backend, "GET /register", &headers, "").await;
    assert!(!again.contains("set-cookie") && token(&again) == token(&form), "all forms share a cookie");
    let signed_in = submit(&backend, "/sign-in", TODD_FORM).await;
    assert_ne!(cookie(&signed_in), cookie(&form), "a session gets a new token");
}

#[tokio::test]
async fn json_needs_neither_cookie_nor_token() {
    let backend = FakeBackend::new();
    let response = ask(&backend, "POST /register", JSON, TODD).await;
    assert!(status(&response) == "201" && !response.contains("set-cookie"), "{response}");
}

#[tokio::test]
async fn cross_site_requests_have_no_effect() {
    let backend = FakeBackend::new();
    let page = ask(&backend, "GET /register", "Accept: text/html", "").await;
    let fields = format!("{TODD_FORM}&token={}", token(&page));
    let post = async |site: &str| {
        ask(&backend, "POST /register", &format!("{FORM}\r\n{}\r\n{site}", cookie(&page)), &fields).await
    };
    for site in ["Sec-Fetch-Site: cross-site", "Origin: https://example.com"] {
        assert!(status(&post(site).await) == "403" && backend.rows().is_empty(), "{site}");
    }
    assert_eq!((status(&post("Origin: http://streamcat").await), backend.rows().len()), ("303", 1));
}
