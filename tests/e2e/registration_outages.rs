//! Registering while the database or the API server is unavailable, or permissions are missing.

use std::path::Path;

use serde_json::{Value, json};
use testbed::{
    Operator, Tenant,
    http::{self, Response},
    wait,
};

use crate::{
    registration::{PASSWORD, post, registered_counts, submit},
    signed_in::Browser,
    support::{TIMEOUT, annotate, count, create, ready, tenant, until_readyz},
};

/// Returns an address at which nothing listens.
fn unreachable_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Returns a copy of a kubeconfig with an unreachable API server.
pub fn unreachable_kubeconfig(kubeconfig: &Path) -> String {
    let mut config: Value = serde_yaml::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["server"] = format!("https://{}", unreachable_address()).into();
    let file = kubeconfig.with_extension("nowhere");
    std::fs::write(&file, config.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Waits until /readyz reports that only this gate is closed, with the reason.
async fn until_gate_closed(registration: &Operator, gate: &str) {
    until_readyz(registration, &format!("names {gate}"), |answer| {
        let closed: Vec<_> = answer.body.lines().collect();
        let named = closed.len() == 1
            && closed[0].starts_with(&format!("{gate}: "))
            && !closed[0].ends_with("not checked yet");
        answer.status == 503 && named
    })
    .await;
}

/// Asserts a 503 with Retry-After that reveals no internals.
fn assert_unavailable(answer: &Response) {
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("5")), "{}", answer.body);
    assert!(
        answer.body.contains("Try again in a moment, with the same username and password."),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("127.0.0.1") && !answer.body.contains(PASSWORD), "{}", answer.body);
}

async fn assert_nothing_created(tenant: &Tenant) {
    assert_eq!(registered_counts(tenant).await, (0, 0), "rows or accounts exist");
}

/// Asserts that the same user can register once everything is available.
async fn assert_can_register(tenant: &Tenant, username: &str) {
    let registration = tenant.registration().start().await;
    let answer = post(&registration, username, PASSWORD).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(registered_counts(tenant).await, (1, 1));
}

#[tokio::test]
async fn without_the_database_registrations_leave_nothing() {
    let tenant = tenant("no-database").await;
    let url = format!("postgres://streamcat:canary@{}/streamcat", unreachable_address());
    let registration = tenant.registration().env("DATABASE_URL", url).start_unready().await;
    until_gate_closed(&registration, "database").await;
    for page in ["/register", "/style.css"] {
        assert_eq!(http::get(&format!("{}{page}", registration.url())).await.unwrap().status, 200);
    }
    let page = format!("{}/accounts/mary", registration.url());
    let (by_json, by_form, page) = tokio::join!(
        post(&registration, "mary", PASSWORD),
        submit(&registration, "mary", PASSWORD),
        http::get(&page),
    );
    assert_unavailable(&by_json);
    assert_unavailable(&by_form);
    assert!(by_form.body.contains(r#"value="mary""#) && by_form.body.contains(r#"role="alert""#));
    assert_eq!(page.unwrap().status, 503);
    assert!(!registration.log().contains("canary"));
    assert_eq!(http::get(&format!("{}/healthz", registration.admin_url())).await.unwrap().status, 200);

    assert_nothing_created(&tenant).await;
    assert_can_register(&tenant, "mary").await;
}

#[tokio::test]
async fn without_the_api_server_the_account_is_created_later() {
    let tenant = tenant("no-cluster").await;
    let kubeconfig = unreachable_kubeconfig(&tenant.registration_kubeconfig());
    let mut registration = tenant.registration().env("KUBECONFIG", kubeconfig).start_unready().await;
    until_gate_closed(&registration, "kubernetes").await;
    for username in ["mary", "MARY"] {
        let answer = post(&registration, username, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (202, Some("/accounts/mary")));
    }
    assert_eq!(submit(&registration, "todd", PASSWORD).await.status, 303);
    assert_eq!(post(&registration, "mary", "another horse battery").await.status, 409);
    let page = http::get(&format!("{}/accounts/todd", registration.url())).await.unwrap();
    assert!(page.status == 200 && page.body.contains("being set up"), "{}", page.body);
    registration.kill().await;
    assert_eq!(registered_counts(&tenant).await, (2, 0));

    // Two processes run the retry loop at the same time.
    let _both = tokio::join!(tenant.registration().start(), tenant.registration().start());
    until_counts(&tenant, (2, 2)).await;
    let open = "select count(*) from registrations where completed_at is null";
    let seen =
        wait::until("no registration is pending", TIMEOUT, || async { count(&tenant, open).await == 0 });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn a_kubectl_account_keeps_a_name_registered_during_an_outage() {
    let tenant = tenant("lost-name").await;
    let kubeconfig = unreachable_kubeconfig(&tenant.registration_kubeconfig());
    let mut registration = tenant.registration().env("KUBECONFIG", kubeconfig).start_unready().await;
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 202);
    registration.kill().await;
    create(&tenant, "todd", json!({})).await;

    let registration = tenant.registration().start().await;
    until_counts(&tenant, (0, 1)).await;
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 409);
    let _controller = tenant.controller().start().await;
    ready(&tenant, "todd").await;
    let hashed = count(&tenant, "select count(*) from users where password_hash is not null").await;
    assert_eq!(hashed, 0, "a password gives nobody another user's channel");
}

#[tokio::test]
async fn an_account_deleted_before_its_creation_is_never_created() {
    let tenant = tenant("unmade").await;
    let kubeconfig = unreachable_kubeconfig(&tenant.registration_kubeconfig());
    let mut registration = tenant.registration().env("KUBECONFIG", kubeconfig).start_unready().await;
    let mary = Browser::after(&registration, &submit(&registration, "mary", PASSWORD).await);
    let delete = "/accounts/mary/delete";
    let going = mary.submit(delete, delete, "&password=correct+horse+battery").await;
    assert_eq!((going.status.as_u16(), going.header("location")), (303, Some("/accounts/mary/goodbye")));
    assert!(mary.get("/accounts/mary/goodbye").await.body.contains("being deleted"));
    let again = post(&registration, "mary", PASSWORD).await.json().unwrap();
    assert_eq!(again["type"], "urn:streamcat:problem:account-deleting");
    registration.kill().await;
    assert_eq!(registered_counts(&tenant).await, (1, 0));

    // A delayed request creates the account after all.
    let user: uuid::Uuid =
        sqlx::query_scalar("select id from users").fetch_one(&tenant.pool()).await.unwrap();
    create(&tenant, "mary", json!({})).await;
    annotate(&tenant, "mary", &format!("streamcat.dev/user-id={user}")).await;
    let registration = tenant.registration().start().await;
    until_counts(&tenant, (0, 0)).await;
    let page = http::get(&format!("{}/accounts/mary/goodbye", registration.url())).await.unwrap();
    assert!(page.body.contains("Account deleted"), "{}", page.body);
    assert_eq!(
        post(&registration, "mary", "another horse battery").await.status,
        201,
        "the username is free"
    );
}

/// Asserts that a registration with another tenant's credentials fails with a 500 and leaves nothing.
async fn assert_misconfigured(tenant: &Tenant, kubeconfig: &Path) -> Operator {
    let registration =
        tenant.registration().env("KUBECONFIG", kubeconfig.display().to_string()).start_unready().await;
    let answer = post(&registration, "mary", PASSWORD).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("Something went wrong on our side") && !answer.body.contains("forbidden"));
    assert!(registration.log().contains("forbidden"), "the log does not name the missing permission");
    assert_nothing_created(tenant).await;
    registration
}

/// Waits until there are this many users and accounts.
async fn until_counts(tenant: &Tenant, expected: (i64, usize)) {
    let seen = wait::until(format!("there are {expected:?}"), TIMEOUT, || async {
        let made = registered_counts(tenant).await;
        if made == expected { Ok(()) } else { Err(format!("{made:?}")) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn without_permissions_nothing_is_left_and_the_log_says_so() {
    let (tenant, other) = (tenant("no-rights").await, tenant("other").await);
    let registration = assert_misconfigured(&tenant, &other.registration_kubeconfig()).await;
    until_gate_closed(&registration, "kubernetes").await;
    drop(registration);
    // A process that may read but not create accounts keeps the registration pending.
    let kubeconfig = tenant.controller_kubeconfig().display().to_string();
    let registration = tenant.registration().env("KUBECONFIG", kubeconfig).start_unready().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 202);
    assert!(registration.log().contains("forbidden"), "the log does not name the missing permission");
    assert_eq!(registered_counts(&tenant).await, (1, 0));
    // It would lease the registration as often as the other process.
    drop(registration);
    let _registration = tenant.registration().start().await;
    until_counts(&tenant, (1, 1)).await;
}
