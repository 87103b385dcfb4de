//! The life of an account: creation, deletion, and retention.

use serde_json::json;
use testbed::wait;

use crate::support::{
    TIMEOUT, accounts, arns, assert_nothing_left, calls, count, create, create_named, delete, gone, ready,
    reason, recorded, tenant,
};

#[tokio::test]
async fn an_account_gets_three_resources_and_leaves_nothing_behind() {
    let tenant = tenant("lifecycle").await;
    let _controller = tenant.controller().start().await;

    create(&tenant, "todd", json!({ "channel": { "type": "BASIC" }, "tags": { "team": "a" } })).await;
    let account = ready(&tenant, "todd").await;
    let arns = arns(&account);
    assert_eq!(recorded(&tenant, "todd").await, arns);
    let state = tenant.simulator().state().to_string();
    assert!(arns.iter().all(|arn| state.contains(arn.as_str())), "AWS has other ARNs");
    assert_eq!(tenant.simulator().counts().channels, 1);

    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
    let secrets = tenant.kubectl(&["get", "secrets", "-o", "name"]).await;
    assert!(
        !secrets.stdout.contains("todd-stream-key") || is_secret_collected(&tenant).await,
        "{}",
        secrets.stdout
    );
}

#[tokio::test]
async fn an_object_removed_in_spite_of_its_finalizer_leaves_nothing() {
    let tenant = tenant("removed").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let before = arns(&ready(&tenant, "todd").await);

    let testbed = tenant.testbed();
    testbed.remove_from_etcd("streamcat.dev/streameraccounts", tenant.namespace(), "todd").await.unwrap();
    let is_deleted = || async { count(&tenant, "select count(*) from users").await == 0 };
    wait::until("the user is deleted", TIMEOUT, is_deleted).await.unwrap();
    assert_nothing_left(&tenant).await;
    create(&tenant, "todd", json!({})).await;
    let after = arns(&ready(&tenant, "todd").await);
    assert!(before.iter().all(|arn| !after.contains(arn)), "{before:?} {after:?}");
}

/// Waits until the garbage collector has deleted the Secret. Returns false if it has not in time.
async fn is_secret_collected(tenant: &testbed::Tenant) -> bool {
    let seen = wait::until("the Secret is gone", TIMEOUT, || async {
        let secrets = tenant.kubectl(&["get", "secrets", "-o", "name"]).await;
        !secrets.stdout.contains("todd-stream-key")
    });
    seen.await.is_ok()
}

#[tokio::test]
async fn the_three_creates_overlap_and_none_is_sent_twice() {
    let tenant = tenant("overlap").await;
    let _controller = tenant.controller().start().await;
    tenant.simulator().set_latency(std::time::Duration::from_millis(300));

    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;

    let all = tenant.simulator().calls();
    let creates: Vec<_> = all.iter().filter(|call| call.operation.starts_with("Create")).collect();
    assert_eq!(creates.len(), 3, "{creates:#?}");
    for one in &creates {
        assert!(creates.iter().all(|other| one.overlaps(other)), "{creates:#?}");
        assert_eq!(one.attempt, Some(1));
    }
}

#[tokio::test]
async fn a_live_channel_is_taken_off_air_and_deleted() {
    let tenant = tenant("live").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    let account = ready(&tenant, "todd").await;
    assert!(tenant.simulator().set_live(&arns(&account)[0]));

    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
    assert!(calls(&tenant, "DeleteStreamKey") > 0 && calls(&tenant, "StopStream") > 0);
}

#[tokio::test]
async fn retain_keeps_everything_for_the_same_account() {
    let tenant = tenant("retain").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({ "deletionPolicy": "Retain" })).await;
    let before = arns(&ready(&tenant, "todd").await);

    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_eq!(recorded(&tenant, "todd").await, before);
    assert_eq!(tenant.simulator().counts().stages, 1);

    create(&tenant, "todd", json!({})).await;
    assert_eq!(arns(&ready(&tenant, "todd").await), before);
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    assert_nothing_left(&tenant).await;
}

#[tokio::test]
async fn the_older_of_two_accounts_with_one_username_wins() {
    let tenant = tenant("claim").await;
    let _controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;

    create_named(&tenant, "second", "Todd", json!({})).await;
    let second = reason(&tenant, "second", "UsernameTaken").await;
    let status = second.status.unwrap();
    assert!(streamcat_operator::api::condition::is_true(&status.conditions, "Stalled"));
    assert!(status.channel.is_none() && status.user_id.is_none());
    assert_eq!(tenant.simulator().counts().channels, 1);

    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
    ready(&tenant, "second").await;
    assert_eq!(count(&tenant, "select count(*) from users").await, 1);
    assert!(accounts(&tenant).get_opt("todd").await.unwrap().is_none());
}
