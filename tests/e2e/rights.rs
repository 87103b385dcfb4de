//! Permissions of the chart's service accounts, checked with `kubectl auth can-i` and by using their tokens.

use std::path::Path;

use serde_json::json;
use testbed::{Output, Tenant};

use crate::support::{create, tenant};

/// A permission: a verb and an object, as `kubectl auth can-i` takes them.
type Permission<'a> = &'a [&'a str];

async fn as_account(tenant: &Tenant, kubeconfig: &Path, arguments: &[&str]) -> Output {
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    tenant.kubectl(&[&[kubeconfig.as_str()], arguments].concat()).await
}

/// Asserts that a kubeconfig grants either all of these permissions in a namespace, or none of them.
async fn assert_can(
    tenant: &Tenant,
    kubeconfig: &Path,
    namespace: &str,
    permissions: &[Permission<'_>],
    granted: bool,
) {
    for permission in permissions {
        let arguments = [&["auth", "can-i", "--namespace", namespace][..], permission].concat();
        let output = as_account(tenant, kubeconfig, &arguments).await;
        let answer = output.stdout.trim();
        // kubectl appends the reason of a denial, if the API server gives one.
        assert!(answer == "yes" || answer.starts_with("no"), "{permission:?}: {answer}{}", output.stderr);
        assert_eq!(answer == "yes", granted, "{permission:?} in {namespace}: {answer}");
    }
}

#[tokio::test]
async fn the_controller_has_the_permissions_it_needs_and_no_others() {
    let tenant = tenant("controller-rights").await;
    let (kubeconfig, here) = (tenant.controller_kubeconfig(), tenant.namespace());
    let its_namespace = format!("namespace/{here}");
    let its_lease = format!("leases/{here}-streamcat-operator-controller");
    let allowed: &[Permission<'_>] = &[
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
    let denied: &[Permission<'_>] = &[
        &["get", "leases/another"],
        &["update", "leases/another"],
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
    assert_can(&tenant, &kubeconfig, here, allowed, true).await;
    assert_can(&tenant, &kubeconfig, here, denied, false).await;
    assert_can(&tenant, &kubeconfig, "default", &[&["get", "streamer"], &["get", "secrets"]], false).await;
}

#[tokio::test]
async fn the_registration_has_the_permissions_it_needs_and_no_others() {
    let tenant = tenant("registration-rights").await;
    let (kubeconfig, here) = (tenant.registration_kubeconfig(), tenant.namespace());
    let allowed: &[Permission<'_>] =
        &[&["create", "streamer"], &["get", "streamer"], &["delete", "streamer"], &["get", "secrets"]];
    let denied: &[Permission<'_>] = &[
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
    assert_can(&tenant, &kubeconfig, here, allowed, true).await;
    assert_can(&tenant, &kubeconfig, here, denied, false).await;
    assert_can(&tenant, &kubeconfig, "default", allowed, false).await;
}

#[tokio::test]
async fn actions_without_a_permission_are_forbidden() {
    let tenant = tenant("forbidden").await;
    create(&tenant, "todd", json!({})).await;
    let spec = r#"{"spec":{"deletionPolicy":"Retain"}}"#;
    let (controller, registration) = (tenant.controller_kubeconfig(), tenant.registration_kubeconfig());
    for (kubeconfig, command) in [
        (&controller, &["delete", "streamer", "todd"][..]),
        (&controller, &["get", "secrets"]),
        (&controller, &["create", "namespace", "mine"]),
        (&registration, &["get", "streamer"]),
        (&registration, &["patch", "streamer", "todd", "--type=merge", "--patch", spec]),
        (&registration, &["get", "secrets"]),
        (&registration, &["delete", "streamer", "--all"]),
    ] {
        let here = [command, &["--namespace", tenant.namespace()]].concat();
        let output = as_account(&tenant, kubeconfig, &here).await;
        assert!(
            !output.success && output.stderr.contains("Forbidden"),
            "{command:?}: {}{}",
            output.stdout,
            output.stderr
        );
    }
    let output =
        as_account(&tenant, &registration, &["get", "streamer", "todd", "--namespace", tenant.namespace()])
            .await;
    assert!(output.success, "{}", output.stderr);
}
