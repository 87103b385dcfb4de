//! The registration conforms to its `/openapi.json`, tested with generated requests by schemathesis.

use testbed::http;
use tokio::process::Command;

use crate::{
    registration::registered_counts,
    schemathesis::{SOURCES, installed, run},
    support::tenant,
};

#[tokio::test]
async fn the_server_conforms_to_its_openapi_document() {
    let tenant = tenant("openapi").await;
    // One client sends hundreds of requests, with passwords that need no protection.
    let unlimited = u32::MAX.to_string();
    let registration = tenant
        .registration()
        .env("STREAMCAT_MAX_ATTEMPTS_PER_IP", &unlimited)
        .env("STREAMCAT_MAX_ATTEMPTS_PER_USERNAME", &unlimited)
        .env("STREAMCAT_MAX_READS_PER_IP", &unlimited)
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
    // schemathesis writes a cache into its working directory.
    schemathesis.current_dir(&installed).args([
        "--config-file",
        &format!("{SOURCES}/schemathesis.toml"),
        "run",
        &document,
    ]);
    let output = run(schemathesis.env("PYTHONDONTWRITEBYTECODE", "1")).await;
    println!("{output}");
    assert!(output.contains("No issues found"), "{output}");
    let (users, accounts) = registered_counts(&tenant).await;
    assert!(users > 0 && usize::try_from(users).unwrap() == accounts, "{users} users, {accounts} accounts");
}
