//! A form counts only with the cookie that came with it, over a real connection.

use super::{FORM, JSON, TODD, TODD_FORM, World, ask, cookie, register_todd, status, submit, token};
use crate::registration::problem::Format;

const PATHS: [&str; 2] = ["/register", "/sign-in"];

#[tokio::test]
async fn a_form_without_the_cookie_that_came_with_it_is_shown_again_and_does_nothing() {
    for path in PATHS {
        let world = World::empty();
        let page = ask(&world, &format!("GET {path}"), "Accept: text/html", "").await;
        for fields in [TODD_FORM.to_owned(), format!("{TODD_FORM}&token={}", token(&page))] {
            let again = ask(&world, &format!("POST {path}"), FORM, &fields).await;
            assert_eq!(status(&again), "403", "{path}");
            assert!(
                again.contains(r#"role="alert""#) && again.contains("Allow cookies for this site"),
                "{again}"
            );
            assert!(again.contains(r#"value="Todd""#), "what was typed is lost: {again}");
            assert_ne!(token(&again), token(&page), "another cookie comes with it: {}", cookie(&again));
        }
        assert_eq!(world.rows().len(), 0);
    }
}

#[tokio::test]
async fn a_form_from_before_another_sign_in_is_shown_again_and_then_counts() {
    for path in PATHS {
        let world = World::empty();
        let old = ask(&world, &format!("GET {path}"), "Accept: text/html", "").await;
        let registered = register_todd(&world, Format::Html).await;
        let headers = format!("{FORM}\r\n{}", cookie(&registered));
        let post = async |token: &str| {
            let fields = format!("{TODD_FORM}&token={token}");
            ask(&world, &format!("POST {path}"), &headers, &fields).await
        };
        let again = post(token(&old)).await;
        assert!(status(&again) == "403" && again.contains("open for too long"), "{again}");
        assert!(again.contains(r#"value="Todd""#) && !again.contains("set-cookie"), "{again}");
        assert_eq!(status(&post(token(&again)).await), "303");
    }
}

#[tokio::test]
async fn the_cookie_of_a_form_is_nobodys_session() {
    let world = World::empty();
    register_todd(&world, Format::Html).await;
    let form = ask(&world, "GET /sign-in", "Accept: text/html", "").await;
    let headers = format!("Accept: text/html\r\n{}", cookie(&form));
    assert!(!ask(&world, "GET /accounts/todd", &headers, "").await.contains("Sign out"));
    let again = ask(&world, "GET /register", &headers, "").await;
    assert!(!again.contains("set-cookie") && token(&again) == token(&form), "one cookie for all forms");
    let signed_in = submit(&world, "/sign-in", TODD_FORM).await;
    assert_ne!(cookie(&signed_in), cookie(&form), "nobody knows the token of a session beforehand");
}

#[tokio::test]
async fn a_program_needs_neither_cookie_nor_token() {
    let world = World::empty();
    let answer = ask(&world, "POST /register", JSON, TODD).await;
    assert!(status(&answer) == "201" && !answer.contains("set-cookie"), "{answer}");
}

#[tokio::test]
async fn what_another_site_sends_does_nothing() {
    let world = World::empty();
    let page = ask(&world, "GET /register", "Accept: text/html", "").await;
    let fields = format!("{TODD_FORM}&token={}", token(&page));
    let post = async |site: &str| {
        ask(&world, "POST /register", &format!("{FORM}\r\n{}\r\n{site}", cookie(&page)), &fields).await
    };
    for site in ["Sec-Fetch-Site: cross-site", "Origin: https://example.com"] {
        assert!(status(&post(site).await) == "403" && world.rows().is_empty(), "{site}");
    }
    assert_eq!((status(&post("Origin: http://streamcat").await), world.rows().len()), ("303", 1));
}
