//! Permissions of the components in the cluster.

use kube::ResourceExt;
use serde_json::{Value, json};

use super::{INGRESS, rendered};
use crate::support::operator_under_test;

#[tokio::test]
async fn a_namespaced_controller_has_no_permissions_elsewhere() {
    let testbed = operator_under_test().await;
    let values =
        ["controller.watchNamespace=streamers", "registration.namespace=streamers", "installationId=one"];
    let one = rendered(&testbed, &values).await;
    let all = rendered(&testbed, &["installationId=one"]).await;
    let everywhere = one.of_kind("ClusterRoleBinding");
    assert!(everywhere.iter().all(|binding| binding.name_any().ends_with("-installation")), "{everywhere:?}");
    // The Lease is in the namespace of the release.
    let is_lease = |name: &str| name.ends_with("-controller-lease");
    let mut others = one.of_kind("Role").into_iter().filter(|role| !is_lease(&role.name_any()));
    assert!(others.all(|role| role.namespace().as_deref() == Some("streamers")));

    let mut rules = one.rules("Role", "-controller");
    let of_namespaces = |rule: &&mut Value| rule["resources"] == json!(["namespaces"]);
    let rule = rules.iter_mut().find(of_namespaces).unwrap();
    assert_eq!(rule.as_object_mut().unwrap().remove("resourceNames"), Some(json!(["streamers"])));
    assert_eq!(rules, all.rules("ClusterRole", "-controller"));
    assert!(all.of_kind("ClusterRole").iter().all(|role| !role.data.to_string().contains('*')));
}

#[tokio::test]
async fn a_namespaced_controller_may_read_its_namespace_and_kube_system() {
    let testbed = operator_under_test().await;
    let here = ["controller.watchNamespace=streamers", "registration.namespace=streamers"];
    let get = |names: Value| {
        let mut rule = json!({ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] });
        if !names.is_null() {
            rule["resourceNames"] = names;
        }
        rule
    };
    let (any, streamers, kube_system) = (json!(null), json!(["streamers"]), json!(["kube-system"]));
    for (values, reads) in [
        (&[][..], vec![&any]),
        (&["installationId=one"], vec![&any]),
        (&here, vec![&kube_system, &streamers]),
        (&[here[0], here[1], "installationId=one"], vec![&kube_system, &streamers]),
    ] {
        let objects = rendered(&testbed, values).await;
        let roles = [objects.of_kind("ClusterRole"), objects.of_kind("Role")].concat();
        let all = roles.iter().flat_map(|role| role.data["rules"].as_array().cloned().unwrap_or_default());
        let of_namespaces: Vec<_> =
            all.filter(|rule| rule["resources"].to_string().contains("namespaces")).collect();
        let expected: Vec<_> = reads.into_iter().map(|names| get(names.clone())).collect();
        assert_eq!(of_namespaces, expected, "{values:?}");
    }
}

#[tokio::test]
async fn the_registration_may_read_secrets_only_to_show_stream_keys() {
    let testbed = operator_under_test().await;
    for (values, stream_keys) in [
        (&[][..], false),
        (&INGRESS, false),
        (&["registration.behindTls=true", "registration.namespace=streamers"], true),
        (&["registration.namespace=home"], false),
        (&["registration.streamKeys=true"], true),
        (&["registration.namespace=streamers", "registration.streamKeys=false"], false),
    ] {
        let rules = rendered(&testbed, values).await.rules("Role", "-registration");
        let of_secrets = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] });
        assert_eq!(rules.contains(&of_secrets), stream_keys, "{values:?}");
        assert_eq!(rules.len(), 1 + usize::from(stream_keys), "{values:?}");
    }
}
