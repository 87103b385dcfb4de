//! Leader election: one of several controllers leads, the others stand by.

use std::time::Duration;

use ivs_simulator::Fault;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use testbed::{Operator, OperatorBuilder, Tenant, http, wait};

use crate::support::{TIMEOUT, called, calls, create, ready, reason, recorded, tenant, until_readyz};

/// Returns a controller whose Lease outlasts the test, so that no standby takes over because of expiry.
fn with_long_lease(tenant: &Tenant) -> OperatorBuilder {
    elected(tenant, ["10m", "5m", "200ms"])
}

/// Returns a controller whose Lease expires soon.
fn with_short_lease(tenant: &Tenant) -> OperatorBuilder {
    elected(tenant, ["4s", "3s", "200ms"])
}

fn elected(tenant: &Tenant, [lease_duration, renew_deadline, retry_period]: [&str; 3]) -> OperatorBuilder {
    tenant
        .controller()
        .env("STREAMCAT_LEADER_ELECT", "true")
        .env("STREAMCAT_LEADER_ELECTION_LEASE_DURATION", lease_duration)
        .env("STREAMCAT_LEADER_ELECTION_RENEW_DEADLINE", renew_deadline)
        .env("STREAMCAT_LEADER_ELECTION_RETRY_PERIOD", retry_period)
}

async fn metrics(controller: &Operator) -> String {
    http::get(&format!("{}/metrics", controller.admin_url())).await.unwrap().body
}

/// Waits until a controller reports that it leads, or that it does not.
async fn until_leading(controller: &Operator, leads: bool) {
    let seen = wait::until(format!("it leads: {leads}"), TIMEOUT, || async {
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

/// Returns the only Lease of a tenant.
async fn lease(tenant: &Tenant) -> (String, LeaseSpec) {
    let mut all = leases(tenant).list(&ListParams::default()).await.unwrap().items;
    assert_eq!(all.len(), 1);
    let lease = all.remove(0);
    (lease.metadata.name.unwrap(), lease.spec.unwrap())
}

/// Sets or removes the holder of the Lease.
async fn set_holder(tenant: &Tenant, holder: Option<&str>) {
    let (name, _) = lease(tenant).await;
    let patch = Patch::Merge(json!({ "spec": { "holderIdentity": holder } }));
    leases(tenant).patch(&name, &PatchParams::default(), &patch).await.unwrap();
}

/// Starts a leader and a standby. Returns both, and the leader's identity in the Lease.
async fn leader_and_standby(
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
    let (mut leader, standby, first) = leader_and_standby(&tenant, with_long_lease).await;
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
    let (mut leader, standby, _) = leader_and_standby(&tenant, with_long_lease).await;
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
    let (mut leader, standby, first) = leader_and_standby(&tenant, with_short_lease).await;
    leader.kill().await;
    until_leading(&standby, true).await;
    assert_ne!(lease(&tenant).await.1.holder_identity, Some(first));
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
}

#[tokio::test]
async fn a_controller_without_the_lease_does_nothing_until_it_leads() {
    let tenant = tenant("leader-lost").await;
    let controller = with_long_lease(&tenant).start().await;
    until_leading(&controller, true).await;
    set_holder(&tenant, Some("another")).await;
    until_leading(&controller, false).await;
    create(&tenant, "todd", json!({})).await;
    until_readyz(&controller, "reports that the standby is ready", |answer| answer.status == 200).await;
    assert_eq!(calls(&tenant, "CreateStage"), 0);

    set_holder(&tenant, None).await;
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "CreateStage"), 1);
}

/// Lets AWS deny the lists, so that no resync succeeds.
fn deny_lists(tenant: &Tenant) {
    tenant.simulator().fault(Fault::error("ListStages", 403, "AccessDeniedException").every(1));
}

/// Waits until PostgreSQL and the Lease have the same renewal token. Returns it.
async fn until_token_in_lease(tenant: &Tenant) -> String {
    wait::until("the Lease has the token", TIMEOUT, || async {
        let all = leases(tenant).list(&ListParams::default()).await.unwrap().items;
        let annotations = all.first().and_then(|lease| lease.metadata.annotations.clone());
        let in_lease = annotations.unwrap_or_default().remove("streamcat.dev/renewal-token");
        let query = "select token::text from renewal_tokens where token::text = $1";
        let token: Option<String> =
            sqlx::query_scalar(query).bind(in_lease).fetch_optional(&tenant.pool()).await.unwrap();
        token.ok_or("they differ")
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"))
}

/// Replaces the renewal token in PostgreSQL, as a restore does.
async fn replace_token(tenant: &Tenant) {
    let replace = "update renewal_tokens set token = gen_random_uuid(), previous_token = null";
    sqlx::query(replace).execute(&tenant.pool()).await.unwrap();
}

#[tokio::test]
async fn a_restarted_leader_creates_before_aws_is_listed() {
    let tenant = tenant("leader-restart").await;
    let mut first = with_long_lease(&tenant).start().await;
    let token = until_token_in_lease(&tenant).await;
    assert!(first.terminate().await.success());

    deny_lists(&tenant);
    let _second = with_long_lease(&tenant).start_unready().await;
    create(&tenant, "todd", json!({})).await;
    ready(&tenant, "todd").await;
    assert_ne!(until_token_in_lease(&tenant).await, token, "it is replaced at each renewal");
}

#[tokio::test]
async fn a_restarted_leader_waits_for_aws_after_a_restore() {
    let tenant = tenant("leader-restored").await;
    let truncate = "truncate users cascade";
    let old = "update renewal_tokens set renewed_at = renewed_at - interval '2 minutes'";
    let other_server = "update renewal_tokens set server_started_at = server_started_at - interval '1 s'";
    let mut names = Vec::new();
    for (number, statement) in [truncate, old, other_server].into_iter().enumerate() {
        let mut first = with_long_lease(&tenant).start().await;
        until_token_in_lease(&tenant).await;
        assert!(first.terminate().await.success());
        sqlx::query(statement).execute(&tenant.pool()).await.unwrap();

        deny_lists(&tenant);
        let mut second = with_long_lease(&tenant).start_unready().await;
        let name = format!("todd-{number}");
        create(&tenant, &name, json!({})).await;
        reason(&tenant, &name, "AccessDenied").await;
        assert_eq!(calls(&tenant, "CreateStage"), names.len(), "{statement}");
        tenant.simulator().clear_faults();
        ready(&tenant, &name).await;
        names.push(name);
        assert!(second.terminate().await.success());
    }
}

#[tokio::test]
async fn a_running_leader_creates_nothing_after_a_restore_until_aws_is_listed() {
    let tenant = tenant("leader-continues").await;
    let _controller = with_long_lease(&tenant).start().await;
    until_token_in_lease(&tenant).await;
    deny_lists(&tenant);
    replace_token(&tenant).await;
    create(&tenant, "todd", json!({})).await;
    reason(&tenant, "todd", "AccessDenied").await;
    assert_eq!(calls(&tenant, "CreateStage"), 0);
    tenant.simulator().clear_faults();
    ready(&tenant, "todd").await;
    assert_eq!(calls(&tenant, "CreateStage"), 1);
}
