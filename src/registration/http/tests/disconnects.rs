//! Whoever hangs up before the answer stops nothing halfway.

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use futures::poll;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::{members::Browser, *};
use crate::store::AuditEvent;

/// More looks than an answer takes that waits for nothing but the database.
const LOOKS: usize = 30;

/// Sends a browser's form, looks so many times whether it is answered, and hangs up; returns when nothing goes on any more.
async fn hang_up(world: &Arc<World>, looks: usize, path: &str, browser: &Browser, fields: &str) {
    let site = site(world);
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, browser.cookie.trim_start_matches("Cookie: "))
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))))
        .body(Body::from(format!("token={}&{fields}", browser.token)))
        .expect("a request");
    let mut answer = Box::pin(TowerToHyperService::new(router(Arc::clone(&site))).call(request));
    for _ in 0..looks {
        if poll!(&mut answer).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(answer);
    site.tasks.close();
    site.tasks.wait().await;
}

#[tokio::test]
async fn a_wrong_password_is_written_down_whether_or_not_its_answer_is_waited_for() {
    for (path, fields, event) in [
        ("/sign-in", "username=Todd&password=not+my+password", AuditEvent::SignInFailed),
        ("/register", "username=Todd&password=this+is+not+my+password", AuditEvent::RegistrationRefused),
        ("/accounts/todd/delete", "password=not+my+password", AuditEvent::PasswordRefused),
        (
            "/accounts/todd/password",
            "password=not+my+password&new-password=another+canary+of+ours",
            AuditEvent::PasswordRefused,
        ),
    ] {
        for looks in 1..=LOOKS {
            let world = World::empty();
            let browser = Browser::registered(&world).await;
            hang_up(&world, looks, path, &browser, fields).await;
            assert_eq!(world.deeds().last(), Some(&event), "{path}, after {looks}");
        }
    }
}

#[tokio::test]
async fn an_account_whose_deletion_was_begun_goes_whether_or_not_the_answer_is_waited_for() {
    for looks in 1..=LOOKS {
        let world = World::empty();
        let browser = Browser::registered(&world).await;
        let fields = "password=a+canary+of+a+password";
        hang_up(&world, looks, "/accounts/todd/delete", &browser, fields).await;
        assert!(world.accounts()[0].metadata.deletion_timestamp.is_some(), "after {looks}");
    }
}

#[tokio::test]
async fn what_breaks_off_is_answered_all_the_same() {
    let carry = from_fn_with_state(site(&World::empty()), to_its_end::carry::<Arc<World>, Arc<World>>);
    let broken = post(async || -> () { panic!("on purpose") }).layer(carry);
    let answer = ask_of(Router::new().route("/", broken), "POST /", JSON, "").await;
    assert!(status(&answer) == "500" && answer.contains("application/problem+json"), "{answer}");
}
