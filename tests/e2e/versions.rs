//! Versions next to each other: these programs on the schema of a newer version.

use serde_json::json;
use testbed::{Operator, Tenant};

use crate::{
    registration::{PASSWORD, post},
    support::{count, create, ready, tenant, until_readyz},
};

/// Version of the migration from the future.
const FUTURE: &str = "9999";

/// Runs statements as the owner of the tables.
async fn execute(tenant: &Tenant, statements: &'static str) {
    sqlx::raw_sql(statements).execute(&tenant.pool()).await.unwrap();
}

/// Applies a later migration that only adds to the schema.
async fn add_to_schema(tenant: &Tenant) {
    let migration = "alter table users add column nickname text not null default '';
         create table badges (user_id uuid not null);
         grant select on badges to streamcat_registration;
         insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '', 0)";
    execute(tenant, migration).await;
}

/// Declares that the later migration breaks the programs under test.
async fn break_schema(tenant: &Tenant) {
    execute(tenant, "update schema_compatibility set minimum_version = 9999").await;
}

/// Waits until /readyz of a program has this status and a line about the database with these words. The line
/// shows that the program has seen the schema.
async fn until_database(program: &Operator, status: u16, words: &[&str]) {
    until_readyz(program, &format!("has {status} and {words:?}"), |answer| {
        let mut lines = answer.body.lines().filter(|line| line.starts_with("database: "));
        answer.status == status && lines.any(|line| words.iter().all(|word| line.contains(word)))
    })
    .await;
}

/// Registers a person and waits until the controller has created everything.
async fn register(tenant: &Tenant, registration: &Operator, username: &str) {
    let answer = post(registration, username, PASSWORD).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    ready(tenant, username).await;
}

#[tokio::test]
async fn both_programs_serve_while_a_newer_version_adds_to_the_schema() {
    let tenant = tenant("additive").await;
    let controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    register(&tenant, &registration, "mary").await;
    add_to_schema(&tenant).await;
    for program in [&controller, &registration] {
        until_database(program, 200, &[FUTURE, "still works"]).await;
    }
    register(&tenant, &registration, "todd").await;

    // A pod of this version that is started again, and its init container.
    let (status, output) = tenant.controller().run(&["migrate"]).await.unwrap();
    assert!(status.success() && output.contains("nothing to migrate"), "{output}");
    let again = tenant.registration().start().await;
    register(&tenant, &again, "ann").await;
    let granted = "select count(*) from information_schema.role_table_grants
         where table_name = 'badges' and grantee = 'streamcat_registration'";
    assert_eq!(count(&tenant, granted).await, 1, "the grants of the newer version stay");
}

#[tokio::test]
async fn a_breaking_schema_stops_both_programs() {
    let tenant = tenant("breaking").await;
    let controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    add_to_schema(&tenant).await;
    break_schema(&tenant).await;
    let words = [FUTURE, "newer than this program supports", "run the newer version"];
    for program in [&controller, &registration] {
        until_database(program, 503, &words).await;
    }
    for command in ["controller", "migrate"] {
        let (status, output) = tenant.controller().run(&[command]).await.unwrap();
        assert_eq!(status.code(), Some(1), "{output}");
        assert!(words.iter().all(|word| output.contains(word)), "{output}");
    }
    let another = tenant.registration().start_unready().await;
    until_database(&another, 503, &words).await;
}
