//! The registration keeps what its `/openapi.json` says, to whatever schemathesis makes up from it.

use testbed::http;
use tokio::process::Command;

use crate::{
    outside::{SOURCES, installed, run},
    registration::made,
    support::tenant,
};

#[tokio::test]
async fn the_server_keeps_what_its_openapi_document_says() {
    let tenant = tenant("openapi").await;
    // Hundreds of requests of one client, whose passwords nobody needs to guard.
    let unlimited = u32::MAX.to_string();
    let registration = tenant
        .registration()
        .env("STREAMCAT_MAX_ATTEMPTS_PER_IP", &unlimited)
        .env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", &unlimited)
        .env("STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", &unlimited)
        .env("STREAMCAT_ARGON2_MEMORY_KIB", "8")
        .env("STREAMCAT_ARGON2_PASSES", "1")
        .start()
        .await;
    let document = format!("{}/openapi.json", registration.url());
    let title = http::get(&document).await.unwrap().json().unwrap()["info"]["title"].clone();
    assert_eq!(title, "Streamcat registration");

    let installed = installed().await;
    let mut schemathesis = Command::new(installed.join("python/bin/schemathesis"));
    // It keeps notes of its runs where it is started.
    schemathesis.current_dir(&installed).args([
        "--config-file",
        &format!("{SOURCES}/schemathesis.toml"),
        "run",
        &document,
    ]);
    let said = run(schemathesis.env("PYTHONDONTWRITEBYTECODE", "1")).await;
    println!("{said}");
    assert!(said.contains("No issues found"), "{said}");
    let (users, accounts) = made(&tenant).await;
    assert!(users > 0 && usize::try_from(users).unwrap() == accounts, "{users} users, {accounts} accounts");
}
