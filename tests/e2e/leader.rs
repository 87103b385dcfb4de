//! Several controllers with a Lease: one works, the others stand by.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use testbed::{Operator, OperatorBuilder, Tenant, http, wait};

use crate::support::{PATIENCE, called, calls, create, ready, recorded, tenant};

/// One whose Lease runs out long after a test has ended: what follows it was not waiting for that.
fn patient(tenant: &Tenant) -> OperatorBuilder {
    elected(tenant, ["10m", "5m", "200ms"])
}

/// One whose Lease runs out soon.
fn impatient(tenant: &Tenant) -> OperatorBuilder {
    elected(tenant, ["4s", "3s", "200ms"])
}

fn elected(tenant: &Tenant, [lasts, renewed_within, looked_at_every]: [&str; 3]) -> OperatorBuilder {
    tenant
        .controller()
        .env("STREAMCAT_LEADER_ELECTION", "true")
        .env("STREAMCAT_LEADER_ELECTION_LEASE_DURATION", lasts)
        .env("STREAMCAT_LEADER_ELECTION_RENEW_DEADLINE", renewed_within)
        .env("STREAMCAT_LEADER_ELECTION_RETRY_PERIOD", looked_at_every)
}

async fn metrics(controller: &Operator) -> String {
    http::get(&format!("{}/metrics", controller.admin_url())).await.unwrap().body
}

/// Waits until a controller says that it leads, or that it stands by.
async fn until_leading(controller: &Operator, leads: bool) {
    let seen = wait::until(format!("it leads: {leads}"), PATIENCE, || async {
        let metrics = metrics(controller).await;
        let status = metrics.lines().find(|line| line.starts_with("leader_election_master_status{"));
        if status.is_some_and(|line| line.ends_with(if leads { " 1" } else { " 0" })) {
            Ok(())
        } else {
            Err(metrics)
        }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

fn leases(tenant: &Tenant) -> Api<Lease> {
    Api::namespaced(tenant.kube(), tenant.namespace())
}

/// The one Lease of a tenant.
async fn lease(tenant: &Tenant) -> (String, LeaseSpec) {
    let mut all = leases(tenant).list(&ListParams::default()).await.unwrap().items;
    assert_eq!(all.len(), 1);
    let lease = all.remove(0);
    (lease.metadata.name.unwrap(), lease.spec.unwrap())
}

/// Writes somebody into the Lease, or nobody.
async fn hand_over(tenant: &Tenant, holder: Option<&str>) {
    let (name, _) = lease(tenant).await;
    let patch = Patch::Merge(json!({ "spec": { "holderIdentity": holder } }));
    leases(tenant).patch(&name, &PatchParams::default(), &patch).await.unwrap();
}

/// A leader and a standby that is ready, and the leader's name in the Lease.
async fn two(
    tenant: &Tenant,
    controller: impl Fn(&Tenant) -> OperatorBuilder,
) -> (Operator, Operator, String) {
    let leader = controller(tenant).env("POD_NAME", "first").start().await;
    until_leading(&leader, true).await;
    let standby = controller(tenant).env("POD_NAME", "second").start().await;
    until_leading(&standby, false).await;
    let holder = lease(tenant).await.1.holder_identity.unwrap();
    assert!(holder.starts_with("first_"), "{holder}");
    (leader, standby, holder)
}

#[tokio::test]
async fn a_standby_takes_over_as_soon_as_the_leader_is_stopped() {
    let tenant = tenant("leader").await;
    let (mut leader, standby, first) = two(&tenant, patient).await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    let idle = metrics(&standby).await;
    assert!(!idle.contains("streamcat_aws_calls_total{"), "the standby called AWS: {idle}");

    assert!(leader.terminate().await.success());
    until_leading(&standby, true).await;
    let (_, after) = lease(&tenant).await;
    let holder = after.holder_identity.unwrap();
    assert!(holder != first && holder.starts_with("second_"), "{holder}");
    assert_eq!(after.lease_transitions, Some(1));
    create(&tenant, "ann", json!({})).await;
    ready(&tenant, "ann").await;
    assert_eq!(calls(&tenant, "CreateStage"), 2);
}

#[tokio::test]
async fn calls_in_flight_are_recorded_before_another_takes_over() {
    let tenant = tenant("leader-stops").await;
    let (mut leader, standby, _) = two(&tenant, patient).await;
    tenant.simulator().set_latency(Duration::from_millis(1500));
    create(&tenant, "todd", json!({})).await;
    for operation in ["CreateChannel", "CreateRoom", "CreateStage"] {
        called(&tenant, operation, 1).await;
    }
    assert!(leader.terminate().await.success());
    assert_eq!(recorded(&tenant, "todd").await.len(), 3, "{}", leader.log());
    tenant.simulator().set_latency(Duration::ZERO);

    until_leading(&standby, true).await;
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "CreateStage"), 1);
}

#[tokio::test]
async fn a_standby_takes_over_when_a_killed_leaders_lease_expires() {
    let tenant = tenant("leader-killed").await;
    let (mut leader, standby, first) = two(&tenant, impatient).await;
    leader.kill().await;
    until_leading(&standby, true).await;
    assert_ne!(lease(&tenant).await.1.holder_identity, Some(first));
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
}

#[tokio::test]
async fn a_controller_without_the_lease_does_nothing_until_it_leads() {
    let tenant = tenant("leader-lost").await;
    let controller = patient(&tenant).start().await;
    until_leading(&controller, true).await;
    hand_over(&tenant, Some("somebody else")).await;
    until_leading(&controller, false).await;
    create(&tenant, "todd", json!({})).await;
    wait::until("the standby is ready", PATIENCE, || async {
        http::get(&format!("{}/readyz", controller.admin_url()))
            .await
            .is_ok_and(|answer| answer.status == 200)
    })
    .await
    .unwrap();
    assert_eq!(calls(&tenant, "CreateStage"), 0);

    hand_over(&tenant, None).await;
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "CreateStage"), 1);
}
