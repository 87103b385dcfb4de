//! Three records of what a user has, any two of which may be lost: status and UIDs, PostgreSQL, the tags in AWS.

use serde_json::{Value, json};
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, arns, assert_nothing_left, calls, create, create_named, delete, gone, ready, recorded, tenant,
    until,
};

/// The cluster is created again from Git: a new UID, no status, no finalizer.
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

/// Whatever `lose` takes while no controller runs, the same three are the account's in the end, and nothing was made.
async fn survives(label: &str, lose: impl AsyncFnOnce(&Tenant)) {
    let tenant = tenant(label).await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "tags": { "team": "a" } })).await;
    let before = ready(&tenant, "todd").await;
    assert!(controller.terminate().await.success());
    lose(&tenant).await;

    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    let after = until(&tenant, "todd", "has what it had", |account| {
        account.status.as_ref().is_some_and(|status| status.stage.is_some() && status.channel.is_some())
    })
    .await;
    assert_eq!(arns(&after), arns(&before));
    wait::until("all three records are there", TIMEOUT, || async {
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
async fn the_cluster_and_the_database_are_lost() {
    survives("onlytags", async |tenant| {
        lose_the_cluster(tenant).await;
        lose_the_database(tenant).await;
    })
    .await;
}

#[tokio::test]
async fn the_cluster_and_the_tags_are_lost() {
    survives("onlydatabase", async |tenant| {
        lose_the_cluster(tenant).await;
        lose_the_tags(tenant);
    })
    .await;
}

#[tokio::test]
async fn the_database_and_the_tags_are_lost() {
    survives("onlystatus", async |tenant| {
        lose_the_database(tenant).await;
        lose_the_tags(tenant);
    })
    .await;
}

#[tokio::test]
async fn status_is_cleared_and_the_database_is_lost() {
    survives("cleared", async |tenant| {
        clear_status(tenant).await;
        lose_the_database(tenant).await;
    })
    .await;
}

#[tokio::test]
async fn the_database_is_restored_to_when_another_account_had_the_username() {
    survives("yesterday", async |tenant| {
        lose_the_database(tenant).await;
        let row = "insert into users (username, account_namespace, account_name, account_uid) values ('todd', $1, 'before', 'u')";
        sqlx::query(row).bind(tenant.namespace()).execute(&tenant.pool()).await.unwrap();
    })
    .await;
}

/// PostgreSQL as it was when an earlier object of the same name held the user.
async fn restore_an_earlier_life(tenant: &Tenant) {
    lose_the_database(tenant).await;
    let rows = "with u as (insert into users (username, account_namespace, account_name, account_uid)
                           values ('todd', $1, 'todd', 'before') returning id)
                insert into channels (user_id, name, arn, ingest_endpoint, playback_url, created_at)
                select id, 'todd', 'arn:aws:ivs:us-west-2:123456789012:channel/AAAAAAAAAAAA', '', '', now() - interval '1 day'
                from u";
    sqlx::query(rows).bind(tenant.namespace()).execute(&tenant.pool()).await.unwrap();
}

#[tokio::test]
async fn the_database_is_restored_to_before_the_account_was_recreated() {
    survives("lifebefore", restore_an_earlier_life).await;
}

#[tokio::test]
async fn the_cluster_is_lost_and_an_older_database_is_restored() {
    survives("twolives", async |tenant| {
        lose_the_cluster(tenant).await;
        restore_an_earlier_life(tenant).await;
    })
    .await;
}

#[tokio::test]
async fn a_restored_row_of_a_deleted_account_does_not_block_its_username() {
    let tenant = tenant("deadrow").await;
    // What the row names is gone once two lists lack it.
    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    restore_an_earlier_life(&tenant).await;
    create_named(&tenant, "heir", "todd", json!({})).await;
    let heir = ready(&tenant, "heir").await;
    assert_eq!(recorded(&tenant, "todd").await, arns(&heir));
    delete(&tenant, "heir").await;
    gone(&tenant, "heir").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn an_account_deleted_after_such_a_restore_leaves_nothing() {
    let tenant = tenant("lifegone").await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    assert!(controller.terminate().await.success());
    restore_an_earlier_life(&tenant).await;
    delete(&tenant, "todd").await;

    let _controller = tenant.controller().start().await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn the_installation_id_outlives_the_cluster_it_came_from() {
    let tenant = tenant("installation").await;
    sqlx::query("insert into installation (id) values ('of-the-cluster-before')")
        .execute(&tenant.pool())
        .await
        .unwrap();
    let _controller = tenant.controller().env_remove("STREAMCAT_INSTALLATION_ID").start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    let state = tenant.simulator().state();
    for kind in ["channels", "rooms", "stages"] {
        let tag = &state[kind][0]["tags"]["streamcat.dev/installation"];
        assert_eq!(tag, "of-the-cluster-before", "{kind}");
    }
}
