//! Conflicts: two controllers, two accounts, and a database, a finalizer, or a Secret that somebody changed.

use serde_json::json;
use streamcat_operator::api::{StreamerAccount, condition::find};
use testbed::{Tenant, http, wait};

use crate::support::{
    TIMEOUT, arns, assert_nothing_left, calls, create, create_named, delete, gone, ready, reason, recorded,
    tenant, until,
};

fn assert_counts(tenant: &Tenant, each: usize) {
    let counts = tenant.simulator().counts();
    assert_eq!([counts.channels, counts.rooms, counts.stages], [each; 3]);
}

#[tokio::test]
async fn two_controllers_create_one_of_each() {
    const ACCOUNTS: usize = 20;
    let tenant = tenant("two-controllers").await;
    let quick = || tenant.controller().env("STREAMCAT_AWS_CALLS_PER_SECOND", "20");
    let (_first, _second) = (quick().start().await, quick().start().await);
    for number in 0..ACCOUNTS {
        create(&tenant, &format!("two-{number}"), json!({})).await;
    }
    for number in 0..ACCOUNTS {
        let account = ready(&tenant, &format!("two-{number}")).await;
        assert_eq!(recorded(&tenant, &format!("two-{number}")).await, arns(&account));
    }
    assert_counts(&tenant, ACCOUNTS);
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        assert_eq!(calls(&tenant, operation), ACCOUNTS, "{operation}");
    }
}

#[tokio::test]
async fn an_outdated_database_causes_no_second_channel() {
    let tenant = tenant("outdated").await;
    let _controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    create(&tenant, "ines", json!({})).await;
    let before = arns(&ready(&tenant, "ines").await);
    let stale = "update channels set arn = 'arn:aws:ivs:us-west-2:123456789012:channel/AAAAAAAAAAAA',
                 created_at = now() - interval '1 day'";
    sqlx::query(stale).execute(&tenant.pool()).await.unwrap();

    wait::until("the row is corrected", TIMEOUT, || async { recorded(&tenant, "ines").await == before })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(arns(&ready(&tenant, "ines").await), before);
    assert_counts(&tenant, 1);
}

#[tokio::test]
async fn nothing_is_created_before_an_old_attempt_has_expired() {
    let tenant = tenant("grace").await;
    sqlx::query(
        "with u as (insert into users (username, account_namespace, account_name)
                    values ('todd', $1, 'todd') returning id)
         insert into create_attempts (user_id, kind, deadline)
         select id, 'stage', now() - interval '500 milliseconds' from u",
    )
    .bind(tenant.namespace())
    .execute(&tenant.pool())
    .await
    .unwrap();
    let _controller = tenant.controller().env("STREAMCAT_CONSISTENCY_GRACE", "4s").start().await;
    create(&tenant, "todd", json!({})).await;
    let waiting = reason(&tenant, "todd", "OutcomeUnknown").await;
    let condition = find(&waiting.status.as_ref().unwrap().conditions, "StageReady").unwrap().clone();
    assert_eq!(condition.reason, "OutcomeUnknown");
    assert_eq!(calls(&tenant, "CreateStage"), 0);
    ready(&tenant, "todd").await;
    assert_counts(&tenant, 1);
}

#[tokio::test]
async fn the_holder_of_a_username_keeps_it_from_an_older_object() {
    let tenant = tenant("holder").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "alice", json!({ "deletionPolicy": "Retain" })).await;
    let before = arns(&ready(&tenant, "alice").await);
    create_named(&tenant, "alice-two", "alice", json!({})).await;
    reason(&tenant, "alice-two", "UsernameTaken").await;
    delete(&tenant, "alice").await;
    gone(&tenant, "alice").await;

    create(&tenant, "alice", json!({})).await;
    assert_eq!(arns(&ready(&tenant, "alice").await), before);
    assert_counts(&tenant, 1);
}

#[tokio::test]
async fn an_account_recreated_with_another_username_is_another_user() {
    let tenant = tenant("another").await;
    let mut controller = tenant.controller().start().await;
    create(&tenant, "erin", json!({ "deletionPolicy": "Retain" })).await;
    let before = arns(&ready(&tenant, "erin").await);
    delete(&tenant, "erin").await;
    gone(&tenant, "erin").await;
    controller.kill().await;

    let _controller = tenant.controller().start().await;
    create_named(&tenant, "erin", "erin-two", json!({})).await;
    let after = arns(&ready(&tenant, "erin").await);
    assert!(after.iter().all(|arn| !before.contains(arn)));
    assert_counts(&tenant, 2);
}

#[tokio::test]
async fn a_removed_finalizer_is_restored_and_orphans_are_reported() {
    let tenant = tenant("no-finalizer").await;
    let mut controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    create(&tenant, "hugo", json!({})).await;
    ready(&tenant, "hugo").await;
    let strip = ["patch", "streamer", "hugo", "--type=merge", "-p", r#"{"metadata":{"finalizers":[]}}"#];
    assert!(tenant.kubectl(&strip).await.success);
    until(&tenant, "hugo", "has its finalizer", |account| account.metadata.finalizers.is_some()).await;

    controller.kill().await;
    assert!(tenant.kubectl(&strip).await.success);
    delete(&tenant, "hugo").await;
    gone(&tenant, "hugo").await;
    let controller = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    wait::until("three orphans are counted", TIMEOUT, || async {
        let metrics =
            http::get(&format!("{}/metrics", controller.admin_url())).await.map_err(|e| e.to_string())?.body;
        if metrics.contains("streamcat_orphaned_resources 3") { Ok(()) } else { Err(metrics) }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));

    create(&tenant, "hugo", json!({})).await;
    ready(&tenant, "hugo").await;
    assert_counts(&tenant, 1);
    delete(&tenant, "hugo").await;
    gone(&tenant, "hugo").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn a_deleted_secret_is_rewritten_on_request() {
    let tenant = tenant("secret").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "carl", json!({})).await;
    ready(&tenant, "carl").await;
    assert!(tenant.kubectl(&["delete", "secret", "carl-stream-key"]).await.success);
    let annotated = tenant.kubectl(&["annotate", "streamer", "carl", "streamcat.dev/reconcile-at=now"]).await;
    assert!(annotated.success, "{}", annotated.stderr);
    until(&tenant, "carl", "has handled the request", |account| {
        account
            .status
            .as_ref()
            .is_some_and(|status| status.last_handled_reconcile_at.as_deref() == Some("now"))
    })
    .await;
    assert!(tenant.kubectl(&["get", "secret", "carl-stream-key"]).await.success);
}

#[tokio::test]
async fn a_foreign_secret_blocks_ready_and_the_arn_is_kept() {
    let tenant = tenant("foreign-secret").await;
    let created =
        tenant.kubectl(&["create", "secret", "generic", "dora-stream-key", "--from-literal=mine=1"]).await;
    assert!(created.success, "{}", created.stderr);
    let _controller = tenant.controller().start().await;
    create(&tenant, "dora", json!({})).await;
    // The Secret can be reported while the other resources are still being created.
    let is_complete = |account: &StreamerAccount| {
        let status = account.status.as_ref();
        status.is_some_and(|status| status.chat_room.is_some() && status.stage.is_some())
    };
    until(&tenant, "dora", "has all resources", is_complete).await;
    let blocked = reason(&tenant, "dora", "SecretExists").await;
    assert_eq!(arns(&blocked).to_vec(), recorded(&tenant, "dora").await);
}

#[tokio::test]
async fn two_controllers_delete_nothing_of_a_recreated_account() {
    const ACCOUNTS: usize = 5;
    let tenant = tenant("again").await;
    let quick = || tenant.controller().env("STREAMCAT_AWS_CALLS_PER_SECOND", "50");
    let (_first, _second) = (quick().start().await, quick().start().await);
    let names: Vec<_> = (0..ACCOUNTS).map(|number| format!("again-{number}")).collect();
    for name in &names {
        create(&tenant, name, json!({})).await;
    }
    for name in &names {
        ready(&tenant, name).await;
    }
    tenant.simulator().set_latency(std::time::Duration::from_millis(200));
    for name in &names {
        delete(&tenant, name).await;
    }
    for name in &names {
        gone(&tenant, name).await;
        create(&tenant, name, json!({})).await;
    }
    for name in &names {
        let account = ready(&tenant, name).await;
        assert_eq!(recorded(&tenant, name).await, arns(&account));
    }
    assert_counts(&tenant, ACCOUNTS);
}
