//! Abandoning an account whose deletion AWS blocks: everything that remains is on the orphan list.

use ivs_simulator::Fault;
use serde_json::{Value, json};
use streamcat_operator::api::condition::{find, is_true};
use testbed::{Operator, Tenant, http, wait};

use crate::support::{
    TIMEOUT, annotate, arns, calls, count, create, delete, event, gone, ready, reason, tenant,
};

const ABANDON: &str = "streamcat.dev/abandon=true";

/// Starts a controller with a short resync interval and a short grace period.
async fn start_quick(tenant: &Tenant) -> Operator {
    let controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "500ms");
    controller.env("STREAMCAT_CONSISTENCY_GRACE", "1s").start().await
}

/// Returns the ARN or the attempt of each orphan, and its reason, ordered by kind.
async fn orphans(tenant: &Tenant) -> Vec<(String, String)> {
    let list = "select coalesce(arn, attempt::text), reason::text from orphans order by kind, arn";
    sqlx::query_as(list).fetch_all(&tenant.pool()).await.unwrap()
}

/// Waits until exactly these ARNs are on the orphan list, with this reason.
async fn until_listed(tenant: &Tenant, arns: &[String], reason: &str) {
    let expected: Vec<_> = arns.iter().map(|arn| (arn.clone(), reason.to_owned())).collect();
    wait::until(format!("{expected:?} are on the orphan list"), TIMEOUT, || async {
        let listed = orphans(tenant).await;
        if listed == expected { Ok(()) } else { Err(format!("{listed:?}")) }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
}

/// Waits until two more resyncs have finished: the third has begun.
async fn two_resyncs(tenant: &Tenant) {
    let before = calls(tenant, "ListStages");
    wait::until("three more resyncs have begun", TIMEOUT, || async {
        calls(tenant, "ListStages") >= before + 3
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
}

/// Returns the output of `streamcat-operator orphans`.
fn print_orphans(tenant: &Tenant, arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_streamcat-operator");
    let mut command = std::process::Command::new(program);
    let output = command.arg("orphans").args(arguments).env("DATABASE_URL", tenant.database_url()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes AWS deny every deletion from now on.
fn deny_deletions(tenant: &Tenant) {
    tenant.simulator().fault(Fault::error("Delete*", 403, "AccessDeniedException").every(1));
}

fn assert_counts(tenant: &Tenant, expected: [usize; 3]) {
    let counts = tenant.simulator().counts();
    assert_eq!([counts.channels, counts.rooms, counts.stages], expected);
}

/// Creates an account, blocks its deletion in AWS, and abandons it. Returns its ARNs.
async fn abandon_stuck_account(tenant: &Tenant) -> [String; 3] {
    create(tenant, "todd", json!({})).await;
    let left = arns(&ready(tenant, "todd").await);
    deny_deletions(tenant);
    delete(tenant, "todd").await;
    reason(tenant, "todd", "AccessDenied").await;
    annotate(tenant, "todd", ABANDON).await;
    gone(tenant, "todd").await;
    left
}

#[tokio::test]
async fn abandoned_resources_are_listed_until_deleted_or_adopted() {
    let tenant = tenant("abandon").await;
    let controller = start_quick(&tenant).await;
    let left = abandon_stuck_account(&tenant).await;
    assert_eq!(count(&tenant, "select count(*) from users").await, 0);
    let note = event(&tenant, "todd", "Abandoned").await;
    assert!(left.iter().all(|arn| note.contains(arn.as_str())), "{note}");

    tenant.simulator().clear_faults();
    two_resyncs(&tenant).await;
    until_listed(&tenant, &left, "abandoned").await;
    assert_counts(&tenant, [1; 3]);
    let metrics = http::get(&format!("{}/metrics", controller.admin_url())).await.unwrap().body;
    assert!(metrics.contains("streamcat_orphaned_resources 3"), "{metrics}");

    assert!(tenant.simulator().remove(&left[2]));
    until_listed(&tenant, &left[..2], "abandoned").await;
    create(&tenant, "todd", json!({})).await;
    let again = arns(&ready(&tenant, "todd").await);
    assert_eq!(again[..2], left[..2]);
    until_listed(&tenant, &[], "abandoned").await;
    assert_counts(&tenant, [1; 3]);
}

#[tokio::test]
async fn orphans_are_printed_as_a_table_and_as_json() {
    let tenant = tenant("orphans").await;
    assert_eq!(print_orphans(&tenant, &["--json"]), "[]\n");
    let controller = start_quick(&tenant).await;
    let left = abandon_stuck_account(&tenant).await;
    drop(controller);

    let table = print_orphans(&tenant, &[]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 4, "{table}");
    let account = format!("{}/todd", tenant.namespace());
    for (line, arn) in lines[1..].iter().zip(&left) {
        assert_eq!(line[1..5], [arn, account.as_str(), "todd", "abandoned"], "{table}");
    }
    let list: Value = serde_json::from_str(&print_orphans(&tenant, &["--json"])).unwrap();
    let of_list: Vec<_> = list.as_array().unwrap().iter().map(|row| row["arn"].as_str().unwrap()).collect();
    assert_eq!(of_list, left);
}

#[tokio::test]
async fn an_account_is_abandoned_only_by_true_and_only_during_deletion() {
    let tenant = tenant("not-abandoned").await;
    let _controller = start_quick(&tenant).await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    annotate(&tenant, "todd", ABANDON).await;
    two_resyncs(&tenant).await;
    ready(&tenant, "todd").await;

    annotate(&tenant, "todd", "streamcat.dev/abandon=false").await;
    deny_deletions(&tenant);
    delete(&tenant, "todd").await;
    reason(&tenant, "todd", "AccessDenied").await;
    let before = calls(&tenant, "DeleteStage");
    annotate(&tenant, "todd", "streamcat.dev/abandon=True").await;
    wait::until("the deletion is retried", TIMEOUT, || async { calls(&tenant, "DeleteStage") > before })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    reason(&tenant, "todd", "AccessDenied").await;
    assert_eq!(orphans(&tenant).await, []);
    assert_counts(&tenant, [1; 3]);
}

#[tokio::test]
async fn an_account_is_abandoned_while_aws_is_unreachable() {
    let tenant = tenant("no-aws").await;
    let mut controller = start_quick(&tenant).await;
    create(&tenant, "todd", json!({})).await;
    let left = arns(&ready(&tenant, "todd").await);
    assert!(controller.terminate().await.success());
    let attempt: uuid::Uuid = sqlx::query_scalar(
        "insert into create_attempts (user_id, kind, deadline)
         select id, 'channel', now() + interval '1 hour' from users returning nonce",
    )
    .fetch_one(&tenant.pool())
    .await
    .unwrap();
    tenant.simulator().clear_calls();
    delete(&tenant, "todd").await;
    annotate(&tenant, "todd", ABANDON).await;

    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = tenant.controller().env("AWS_ENDPOINT_URL", format!("http://{address}"));
    let mut controller = unreachable.start_unready().await;
    gone(&tenant, "todd").await;
    let listed: Vec<_> = orphans(&tenant).await.into_iter().map(|(name, _)| name).collect();
    let [channel, room, stage] = left.clone();
    assert_eq!(listed, [channel, attempt.to_string(), room, stage]);
    assert!(event(&tenant, "todd", "Abandoned").await.contains(&attempt.to_string()));
    assert!(tenant.simulator().calls().is_empty());
    controller.kill().await;

    // The attempt stays on the list until its resource, if any, must be listed.
    let _controller = start_quick(&tenant).await;
    two_resyncs(&tenant).await;
    assert_eq!(orphans(&tenant).await.len(), 4);
    let overdue = "update orphans set unseen_since = now() - interval '1 minute' where arn is null";
    sqlx::query(overdue).execute(&tenant.pool()).await.unwrap();
    until_listed(&tenant, &left, "abandoned").await;
}

#[tokio::test]
async fn abandonment_waits_for_the_database() {
    let tenant = tenant("no-database").await;
    let _controller = start_quick(&tenant).await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    sqlx::query("alter table orphans rename to elsewhere").execute(&tenant.pool()).await.unwrap();
    deny_deletions(&tenant);
    delete(&tenant, "todd").await;
    annotate(&tenant, "todd", ABANDON).await;
    let waiting = reason(&tenant, "todd", "DatabaseUnavailable").await;
    let conditions = &waiting.status.as_ref().unwrap().conditions;
    assert!(is_true(conditions, "Reconciling") && find(conditions, "Stalled").is_none());
    assert_eq!(count(&tenant, "select count(*) from users").await, 1);

    sqlx::query("alter table elsewhere rename to orphans").execute(&tenant.pool()).await.unwrap();
    gone(&tenant, "todd").await;
    assert_eq!(orphans(&tenant).await.len(), 3);
}
