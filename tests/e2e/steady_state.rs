//! The steady state, in which the controller writes nothing (I5).

use std::collections::BTreeMap;

use k8s_openapi::api::{core::v1::Secret, events::v1::Event};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;
use testbed::{Tenant, wait};

use crate::support::{TIMEOUT, accounts, calls, create, ready, tenant};

const ACCOUNTS: usize = 100;

/// The versions of all objects and rows, which every write changes. The version of a row is its location and
/// the transaction that wrote it.
#[derive(Debug, PartialEq)]
struct Versions {
    objects: BTreeMap<String, Option<String>>,
    rows: Vec<String>,
}

async fn versions(tenant: &Tenant) -> Versions {
    let all = ListParams::default();
    let (kube, namespace) = (tenant.kube(), tenant.namespace());
    let mut objects = BTreeMap::new();
    for account in accounts(tenant).list(&all).await.unwrap() {
        objects.insert(format!("account {}", account.name_any()), account.resource_version());
    }
    for secret in Api::<Secret>::namespaced(kube.clone(), namespace).list(&all).await.unwrap() {
        objects.insert(format!("secret {}", secret.name_any()), secret.resource_version());
    }
    for event in Api::<Event>::namespaced(kube, namespace).list(&all).await.unwrap() {
        objects.insert(format!("event {}", event.name_any()), event.resource_version());
    }
    let rows = sqlx::query_scalar(
        "select 'user ' || ctid || ' ' || xmin as version from users
         union all select 'channel ' || ctid || ' ' || xmin from channels
         union all select 'chat room ' || ctid || ' ' || xmin from chat_rooms
         union all select 'stage ' || ctid || ' ' || xmin from stages
         union all select 'attempt ' || ctid || ' ' || xmin from create_attempts
         union all select 'missing ' || ctid || ' ' || xmin from missing_resources
         union all select 'orphan ' || ctid || ' ' || xmin from orphans
         union all select 'released ' || ctid || ' ' || xmin from user_tombstones order by version",
    );
    let rows = rows.fetch_all(&tenant.pool()).await.unwrap();
    Versions { objects, rows }
}

/// Waits until this many more resyncs have begun.
async fn more_resyncs(tenant: &Tenant, more: usize) {
    let before = calls(tenant, "ListRooms");
    // A list of 100 rooms has two pages.
    let pages = ACCOUNTS / 50 * more;
    wait::until(format!("{more} more resyncs"), TIMEOUT, || async {
        calls(tenant, "ListRooms") >= before + pages
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn idle_accounts_cause_no_writes_and_no_single_reads() {
    let tenant = tenant("steady").await;
    let controller = tenant
        .controller()
        .env("STREAMCAT_RESYNC_INTERVAL", "1s")
        .env("STREAMCAT_AWS_CALLS_PER_SECOND", "1000");
    let mut controller = controller.start().await;
    for number in 0..ACCOUNTS {
        create(&tenant, &format!("streamer-{number}"), json!({})).await;
    }
    for number in 0..ACCOUNTS {
        ready(&tenant, &format!("streamer-{number}")).await;
    }
    assert_no_writes(&tenant).await;

    assert!(controller.terminate().await.success());
    let restarted = tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "1s").start().await;
    assert_no_writes(&tenant).await;
    drop(restarted);
}

async fn assert_no_writes(tenant: &Tenant) {
    more_resyncs(tenant, 1).await;
    let before = versions(tenant).await;
    tenant.simulator().clear_calls();
    more_resyncs(tenant, 4).await;
    assert_eq!(versions(tenant).await, before);
    let mut operations: Vec<_> =
        tenant.simulator().calls().iter().map(|call| call.operation.clone()).collect();
    operations.sort();
    operations.dedup();
    assert_eq!(operations, ["ListChannels", "ListRooms", "ListStages"]);
}
