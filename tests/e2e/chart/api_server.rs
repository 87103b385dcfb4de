//! The rendered objects on a real API server.

use testbed::Tenant;

use super::{DATABASE, INGRESS, REGION, release};
use crate::{kubectl::kubectl, support::tenant};

/// Makes the API server warn about pods that violate the Pod Security Standard "restricted".
async fn restrict(tenant: &Tenant) {
    let label = "pod-security.kubernetes.io/warn=restricted";
    kubectl(tenant, &["label", "namespace", tenant.namespace(), label]).await;
}

/// Renders the chart, and applies the objects with a dry run on the API server. Returns its warnings.
async fn dry_run(tenant: &Tenant, values: &[&str]) -> String {
    let chart = tenant.testbed().chart().display().to_string();
    let mut arguments = vec!["template"];
    let values = [&[REGION, DATABASE], values].concat();
    arguments.extend(release(&chart, tenant.namespace(), &values));
    let text = tenant.testbed().helm(&arguments).await.unwrap_or_else(|error| panic!("{error:?}"));
    let file = tenant.kubeconfig().with_file_name(format!("{}.chart.yaml", tenant.namespace()));
    std::fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap();
    let apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", file];
    let output = tenant.kubectl(&apply).await;
    assert!(output.success, "{values:?}: {}", output.stderr);
    let objects = text.lines().filter(|line| line.starts_with("kind: ")).count();
    assert_eq!(output.stdout.lines().count(), objects, "{}", output.stdout);
    output.stderr
}

#[tokio::test]
async fn the_api_server_accepts_every_rendered_object() {
    let tenant = tenant("chart").await;
    restrict(&tenant).await;
    let here = format!("controller.watchNamespace={}", tenant.namespace());
    let accounts = format!("registration.namespace={}", tenant.namespace());
    let (here, accounts) = (here.as_str(), accounts.as_str());
    for values in [
        &[][..],
        &["registration.enabled=false", here],
        &[here, accounts, "installationId=one"],
        &["registration.enabled=false", "crds.enabled=false", "rbac.aggregateClusterRoles=false"],
        &[
            "migrations.enabled=false",
            "metrics.podAnnotations=false",
            "crds.keep=false",
            "fullnameOverride=s",
        ],
        &[
            INGRESS[0],
            INGRESS[1],
            INGRESS[2],
            "registration.ingress.className=nginx",
            "registration.ingress.tls[0].secretName=tls",
            "registration.ingress.tls[0].hosts={r.example.com}",
            "registration.podDisruptionBudget.enabled=true",
            "registration.quota=1000",
        ],
        &[
            "commonLabels.team=video",
            "controller.serviceAccount.annotations.role=arn",
            "controller.extraEnv[0].name=AWS_ENDPOINT_URL_IVS,controller.extraEnv[0].value=http://ivs",
            "controller.extraEnvFrom[0].secretRef.name=aws",
            "controller.priorityClassName=system-cluster-critical",
            "controller.replicas=3",
            "imagePullSecrets[0].name=registry",
        ],
    ] {
        assert_eq!(dry_run(&tenant, values).await, "", "{values:?}");
    }
}

#[tokio::test]
async fn a_pod_that_may_run_as_root_is_detected() {
    let tenant = tenant("chart-root").await;
    restrict(&tenant).await;
    let warned = dry_run(&tenant, &["podSecurityContext=null"]).await;
    assert!(warned.contains("would violate PodSecurity"), "{warned}");
}
