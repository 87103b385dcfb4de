//! The three records of a user's resources: status and UIDs, PostgreSQL, and the tags in AWS. Any two may be
//! lost.

use serde_json::{Value, json};
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, arns, assert_nothing_left, calls, create, create_named, delete, gone, ready, recorded, tenant,
    until,
};

/// Re-creates the account, as if the cluster were restored from Git: a new UID, no status, no finalizer.
async fn lose_the_cluster(tenant: &Tenant) {
    let strip = ["patch", "streamer", "todd", "--type=merge", "-p", r#"{"metadata":{"finalizers":[]}}"#];
    let stripped = tenant.kubectl(&strip).await;
    assert!(stripped.success, "{}", stripped.stderr);
    delete(tenant, "todd").await;
    gone(tenant, "todd").await;
    create(tenant, "todd", json!({})).await;
}

async fn clear_status(tenant: &Tenant) {
    let clear =
        ["patch", "streamer", "todd", "--subresource=status", "--type=merge", "-p", r#"{"status":null}"#];
    let cleared = tenant.kubectl(&clear).await;
    assert!(cleared.success, "{}", cleared.stderr);
}

async fn lose_the_database(tenant: &Tenant) {
    sqlx::query("truncate users cascade").execute(&tenant.pool()).await.unwrap();
}

fn lose_the_tags(tenant: &Tenant) {
    let mut state = tenant.simulator().state();
    remove_tags(&mut state);
    tenant.simulator().load_state(state).unwrap();
}

fn remove_tags(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|key, _| !key.starts_with("streamcat.dev/"));
            entries.values_mut().for_each(remove_tags);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_tags),
        _ => {}
    }
}

/// Asserts that the account keeps its three resources, and that nothing is created, after `lose` has removed
/// records while no controller runs.
async fn assert_survives(label: &str, lose: impl AsyncFnOnce(&Tenant)) {
    let tenant = tenant(label).await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "tags": { "team": "a" } })).await;
    let before = ready(&tenant, "todd").await;
    assert!(controller.terminate().await.success());
    lose(&tenant).await;

    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    let after = until(&tenant, "todd", "has its resources in status", |account| {
        account.status.as_ref().is_some_and(|status| status.stage.is_some() && status.channel.is_some())
    })
    .await;
    assert_eq!(arns(&after), arns(&before));
    wait::until("all three records are complete", TIMEOUT, || async {
        let tagged = tenant.simulator().state().to_string().matches("streamcat.dev/user").count();
        let recorded = recorded(&tenant, "todd").await;
        if tagged == 3 && recorded == arns(&before) {
            Ok(())
        } else {
            Err(format!("{tagged} tagged; {recorded:?}"))
        }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    let after = ready(&tenant, "todd").await;
    let user = |account: &streamcat_operator::api::StreamerAccount| account.status.clone().unwrap().user_id;
    assert_eq!((arns(&after), user(&after)), (arns(&before), user(&before)));
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        assert_eq!(calls(&tenant, operation), 1, "{operation}");
    }
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn an_account_survives_loss_of_cluster_and_database() {
    assert_survives("only-tags", async |tenant| {
        lose_the_cluster(tenant).await;
        lose_the_database(tenant).await;
    })
    .await;
}

#[tokio::test]
async fn an_account_survives_loss_of_cluster_and_tags() {
    assert_survives("only-database", async |tenant| {
        lose_the_cluster(tenant).await;
        lose_the_tags(tenant);
    })
    .await;
}

#[tokio::test]
async fn an_account_survives_loss_of_database_and_tags() {
    assert_survives("only-status", async |tenant| {
        lose_the_database(tenant).await;
        lose_the_tags(tenant);
    })
    .await;
}

#[tokio::test]
async fn an_account_survives_loss_of_status_and_database() {
    assert_survives("cleared", async |tenant| {
        clear_status(tenant).await;
        lose_the_database(tenant).await;
    })
    .await;
}

#[tokio::test]
async fn an_account_survives_a_restore_to_another_holder_of_its_username() {
    assert_survives("other-holder", async |tenant| {
        lose_the_database(tenant).await;
        let row = "insert into users (username, account_namespace, account_name, account_uid)
                   values ('todd', $1, 'before', 'u')";
        sqlx::query(row).bind(tenant.namespace()).execute(&tenant.pool()).await.unwrap();
    })
    .await;
}

/// Restores PostgreSQL to a time when an earlier object of the same name held the user.
async fn restore_earlier_object(tenant: &Tenant) {
    lose_the_database(tenant).await;
    let rows = "with u as (insert into users (username, account_namespace, account_name, account_uid)
                           values ('todd', $1, 'todd', 'before') returning id)
                insert into channels (user_id, name, arn, ingest_endpoint, playback_url, created_at)
                select id, 'todd', 'arn:aws:ivs:us-west-2:123456789012:channel/AAAAAAAAAAAA', '', '',
                       now() - interval '1 day' from u";
    sqlx::query(rows).bind(tenant.namespace()).execute(&tenant.pool()).await.unwrap();
}

#[tokio::test]
async fn an_account_survives_a_restore_to_before_its_recreation() {
    assert_survives("earlier-object", restore_earlier_object).await;
}

#[tokio::test]
async fn an_account_survives_loss_of_cluster_and_an_older_database() {
    assert_survives("both-earlier", async |tenant| {
        lose_the_cluster(tenant).await;
        restore_earlier_object(tenant).await;
    })
    .await;
}

#[tokio::test]
async fn a_restored_row_of_a_deleted_account_does_not_block_its_username() {
    let tenant = tenant("stale-row").await;
    // The resource in the row counts as gone once two lists do not contain it.
    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    restore_earlier_object(&tenant).await;
    create_named(&tenant, "successor", "todd", json!({})).await;
    let successor = ready(&tenant, "successor").await;
    assert_eq!(recorded(&tenant, "todd").await, arns(&successor));
    delete(&tenant, "successor").await;
    gone(&tenant, "successor").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn an_account_deleted_after_a_restore_leaves_nothing() {
    let tenant = tenant("restore-delete").await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    assert!(controller.terminate().await.success());
    restore_earlier_object(&tenant).await;
    delete(&tenant, "todd").await;

    let _controller = tenant.controller().start().await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn the_installation_id_survives_the_loss_of_its_cluster() {
    let tenant = tenant("installation").await;
    sqlx::query("insert into installation (id) values ('previous-cluster')")
        .execute(&tenant.pool())
        .await
        .unwrap();
    let _controller = tenant.controller().env_remove("STREAMCAT_INSTALLATION_ID").start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    let state = tenant.simulator().state();
    for kind in ["channels", "rooms", "stages"] {
        let tag = &state[kind][0]["tags"]["streamcat.dev/installation"];
        assert_eq!(tag, "previous-cluster", "{kind}");
    }
}
