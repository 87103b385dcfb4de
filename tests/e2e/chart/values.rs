//! The effects of the values, and the required ones.

use kube::{ResourceExt, api::DynamicObject};
use serde_json::json;
use testbed::Testbed;

use super::{DATABASE, INGRESS, INGRESS_HOST, REGION, rendered, rendered_with};
use crate::support::operator_under_test;

#[tokio::test]
async fn helm_lint_reports_nothing() {
    let testbed = operator_under_test().await;
    let chart = testbed.chart().display().to_string();
    let linted = testbed.helm(&["lint", "--strict", &chart, "--set", REGION, "--set", DATABASE]).await;
    let linted = linted.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(linted.contains("0 chart(s) failed") && !linted.contains("[WARNING]"), "{linted}");
}

/// Returns the error of rendering with exactly these values.
async fn render_error(testbed: &Testbed, values: &[&str]) -> String {
    format!("{:?}", rendered_with(testbed, values).await.expect_err("it was rendered"))
}

#[tokio::test]
async fn a_missing_required_value_is_explained() {
    let testbed = operator_under_test().await;
    let region = "aws.region is required: the AWS region of the channels, chat rooms and stages";
    let database = "database.existingSecret.name is required: \
                    the name of the Secret in the release's namespace with the URL";
    let ingress = "registration.ingress.hosts is required when registration.ingress.enabled is true";
    let hops = "registration.limits.trustedProxyHops is 0 but registration.ingress.enabled is true: \
                all clients behind the Ingress would share one IP address and its rate limits. \
                Set it to the number of proxies that append to X-Forwarded-For: \
                1 for the Ingress alone, 2 with an HTTP load balancer in front of it";
    let elsewhere = "it would ignore the accounts that the registration page creates";
    for (values, message) in [
        (&[DATABASE][..], region),
        (&[REGION], database),
        (&[REGION, DATABASE, "registration.ingress.enabled=true"], ingress),
        (&[REGION, DATABASE, "registration.ingress.enabled=true", INGRESS_HOST], hops),
        (&[REGION, DATABASE, "controller.watchNamespace=streamers"], elsewhere),
        (&[REGION, DATABASE, "registration.minPasswordLength=7"], "minimum: got 7, want 8"),
        (&[REGION, DATABASE, "registration.replica=3"], "additional properties 'replica' not allowed"),
        (&[REGION, DATABASE, "controller.resyncInterval=often"], "'often' does not match"),
        (&[REGION, DATABASE, "controller.leaderElection=perhaps"], "/controller/leaderElection"),
        (&[REGION, DATABASE, "registration.quota=-1"], "/registration/quota"),
        (&[REGION, DATABASE, "registration.shutdownDelay=301s"], "/registration/shutdownDelay"),
    ] {
        let error = render_error(&testbed, values).await;
        assert!(error.contains(message), "{values:?}: {error}");
    }
}

#[tokio::test]
async fn crds_follow_the_chart_values_for_install_and_uninstall() {
    let testbed = operator_under_test().await;
    let none = rendered(&testbed, &["crds.enabled=false"]).await;
    assert!(none.of_kind("CustomResourceDefinition").is_empty());

    for (keep, annotation) in [("crds.keep=true", Some("keep")), ("crds.keep=false", None)] {
        let objects = rendered(&testbed, &[keep]).await;
        let crds = objects.of_kind("CustomResourceDefinition");
        assert_eq!(crds.len(), 1);
        assert_eq!(crds[0].name_any(), "streameraccounts.streamcat.dev");
        assert_eq!(crds[0].annotations().get("helm.sh/resource-policy").map(String::as_str), annotation);
    }
}

#[tokio::test]
async fn a_disabled_registration_is_not_rendered() {
    let testbed = operator_under_test().await;
    let all = rendered(&testbed, &INGRESS).await;
    let of_registration = |object: &&DynamicObject| object.name_any().ends_with("-registration");
    assert_eq!(all.0.iter().filter(of_registration).count(), 6);
    let none = rendered(&testbed, &["registration.enabled=false", "registration.ingress.enabled=true"]).await;
    assert_eq!(none.0.iter().filter(of_registration).count(), 0);
}

#[tokio::test]
async fn the_grace_period_of_a_pod_exceeds_its_shutdown_delay() {
    let testbed = operator_under_test().await;
    for (values, delay, grace) in [
        (&[][..], "5s", 30),
        (&["registration.shutdownDelay=0s"], "0s", 25),
        (&["registration.shutdownDelay=90s"], "90s", 115),
    ] {
        let objects = rendered(&testbed, values).await;
        assert_eq!(objects.container("registration").value("STREAMCAT_SHUTDOWN_DELAY"), Some(delay));
        let deployment = objects.named("Deployment", "-registration").expect("the registration");
        let pod = &deployment.data["spec"]["template"]["spec"];
        assert_eq!(pod["terminationGracePeriodSeconds"], grace, "{values:?}");
    }
}

#[tokio::test]
async fn the_controller_elects_a_leader_by_default() {
    let testbed = operator_under_test().await;
    for (values, replicas, elects) in [
        (&[][..], 1, true),
        (&["controller.replicas=2"], 2, true),
        (&["controller.replicas=2", "controller.leaderElection=false"], 2, false),
        (&["controller.leaderElection=false"], 1, false),
        (&["controller.replicas=2", "controller.watchNamespace=s", "registration.namespace=s"], 2, true),
    ] {
        let objects = rendered(&testbed, values).await;
        let deployment = objects.named("Deployment", "-controller").expect("the controller");
        assert_eq!(deployment.data["spec"]["replicas"], replicas, "{values:?}");
        let controller = objects.container("controller");
        assert_eq!(controller.value("STREAMCAT_LEADER_ELECT"), elects.then_some("true"), "{values:?}");

        let role = objects.named("Role", "-controller-lease");
        assert_eq!(role.is_some(), elects, "{values:?}");
        let Some(role) = role else { continue };
        assert_eq!(role.namespace().as_deref(), Some("home"));
        let lease = controller.value("STREAMCAT_LEADER_ELECTION_NAME").unwrap();
        assert_eq!(role.data["rules"][0]["resourceNames"], json!([lease]));
    }
}
