//! The operator's chart, rendered by the real Helm.

use std::path::{Path, PathBuf};

use kube::api::DynamicObject;
use tokio::process::Command;

use crate::{Error, apply, text};

/// What is applied of a rendered chart: rights and limits. No pod runs in the testbed, so nothing that makes one.
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

/// Helm, and a folder for what it writes down.
#[derive(Clone)]
pub(crate) struct Helm {
    pub(crate) program: PathBuf,
    pub(crate) home: PathBuf,
}

impl Helm {
    /// Runs Helm and gives what it printed.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let homes = ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"].map(|name| (name, &self.home));
        let output = Command::new(&self.program)
            .args(arguments)
            .envs(homes)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io(format!("run {}", self.program.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Failed {
            action: format!("helm {}", arguments.join(" ")),
            status: output.status,
            output: text::tail(&String::from_utf8_lossy(&output.stderr), 20),
        })
    }

    /// The objects of a rendered chart.
    pub(crate) async fn template(&self, arguments: &[&str]) -> Result<Vec<DynamicObject>, Error> {
        apply::parse(&self.run(&[&["template"], arguments].concat()).await?)
    }
}

/// One release of the chart.
pub(crate) struct Release {
    pub(crate) name: String,
    /// The namespace of its own objects.
    pub(crate) namespace: String,
    /// Where the controller looks for accounts; everywhere if there is none.
    pub(crate) watch_namespace: Option<String>,
    /// Where registration makes accounts.
    pub(crate) accounts_namespace: String,
    /// The id of the installation; that of the cluster if there is none.
    pub(crate) installation_id: Option<String>,
}

impl Release {
    /// What most people install: one release that sees all namespaces.
    pub(crate) fn cluster_wide() -> Self {
        let (name, namespace) = ("streamcat-operator".into(), "streamcat-system".into());
        Self {
            name,
            namespace,
            watch_namespace: None,
            accounts_namespace: "default".into(),
            installation_id: None,
        }
    }

    /// Renders all of it.
    pub(crate) async fn render(&self, helm: &Helm, chart: &Path) -> Result<Vec<DynamicObject>, Error> {
        let values = [
            format!("controller.watchNamespace={}", self.watch_namespace.as_deref().unwrap_or_default()),
            format!("registration.namespace={}", self.accounts_namespace),
            format!("installationId={}", self.installation_id.as_deref().unwrap_or_default()),
            "database.existingSecret.name=database".into(),
            "aws.region=us-west-2".into(),
            "crds.enabled=true".into(),
            // Whatever namespace a test has for both.
            "registration.streamKeys=true".into(),
            // With the rights of an installation that elects a leader: tests start as many as they like.
            "controller.replicas=2".into(),
        ];
        let chart = chart.display().to_string();
        let mut arguments = vec![self.name.as_str(), &chart, "--namespace", &self.namespace];
        arguments.extend(values.iter().flat_map(|value| ["--set", value.as_str()]));
        helm.template(&arguments).await
    }
}

/// What of a rendered chart is applied besides the custom resource definitions.
pub(crate) fn permissions(objects: Vec<DynamicObject>) -> Vec<DynamicObject> {
    objects.into_iter().filter(|object| APPLIED.contains(&apply::kind(object))).collect()
}

/// The name of the service account of a component.
pub(crate) fn service_account(objects: &[DynamicObject], component: &str) -> Result<String, Error> {
    let labelled = |object: &&DynamicObject| {
        let labels = object.metadata.labels.as_ref();
        let label = labels.and_then(|labels| labels.get("app.kubernetes.io/component"));
        apply::kind(object) == "ServiceAccount" && label.is_some_and(|label| label == component)
    };
    objects.iter().find(labelled).and_then(|object| object.metadata.name.clone()).ok_or_else(|| {
        Error::Unexpected(format!(
            "the chart makes no ServiceAccount with the label app.kubernetes.io/component={component}"
        ))
    })
}
