//! A password, a stream key or a database URL appears nowhere it should not (I9).

use axum::http::Request;
use ivs_simulator::Fault;
use serde_json::json;
use sqlx::Row;
use testbed::{Operator, Tenant, http};

use crate::{
    registration::{post, submit},
    support::{delete, edit, gone, ready, reason, tenant},
};

const PASSWORD: &str = "canary-of-the-password-4711";
const WRONG_PASSWORD: &str = "canary-of-a-wrong-password-4712";
const MISPLACED_PASSWORD: &str = "canary-in-the-wrong-field-4713";

/// Returns the secrets that must not appear anywhere, each with a description.
fn secrets(tenant: &Tenant) -> Vec<(&'static str, String)> {
    let state = tenant.simulator().state();
    let stream_key = state["streamKeys"][0]["value"].as_str().unwrap().to_owned();
    let mut secrets = vec![
        ("the password", PASSWORD.to_owned()),
        ("the wrong password", WRONG_PASSWORD.to_owned()),
        ("the password in the wrong field", MISPLACED_PASSWORD.to_owned()),
        ("the stream key", stream_key),
    ];
    for url in [tenant.database_url(), tenant.controller_database_url(), tenant.registration_database_url()] {
        let password = url.split_once("://").unwrap().1.split('@').next().unwrap().split(':').nth(1).unwrap();
        secrets.push(("a database URL", url.to_owned()));
        secrets.push(("a database password", password.to_owned()));
    }
    secrets
}

/// Signs in twice, with failures in between; views the stream key, fails to delete the account, and signs out
/// each time. Returns the tokens of the sessions and of their forms, which only pages for the owner may
/// contain.
async fn use_account(registration: &Operator) -> Vec<(&'static str, String)> {
    let url = registration.url();
    let form = async |path: &str, cookie: &str, body: String| {
        let request = Request::post("/").header("cookie", cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        http::send(&format!("{url}{path}"), request, body).await.unwrap()
    };
    let mut tokens = Vec::new();
    for (username, password) in
        [("todd", PASSWORD), ("todd", WRONG_PASSWORD), (MISPLACED_PASSWORD, "x"), ("todd", PASSWORD)]
    {
        let fields = [("username", username), ("password", password)];
        let answer = http::post_form(&format!("{url}/sign-in"), &fields).await.unwrap();
        if answer.status != 303 {
            continue;
        }
        let cookie = answer.cookie().expect("a session").to_owned();
        let account = format!("{url}/accounts/todd");
        let asked = Request::get("/").header("cookie", &cookie);
        let page = http::send(&account, asked, String::new()).await.unwrap().body;
        let token =
            page.split_once(r#"name="token" value=""#).unwrap().1.split('"').next().unwrap().to_owned();
        let shown = form("/accounts/todd/stream-key", &cookie, format!("token={token}")).await;
        assert!(shown.body.contains("sk_"), "{}", shown.body);
        let wrong = format!("token={token}&password={WRONG_PASSWORD}");
        assert_eq!(form("/accounts/todd/delete", &cookie, wrong).await.status, 403);
        assert_eq!(form("/sign-out", &cookie, format!("token={token}")).await.status, 303);
        tokens.push(("the token of a session", cookie.split_once('=').unwrap().1.to_owned()));
        tokens.push(("the token of a form", token));
    }
    assert_eq!(tokens.len(), 4);
    tokens
}

/// Returns all rows of all tables, as text.
async fn rows(tenant: &Tenant) -> String {
    let mut text = String::new();
    for table in [
        "users",
        "channels",
        "chat_rooms",
        "stages",
        "create_attempts",
        "registrations",
        "sessions",
        "audit_log",
    ] {
        let query = sqlx::AssertSqlSafe(format!("select row_to_json(t)::text from {table} t"));
        for row in sqlx::query(query).fetch_all(&tenant.pool()).await.unwrap() {
            text.push_str(&row.get::<String, _>(0));
        }
    }
    text
}

async fn kubernetes(tenant: &Tenant) -> String {
    let objects = tenant.kubectl(&["get", "streameraccounts,events", "-o", "yaml"]).await;
    assert!(objects.success, "{}", objects.stderr);
    objects.stdout
}

async fn answers(registration: &Operator, controller: &Operator) -> String {
    let mut text = String::new();
    for url in [
        format!("{}/register", registration.url()),
        format!("{}/accounts/todd", registration.url()),
        format!("{}/metrics", registration.admin_url()),
        format!("{}/metrics", controller.admin_url()),
        format!("{}/readyz", controller.admin_url()),
    ] {
        text.push_str(&http::get(&url).await.unwrap().body);
    }
    for (username, password) in
        [("todd", PASSWORD), ("to dd", PASSWORD), ("todd", "another password of length")]
    {
        let form = submit(registration, username, password).await;
        let json = post(registration, username, password).await;
        text.extend([format!("{:?}", form.headers), form.body, format!("{:?}", json.headers), json.body]);
    }
    text
}

#[tokio::test]
async fn no_secret_is_in_any_log_event_status_row_metric_or_response() {
    let tenant = tenant("secrecy").await;
    // All logs except the client libraries' traces, which contain whole requests. No level alone enables
    // those.
    let log = "debug,hyper=info,h2=info,aws=info,sqlx=debug,streamcat_operator=trace";
    let controller = tenant.controller().env("STREAMCAT_LOG_LEVEL", log).start().await;
    let registration = tenant.registration().env("STREAMCAT_LOG_LEVEL", log).start().await;

    let registered = submit(&registration, "todd", PASSWORD).await;
    assert_eq!(registered.status, 303, "{}", registered.body);
    ready(&tenant, "todd").await;
    let tokens = use_account(&registration).await;
    tenant.simulator().fault(Fault::error("UpdateChannel", 403, "AccessDeniedException"));
    edit(&tenant, "todd", json!({ "channel": { "type": "BASIC" } })).await;
    reason(&tenant, "todd", "AccessDenied").await;

    let secrets = [secrets(&tenant), tokens].concat();
    let seen = [
        ("the answers", answers(&registration, &controller).await),
        ("the rows", rows(&tenant).await),
        ("the objects", kubernetes(&tenant).await),
        ("the controller's log", controller.log()),
        ("the registration's log", registration.log()),
    ];
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    let end = [("the controller's log after the deletion", controller.log())];
    for (place, text) in seen.iter().chain(&end) {
        assert!(!text.is_empty(), "{place} is empty");
        for (what, secret) in &secrets {
            assert!(!text.contains(secret.as_str()), "{what} is in {place}");
        }
    }
}

#[tokio::test]
async fn the_search_for_secrets_finds_a_canary() {
    let tenant = tenant("canary").await;
    sqlx::query(
        "insert into users (username, password_hash, account_namespace, account_name)
         values ('a', $1, 'n', 'a')",
    )
    .bind(PASSWORD)
    .execute(&tenant.pool())
    .await
    .unwrap();
    sqlx::query("insert into audit_log (event, username) values ('sign_in_failed', $1)")
        .bind(MISPLACED_PASSWORD)
        .execute(&tenant.pool())
        .await
        .unwrap();
    let rows = rows(&tenant).await;
    assert!(rows.contains(PASSWORD) && rows.contains(MISPLACED_PASSWORD));
}
