//! Registration while something is away or forbidden: said, nothing half done, and mended by another try.

use std::path::Path;

use serde_json::Value;
use testbed::{
    Operator, Tenant,
    http::{self, Answer},
    wait,
};

use crate::{
    registration::{PASSWORD, made, post, submit},
    support::{PATIENCE, tenant},
};

/// An address where nothing listens.
fn nowhere() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A kubeconfig like this one, of an API server that is not there.
fn of_nowhere(kubeconfig: &Path) -> String {
    let mut config: Value = serde_yaml::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["server"] = format!("https://{}", nowhere()).into();
    let file = kubeconfig.with_extension("nowhere");
    std::fs::write(&file, config.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Waits until /readyz says that one gate is shut and why, and no other.
async fn until_shut(registration: &Operator, gate: &str) {
    let readyz = format!("{}/readyz", registration.admin_url());
    let seen = wait::until(format!("readyz names {gate}"), PATIENCE, || async {
        let answer = http::get(&readyz).await.map_err(|error| error.to_string())?;
        let shut: Vec<_> = answer.body.lines().collect();
        let named = shut.len() == 1
            && shut[0].starts_with(&format!("{gate}: "))
            && !shut[0].ends_with("not tried yet");
        if answer.status == 503 && named { Ok(()) } else { Err(answer.body) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Asserts that somebody is put off, in words that promise nothing and tell nothing of our insides.
fn assert_put_off(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("5")), "{}", answer.body);
    assert!(
        answer.body.contains("Try again in a moment, with the same username and password."),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("127.0.0.1") && !answer.body.contains(PASSWORD), "{}", answer.body);
}

async fn assert_nothing_made(tenant: &Tenant) {
    assert_eq!(made(tenant).await, (0, 0), "rows and accounts are left");
}

/// Asserts that the same person gets through where everything is there.
async fn assert_gets_through(tenant: &Tenant, username: &str) {
    let registration = tenant.registration().start().await;
    let answer = post(&registration, username, PASSWORD).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(made(tenant).await, (1, 1));
}

#[tokio::test]
async fn without_the_database_the_form_is_shown_and_nobody_is_half_registered() {
    let tenant = tenant("no-database").await;
    let url = format!("postgres://streamcat:canary@{}/streamcat", nowhere());
    let registration = tenant.registration().env("DATABASE_URL", url).start_unready().await;
    until_shut(&registration, "database").await;
    for page in ["/register", "/style.css"] {
        assert_eq!(http::get(&format!("{}{page}", registration.url())).await.unwrap().status, 200);
    }
    let page = format!("{}/accounts/mary", registration.url());
    let (by_json, by_form, page) = tokio::join!(
        post(&registration, "mary", PASSWORD),
        submit(&registration, "mary", PASSWORD),
        http::get(&page),
    );
    assert_put_off(&by_json);
    assert_put_off(&by_form);
    assert!(by_form.body.contains(r#"value="mary""#) && by_form.body.contains(r#"role="alert""#));
    assert_eq!(page.unwrap().status, 503);
    assert!(!registration.log().contains("canary"));
    assert_eq!(http::get(&format!("{}/healthz", registration.admin_url())).await.unwrap().status, 200);

    assert_nothing_made(&tenant).await;
    assert_gets_through(&tenant, "mary").await;
}

#[tokio::test]
async fn without_the_api_server_no_row_is_left_and_the_same_person_gets_through_later() {
    let tenant = tenant("no-cluster").await;
    let kubeconfig = of_nowhere(&tenant.registration_kubeconfig());
    let registration = tenant.registration().env("KUBECONFIG", kubeconfig).start_unready().await;
    until_shut(&registration, "kubernetes").await;
    assert_put_off(&post(&registration, "mary", PASSWORD).await);
    assert_put_off(&submit(&registration, "mary", PASSWORD).await);

    assert_nothing_made(&tenant).await;
    assert_gets_through(&tenant, "mary").await;
}

/// Asserts that a registration with somebody else's token fails as what it is, and leaves nothing.
async fn assert_misconfigured(tenant: &Tenant, kubeconfig: &Path) -> Operator {
    let registration =
        tenant.registration().env("KUBECONFIG", kubeconfig.display().to_string()).start_unready().await;
    let answer = post(&registration, "mary", PASSWORD).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("Something is wrong on our side") && !answer.body.contains("forbidden"));
    assert!(registration.log().contains("forbidden"), "the log does not say what is missing");
    assert_nothing_made(tenant).await;
    registration
}

#[tokio::test]
async fn without_rights_nothing_is_left_and_the_log_says_what_is_missing() {
    let (tenant, other) = (tenant("no-rights").await, tenant("other").await);
    let registration = assert_misconfigured(&tenant, &other.registration_kubeconfig()).await;
    until_shut(&registration, "kubernetes").await;
    // One that may look but not make an account has a row by then, and takes it back.
    assert_misconfigured(&tenant, &tenant.controller_kubeconfig()).await;
    assert_gets_through(&tenant, "mary").await;
}
