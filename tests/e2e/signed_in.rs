//! Signing in and out, the streaming settings, changing the password, and deleting the account.

use axum::http::{Method, Request, header::COOKIE};
use kube::ResourceExt;
use sqlx::Row;
use streamcat_operator::api::USER_ID_ANNOTATION;
use testbed::{
    Error, Operator,
    http::{self, Response},
    wait,
};

use crate::{
    kubectl::{kubectl, manifest},
    registration::{PASSWORD, credentials, post, registered_counts, submit},
    support::{TIMEOUT, accounts, assert_nothing_left, gone, ready, tenant},
};

/// A browser with a session.
pub struct Browser<'a> {
    registration: &'a Operator,
    set: String,
}

impl<'a> Browser<'a> {
    /// Returns the browser after a response that has set its cookie.
    pub fn after(registration: &'a Operator, answer: &Response) -> Self {
        assert_eq!(answer.status, 303, "{}", answer.body);
        Self { registration, set: answer.header("set-cookie").expect("a session").to_owned() }
    }

    pub async fn sign_in(registration: &'a Operator, username: &str) -> Self {
        let fields = [("username", username), ("password", PASSWORD)];
        let answer = http::post_form(&format!("{}/sign-in", registration.url()), &fields).await.unwrap();
        Self::after(registration, &answer)
    }

    /// Returns the same browser, connected to another process.
    pub fn at(&self, registration: &'a Operator) -> Self {
        Self { registration, set: self.set.clone() }
    }

    fn token(&self) -> &str {
        self.set.split(';').next().unwrap().split_once('=').unwrap().1
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Response {
        self.try_send(method, path, body).await.unwrap()
    }

    pub async fn try_send(&self, method: Method, path: &str, body: String) -> Result<Response, Error> {
        let request = Request::builder().method(method).header(COOKIE, self.set.split(';').next().unwrap());
        let request = request.header("content-type", http::FORM);
        http::send(&format!("{}{path}", self.registration.url()), request, body).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, String::new()).await
    }

    /// Submits a form of a page, with the token in it.
    pub async fn submit(&self, page: &str, path: &str, fields: &str) -> Response {
        let page = self.get(page).await;
        let token = page.form_token().unwrap_or_else(|| panic!("{}", page.body));
        self.send(Method::POST, path, format!("token={token}{fields}")).await
    }

    pub async fn is_signed_in(&self, page: &str) -> bool {
        self.get(page).await.body.contains("Sign out")
    }
}

#[tokio::test]
async fn the_owner_sees_the_streaming_settings_and_the_key_on_request() {
    let tenant = tenant("obs").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    let mary = Browser::after(&registration, &submit(&registration, "mary", PASSWORD).await);
    let status = ready(&tenant, "mary").await.status.unwrap();
    let (channel, room) = (status.channel.unwrap(), status.chat_room.unwrap());
    let state = tenant.simulator().state();
    let stream_key = state["streamKeys"][0]["value"].as_str().unwrap();

    let page = mary.get("/accounts/mary").await.body;
    let server = format!("rtmps://{}:443/app/", channel.ingest_endpoint.unwrap());
    for expected in [&server, &channel.playback_url.unwrap(), &room.endpoint.unwrap()] {
        assert!(page.contains(expected.as_str()), "{expected}: {page}");
    }
    assert!(!page.contains(stream_key) && !page.contains("arn:aws"), "{page}");
    let public = http::get(&format!("{}/accounts/mary", registration.url())).await.unwrap().body;
    assert!(!public.contains(&server) && public.contains("You are ready to stream"), "{public}");

    let shown = mary.submit("/accounts/mary", "/accounts/mary/stream-key", "").await;
    assert!(shown.body.contains(stream_key), "{}", shown.body);
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let todd = Browser::after(&registration, &submit(&registration, "todd", PASSWORD).await);
    let refused = todd.submit("/accounts/todd", "/accounts/mary/stream-key", "").await;
    assert!(refused.status == 403 && !refused.body.contains(stream_key), "{}", refused.body);
    assert!(!registration.log().contains(stream_key) && !registration.log().contains(mary.token()));
}

/// `kubectl replace` with a manifest from Git drops the annotation that the registration has written.
#[tokio::test]
async fn an_account_stays_its_owners_after_kubectl_replace() {
    let tenant = tenant("replaced").await;
    let controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    let mary = Browser::after(&registration, &submit(&registration, "mary", PASSWORD).await);
    let before = ready(&tenant, "mary").await;
    // The controller's reaction is tested elsewhere.
    drop(controller);
    let file = manifest(&tenant, "mary", &serde_json::to_value(&before.spec).unwrap());
    kubectl(&tenant, &["replace", "--filename", &file]).await;
    let after = accounts(&tenant).get("mary").await.unwrap();
    assert_eq!((after.uid(), after.annotations().contains_key(USER_ID_ANNOTATION)), (before.uid(), false));

    let page = mary.get("/accounts/mary").await;
    assert!(page.status == 200 && page.body.contains("rtmps://"), "{}", page.body);
    let again = submit(&registration, "mary", PASSWORD).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (303, Some("/accounts/mary")));
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 200);
    assert!(Browser::sign_in(&registration, "mary").await.is_signed_in("/accounts/mary").await);
    assert_eq!(registered_counts(&tenant).await, (1, 1));
}

#[tokio::test]
async fn a_session_is_shared_by_all_processes_and_ends_on_sign_out() {
    let tenant = tenant("session").await;
    let (one, other) = tokio::join!(tenant.registration().start(), tenant.registration().start());
    let browser = Browser::after(&one, &submit(&one, "mary", PASSWORD).await);
    assert!(browser.at(&other).is_signed_in("/accounts/mary").await);
    let sessions = "select token_hash, row_to_json(sessions)::text as text from sessions";
    let row = sqlx::query(sessions).fetch_one(&tenant.pool()).await.unwrap();
    let (hash, text): (Vec<u8>, String) = (row.get("token_hash"), row.get("text"));
    assert!(hash.len() == 32 && !text.contains(browser.token()), "{text}");

    assert_eq!(browser.submit("/accounts/mary", "/sign-out", "").await.status, 303);
    assert!(!browser.is_signed_in("/accounts/mary").await);
    assert!(!browser.at(&other).is_signed_in("/accounts/mary").await);

    let again = Browser::sign_in(&other, "MARY").await;
    assert_ne!(again.token(), browser.token());
    assert!(again.is_signed_in("/accounts/mary").await);
    let expired = "update sessions set expires_at = now() - interval '1 second'";
    sqlx::query(expired).execute(&tenant.pool()).await.unwrap();
    assert!(!again.is_signed_in("/accounts/mary").await);
    Browser::sign_in(&one, "mary").await;
    let left: i64 =
        sqlx::query_scalar("select count(*) from sessions").fetch_one(&tenant.pool()).await.unwrap();
    assert_eq!(left, 1, "expired sessions are deleted");
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_replaces_the_old_one() {
    let tenant = tenant("newpassword").await;
    let (one, other) = tokio::join!(tenant.registration().start(), tenant.registration().start());
    let first = Browser::after(&one, &submit(&one, "mary", PASSWORD).await);
    let second = Browser::sign_in(&other, "mary").await;
    let path = "/accounts/mary/password";
    let fields = |new: &str| format!("&password={}&new-password={new}", PASSWORD.replace(' ', "+"));
    assert_eq!(first.submit(path, path, &fields("short")).await.status, 422);
    let changed = first.submit(path, path, &fields("another+canary+of+ours")).await;
    assert_eq!(changed.status, 303, "{}", changed.body);
    for browser in [&first, &second] {
        assert!(!browser.is_signed_in("/accounts/mary").await);
    }
    assert!(Browser::after(&one, &changed).is_signed_in("/accounts/mary").await);
    assert_eq!(submit(&other, "mary", PASSWORD).await.status, 409, "the old password no longer works");
    let events = "select count(*) from audit_log where event = 'password_changed' and username = 'mary'";
    let written: i64 = sqlx::query_scalar(events).fetch_one(&tenant.pool()).await.unwrap();
    assert_eq!(written, 1);
}

#[tokio::test]
async fn behind_tls_cookies_are_secure_and_hsts_is_set() {
    let tenant = tenant("tls").await;
    let registration = tenant.registration().env("STREAMCAT_BEHIND_TLS", "true").start().await;
    let answer = submit(&registration, "mary", PASSWORD).await;
    let set = answer.header("set-cookie").unwrap();
    assert!(
        set.starts_with("__Host-streamcat=")
            && set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure")
    );
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    assert!(Browser::after(&registration, &answer).is_signed_in("/accounts/mary").await);
}

#[tokio::test]
async fn a_sign_in_upgrades_an_outdated_hash() {
    let tenant = tenant("rehash").await;
    let weak = tenant.registration().env("STREAMCAT_ARGON2_PASSES", "1").start().await;
    assert_eq!(submit(&weak, "mary", PASSWORD).await.status, 303);
    let registration = tenant.registration().start().await;
    Browser::sign_in(&registration, "mary").await;
    let hash: String =
        sqlx::query_scalar("select password_hash from users").fetch_one(&tenant.pool()).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    Browser::sign_in(&registration, "mary").await;
}

#[tokio::test]
async fn deleting_an_account_shows_its_progress_until_it_is_gone() {
    let tenant = tenant("delete").await;
    let controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    let mary = Browser::after(&registration, &submit(&registration, "mary", PASSWORD).await);
    ready(&tenant, "mary").await;
    drop(controller);

    let (form, path) = ("/accounts/mary/delete", "/accounts/mary/delete");
    let wrong = mary.submit(form, path, "&password=another+horse+battery").await;
    assert!(wrong.status == 403 && wrong.body.contains("Incorrect password."), "{}", wrong.body);
    assert!(accounts(&tenant).get("mary").await.unwrap().metadata.deletion_timestamp.is_none());

    let going = mary.submit(form, path, "&password=correct+horse+battery").await;
    assert_eq!((going.status.as_u16(), going.header("location")), (303, Some("/accounts/mary/goodbye")));
    let page = mary.get("/accounts/mary/goodbye").await.body;
    assert!(page.contains("being deleted") && page.contains(r#"http-equiv="refresh""#), "{page}");

    let _controller = tenant.controller().start().await;
    let seen = wait::until("the page confirms the deletion", TIMEOUT, || async {
        let page = mary.get("/accounts/mary/goodbye").await.body;
        if page.contains("Account deleted") { Ok(()) } else { Err(page) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
    gone(&tenant, "mary").await;
    assert_nothing_left(&tenant).await;
    assert_eq!(registered_counts(&tenant).await, (0, 0));
}

#[tokio::test]
async fn guessing_strangers_are_limited_without_locking_the_user_out() {
    let tenant = tenant("guessed").await;
    let guessed = || {
        let builder = tenant.registration().env("STREAMCAT_MAX_FAILED_SIGN_INS_PER_HOUR", "4");
        builder.env("STREAMCAT_TRUSTED_PROXY_HOPS", "1").start()
    };
    let (one, other) = tokio::join!(guessed(), guessed());
    let post = async |registration: &Operator, from: &str, password: &str| {
        let body = credentials("mary", password).to_string();
        let request = Request::builder().method(Method::POST).header("x-forwarded-for", from);
        let request = request.header("content-type", "application/json");
        http::send(&format!("{}/register", registration.url()), request, body).await.unwrap()
    };
    assert_eq!(post(&one, "192.0.2.1", PASSWORD).await.status, 201);
    for registration in [&one, &other] {
        assert_eq!(post(registration, "198.51.100.1", "another horse battery").await.status, 409);
    }
    for registration in [&one, &other] {
        let answer = post(registration, "198.51.100.2", PASSWORD).await;
        assert_eq!(answer.status, 429, "{}", answer.body);
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds <= 3600 && answer.body.contains("Too many wrong passwords"), "{}", answer.body);
        assert_eq!(
            post(registration, "192.0.2.1", PASSWORD).await.status,
            200,
            "Mary has registered from here"
        );
    }
}
