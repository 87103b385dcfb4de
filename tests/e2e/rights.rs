//! What the chart's service accounts may do, asked of the API server and tried with their own tokens.

use std::path::Path;

use serde_json::json;
use testbed::{Output, Tenant};

use crate::support::{create, tenant};

/// A verb and what it is done to, as `kubectl auth can-i` takes them.
type Deed<'a> = &'a [&'a str];

async fn as_account(tenant: &Tenant, kubeconfig: &Path, arguments: &[&str]) -> Output {
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    tenant.kubectl(&[&[kubeconfig.as_str()], arguments].concat()).await
}

/// Asserts that each of these may be done in a namespace, or that none may.
async fn assert_can(tenant: &Tenant, kubeconfig: &Path, namespace: &str, deeds: &[Deed<'_>], may: bool) {
    for deed in deeds {
        let asked = [&["auth", "can-i", "--namespace", namespace][..], deed].concat();
        let answer = as_account(tenant, kubeconfig, &asked).await;
        let said = answer.stdout.trim();
        // kubectl adds why not, where the API server says so.
        assert!(said == "yes" || said.starts_with("no"), "{deed:?}: {said}{}", answer.stderr);
        assert_eq!(said == "yes", may, "{deed:?} in {namespace}: {said}");
    }
}

#[tokio::test]
async fn the_controller_has_the_rights_it_needs_and_no_others() {
    let tenant = tenant("controller-rights").await;
    let (kubeconfig, here) = (tenant.controller_kubeconfig(), tenant.namespace());
    let its_namespace = format!("namespace/{here}");
    let its_lease = format!("leases/{here}-streamcat-operator-controller");
    let work: &[Deed<'_>] = &[
        &["get", "streamer"],
        &["list", "streamer"],
        &["watch", "streamer"],
        &["patch", "streamer"],
        &["patch", "streamer", "--subresource=status"],
        &["get", "secrets"],
        &["create", "secrets"],
        &["patch", "secrets"],
        &["create", "events.events.k8s.io"],
        &["patch", "events.events.k8s.io"],
        &["get", &its_lease],
        &["update", &its_lease],
        &["create", "leases"],
        &["get", &its_namespace],
        &["get", "namespace/kube-system"],
    ];
    let other: &[Deed<'_>] = &[
        &["get", "leases/of-another"],
        &["update", "leases/of-another"],
        &["delete", &its_lease],
        &["list", "leases"],
        &["watch", "leases"],
        &["create", "streamer"],
        &["update", "streamer"],
        &["delete", "streamer"],
        &["deletecollection", "streamer"],
        &["list", "secrets"],
        &["watch", "secrets"],
        &["update", "secrets"],
        &["delete", "secrets"],
        &["list", "namespaces"],
        &["watch", "namespaces"],
        &["delete", &its_namespace],
        &["get", "pods"],
        &["get", "configmaps"],
        &["create", "serviceaccounts", "--subresource=token"],
        &["patch", "roles"],
        &["*", "*"],
    ];
    assert_can(&tenant, &kubeconfig, here, work, true).await;
    assert_can(&tenant, &kubeconfig, here, other, false).await;
    assert_can(&tenant, &kubeconfig, "default", &[&["get", "streamer"], &["get", "secrets"]], false).await;
}

#[tokio::test]
async fn the_registration_has_the_rights_it_needs_and_no_others() {
    let tenant = tenant("registration-rights").await;
    let (kubeconfig, here) = (tenant.registration_kubeconfig(), tenant.namespace());
    let work: &[Deed<'_>] =
        &[&["create", "streamer"], &["get", "streamer"], &["delete", "streamer"], &["get", "secrets"]];
    let other: &[Deed<'_>] = &[
        &["list", "streamer"],
        &["watch", "streamer"],
        &["patch", "streamer"],
        &["update", "streamer"],
        &["deletecollection", "streamer"],
        &["patch", "streamer", "--subresource=status"],
        &["list", "secrets"],
        &["watch", "secrets"],
        &["create", "secrets"],
        &["patch", "secrets"],
        &["update", "secrets"],
        &["delete", "secrets"],
        &["create", "events.events.k8s.io"],
        &["get", "namespaces"],
        &["get", "pods"],
        &["create", "serviceaccounts", "--subresource=token"],
        &["*", "*"],
    ];
    assert_can(&tenant, &kubeconfig, here, work, true).await;
    assert_can(&tenant, &kubeconfig, here, other, false).await;
    assert_can(&tenant, &kubeconfig, "default", work, false).await;
}

#[tokio::test]
async fn actions_without_a_right_are_forbidden() {
    let tenant = tenant("forbidden").await;
    create(&tenant, "todd", json!({})).await;
    let spec = r#"{"spec":{"deletionPolicy":"Retain"}}"#;
    let (controller, registration) = (tenant.controller_kubeconfig(), tenant.registration_kubeconfig());
    for (kubeconfig, deed) in [
        (&controller, &["delete", "streamer", "todd"][..]),
        (&controller, &["get", "secrets"]),
        (&controller, &["create", "namespace", "mine"]),
        (&registration, &["get", "streamer"]),
        (&registration, &["patch", "streamer", "todd", "--type=merge", "--patch", spec]),
        (&registration, &["get", "secrets"]),
        (&registration, &["delete", "streamer", "--all"]),
    ] {
        let here = [deed, &["--namespace", tenant.namespace()]].concat();
        let output = as_account(&tenant, kubeconfig, &here).await;
        assert!(
            !output.success && output.stderr.contains("Forbidden"),
            "{deed:?}: {}{}",
            output.stdout,
            output.stderr
        );
    }
    let output =
        as_account(&tenant, &registration, &["get", "streamer", "todd", "--namespace", tenant.namespace()])
            .await;
    assert!(output.success, "{}", output.stderr);
}
