//! The operator's chart, rendered by Helm.

use std::path::{Path, PathBuf};

use kube::api::DynamicObject;
use tokio::process::Command;

use crate::{Error, apply};

/// Kinds of a rendered chart that are applied: permissions and limits. No pod runs in the testbed, so kinds
/// that create pods are left out.
const APPLIED: [&str; 9] = [
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ResourceQuota",
    "LimitRange",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// Helm, with a directory for its caches and configuration.
#[derive(Clone)]
pub(crate) struct Helm {
    pub(crate) program: PathBuf,
    pub(crate) home: PathBuf,
}

impl Helm {
    /// Runs Helm and returns its output.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let homes = ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"].map(|name| (name, &self.home));
        let output = Command::new(&self.program)
            .args(arguments)
            .envs(homes)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io(format!("run {}", self.program.display())))?;
        Error::check(format!("helm {}", arguments.join(" ")), &output, 20)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Renders a chart and returns its objects.
    pub(crate) async fn template(&self, arguments: &[&str]) -> Result<Vec<DynamicObject>, Error> {
        apply::parse(&self.run(&[&["template"], arguments].concat()).await?)
    }
}

/// One release of the chart.
pub(crate) struct Release {
    pub(crate) name: String,
    /// Namespace of the release's own objects.
    pub(crate) operator_namespace: String,
    /// Namespace that the controller watches; None for all namespaces.
    pub(crate) watch_namespace: Option<String>,
    /// Namespace in which the registration page creates accounts.
    pub(crate) accounts_namespace: String,
    /// Installation ID; None for that of the cluster.
    pub(crate) installation_id: Option<String>,
}

impl Release {
    /// A release that watches all namespaces, which is the chart's default.
    pub(crate) fn cluster_wide() -> Self {
        let (name, operator_namespace) = ("streamcat-operator".into(), "streamcat-system".into());
        Self {
            name,
            operator_namespace,
            watch_namespace: None,
            accounts_namespace: "default".into(),
            installation_id: None,
        }
    }

    /// Renders the chart for this release.
    pub(crate) async fn render(&self, helm: &Helm, chart: &Path) -> Result<Vec<DynamicObject>, Error> {
        let values = [
            format!("controller.watchNamespace={}", self.watch_namespace.as_deref().unwrap_or_default()),
            format!("registration.namespace={}", self.accounts_namespace),
            format!("installationId={}", self.installation_id.as_deref().unwrap_or_default()),
            "database.existingSecret.name=database".into(),
            "aws.region=us-west-2".into(),
            "crds.enabled=true".into(),
            // Although a test may use one namespace for both.
            "registration.streamKeys=true".into(),
            // Includes the permissions for leader election: tests start several controllers.
            "controller.replicas=2".into(),
        ];
        let chart = chart.display().to_string();
        let mut arguments = vec![self.name.as_str(), &chart, "--namespace", &self.operator_namespace];
        arguments.extend(values.iter().flat_map(|value| ["--set", value.as_str()]));
        helm.template(&arguments).await
    }
}

/// Returns the objects that are applied in addition to the CustomResourceDefinitions.
pub(crate) fn permissions(objects: Vec<DynamicObject>) -> Vec<DynamicObject> {
    objects.into_iter().filter(|object| APPLIED.contains(&apply::kind(object))).collect()
}

/// Returns the name of a component's service account.
pub(crate) fn service_account(objects: &[DynamicObject], component: &str) -> Result<String, Error> {
    let labelled = |object: &&DynamicObject| {
        let labels = object.metadata.labels.as_ref();
        let label = labels.and_then(|labels| labels.get("app.kubernetes.io/component"));
        apply::kind(object) == "ServiceAccount" && label.is_some_and(|label| label == component)
    };
    objects.iter().find(labelled).and_then(|object| object.metadata.name.clone()).ok_or_else(|| {
        Error::Unexpected(format!(
            "the chart has no ServiceAccount with the label app.kubernetes.io/component={component}"
        ))
    })
}
