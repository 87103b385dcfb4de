//! Claims: an object deletes only what its claim covers, and a refused claim deletes nothing. Also two
//! clusters on one database.

use serde_json::json;
use streamcat_operator::api::USER_ID_ANNOTATION;
use testbed::{Operator, Tenant};

use crate::{
    registration::{PASSWORD, post},
    support::{
        TIMEOUT, accounts, arns, calls, count, create, create_named, delete, event, gone, ready, reason,
        recorded, tenant, until_readyz,
    },
};

const DELETES: [&str; 3] = ["DeleteChannel", "DeleteRoom", "DeleteStage"];

/// Asserts that nothing was deleted in AWS, and that the rows are unchanged.
async fn assert_kept(tenant: &Tenant, username: &str, before: &[String; 3]) {
    for operation in DELETES {
        assert_eq!(calls(tenant, operation), 0, "{operation}");
    }
    assert_eq!(recorded(tenant, username).await, before);
}

/// Removes the object together with its finalizer, so that no cleanup runs.
async fn lose_object(tenant: &Tenant, name: &str) {
    let strip = ["patch", "streamer", name, "--type=merge", "-p", r#"{"metadata":{"finalizers":[]}}"#];
    let stripped = tenant.kubectl(&strip).await;
    assert!(stripped.success, "{}", stripped.stderr);
    delete(tenant, name).await;
    gone(tenant, name).await;
}

#[tokio::test]
async fn a_retained_user_survives_the_deletion_of_another_spelling() {
    let tenant = tenant("spelling").await;
    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    create(&tenant, "todd", json!({ "deletionPolicy": "Retain" })).await;
    let before = arns(&ready(&tenant, "todd").await);
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;

    create_named(&tenant, "todd", "Todd", json!({})).await;
    reason(&tenant, "todd", "UsernameTaken").await;
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_kept(&tenant, "todd", &before).await;
    let note = event(&tenant, "todd", "ForeignResourceSkipped").await;
    assert!(note.contains("holds no claim") && note.contains("recorded as \"todd\""), "{note}");

    create(&tenant, "todd", json!({})).await;
    assert_eq!(arns(&ready(&tenant, "todd").await), before);
}

#[tokio::test]
async fn a_user_whose_object_is_lost_survives_the_deletion_of_another_spelling() {
    let tenant = tenant("lost").await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    controller.kill().await;
    lose_object(&tenant, "todd").await;
    let _controller = tenant.controller().start().await;
    create_named(&tenant, "todd", "Todd", json!({})).await;
    reason(&tenant, "todd", "UsernameTaken").await;
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_kept(&tenant, "todd", &before).await;
}

/// Registers a user, waits until the account is ready, and returns the ARNs.
async fn registered(tenant: &Tenant) -> [String; 3] {
    let registration = tenant.registration().start().await;
    let answer = post(&registration, "todd", PASSWORD).await;
    assert!(answer.status.is_success(), "{}", answer.body);
    arns(&ready(tenant, "todd").await)
}

#[tokio::test]
async fn a_registered_user_survives_deletion_of_an_unannotated_account() {
    let tenant = tenant("registered").await;
    let mut controller = tenant.controller().start().await;
    let before = registered(&tenant).await;
    controller.kill().await;
    lose_object(&tenant, "todd").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    reason(&tenant, "todd", "UsernameTaken").await;
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_kept(&tenant, "todd", &before).await;
}

#[tokio::test]
async fn a_registered_account_replaced_without_annotation_keeps_its_user() {
    let tenant = tenant("replaced").await;
    let _controller = tenant.controller().start().await;
    let before = registered(&tenant).await;
    let mut account = accounts(&tenant).get("todd").await.unwrap();
    account.metadata.annotations = None;
    account.metadata.managed_fields = None;
    account.spec.tags.insert("team".to_owned(), "a".to_owned());
    accounts(&tenant).replace("todd", &kube::api::PostParams::default(), &account).await.unwrap();
    let after = ready(&tenant, "todd").await;
    assert!(!kube::ResourceExt::annotations(&after).contains_key(USER_ID_ANNOTATION));
    assert_eq!(arns(&after), before);
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_eq!(count(&tenant, "select count(*) from users").await, 0);
}

/// Records that another cluster was active on the database just now.
async fn see_another_cluster(tenant: &Tenant) {
    let see = "insert into clusters (id) values ('another') on conflict (id) do update set seen_at = now()";
    sqlx::query(see).execute(&tenant.pool()).await.unwrap();
}

async fn until_standby(controller: &Operator) {
    until_readyz(controller, "names the other cluster", |answer| {
        answer.body.contains("cluster: Cluster another holds the lease on this database")
    })
    .await;
}

#[tokio::test]
async fn a_controller_changes_nothing_while_another_cluster_holds_the_lease() {
    let tenant = tenant("twoclusters").await;
    let quick = || tenant.controller().env("STREAMCAT_CLUSTER_TAKEOVER_AFTER", "8s");
    let mut controller = quick().start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    // The lease is renewed every two seconds: the controller notices that it has lost it, and stops.
    sqlx::query("truncate clusters").execute(&tenant.pool()).await.unwrap();
    see_another_cluster(&tenant).await;
    until_standby(&controller).await;
    let listed = calls(&tenant, "ListStages");
    delete(&tenant, "todd").await;
    create(&tenant, "ann", json!({})).await;
    for _ in 0..5 {
        see_another_cluster(&tenant).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_kept(&tenant, "todd", &before).await;
    assert_eq!((calls(&tenant, "ListStages"), calls(&tenant, "CreateStage")), (listed, 1));

    // It takes over once the lease of the other cluster has expired.
    controller.ready(TIMEOUT).await.unwrap();
    ready(&tenant, "ann").await;
    gone(&tenant, "todd").await;
}

#[tokio::test]
async fn a_new_cluster_takes_over_on_apply_but_never_to_delete() {
    let tenant = tenant("newcluster").await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);
    controller.kill().await;
    // As if the row belonged to an object in a lost cluster, and this object had been restored from a backup.
    let elsewhere = "update users set account_cluster = 'lost', account_uid = 'before'";
    sqlx::query(elsewhere).execute(&tenant.pool()).await.unwrap();
    delete(&tenant, "todd").await;
    let _controller = tenant.controller().start().await;
    gone(&tenant, "todd").await;
    assert_kept(&tenant, "todd", &before).await;
    let note = event(&tenant, "todd", "ForeignResourceSkipped").await;
    assert!(note.contains("another cluster on the same database (lost)"), "{note}");

    create(&tenant, "todd", json!({})).await;
    assert_eq!(arns(&ready(&tenant, "todd").await), before);
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_eq!(count(&tenant, "select count(*) from users").await, 0);
}
