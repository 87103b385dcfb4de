//! The cluster of an environment: our own control plane, or the user's cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kube::Client;
use kube::api::DynamicObject;
use kube::config::Kubeconfig;

use crate::control_plane::{self, ControlPlane};
use crate::helm::{self, Helm, Release};
use crate::network::Network;
use crate::process::find_in_path;
use crate::temp_dir::TempDir;
use crate::tools::{self, Tools};
use crate::{Error, apply, kubeconfig};

/// A cluster, our own or borrowed.
pub(crate) struct Cluster {
    pub(crate) kubeconfig: Kubeconfig,
    pub(crate) kubectl: PathBuf,
    pub(crate) helm: PathBuf,
    pub(crate) control_plane: Option<ControlPlane>,
}

impl Cluster {
    async fn start(
        temp_dir: &TempDir,
        tools: &Tools,
        network: Network,
        crds: &[DynamicObject],
    ) -> Result<Self, Error> {
        let control_plane = ControlPlane::start(temp_dir, tools, network, crds).await?;
        let kubeconfig = control_plane.kubeconfig().clone();
        let (kubectl, helm) = (tools.kubectl.clone(), tools.helm.clone());
        Ok(Self { kubeconfig, kubectl, helm, control_plane: Some(control_plane) })
    }
}

/// Starts a control plane, and builds it first if necessary.
pub(crate) async fn build(temp_dir: &TempDir, chart: &Path) -> Result<Cluster, Error> {
    let tools = Tools::find_or_build().await?;
    let crds = render_chart(&tools.helm, temp_dir, chart).await?;
    Cluster::start(temp_dir, &tools, Network::Loopback, &crds).await
}

/// Starts a control plane whose pods run on a node. Nothing of the chart is applied.
pub(crate) async fn build_for_node(temp_dir: &TempDir) -> Result<Cluster, Error> {
    Cluster::start(temp_dir, &Tools::find_or_build().await?, Network::Node, &[]).await
}

/// Connects to the user's own cluster.
pub(crate) async fn borrow(context: &str, temp_dir: &TempDir, chart: &Path) -> Result<Cluster, Error> {
    let kubeconfig = kubeconfig::of_context(context)?;
    let client = kubeconfig::client(&kubeconfig).await?;
    control_plane::ready(&client).await?;
    let advice = "KUBE_CONTEXT uses the kubectl in your PATH; install it there";
    let kubectl = find_in_path("kubectl").ok_or_else(|| Error::missing("kubectl", advice))?;
    let helm = match find_in_path("helm") {
        Some(helm) => helm,
        None => tools::HELM.find_or_build().await?.join("helm"),
    };
    let objects = render_chart(&helm, temp_dir, chart).await?;
    ensure_not_installed(&client, &objects).await?;
    apply::crds(&client, &objects).await?;
    Ok(Cluster { kubeconfig, kubectl, helm, control_plane: None })
}

/// Refuses a cluster in which the operator is installed: its CRDs and permissions would be overwritten, and
/// the permissions deleted at the end.
async fn ensure_not_installed(client: &Client, objects: &[DynamicObject]) -> Result<(), Error> {
    let found = apply::existing(
        client,
        &helm::permissions(objects.to_vec()),
        &Release::cluster_wide().operator_namespace,
    )
    .await?;
    if found.is_empty() { Ok(()) } else { Err(Error::Unexpected(already_installed(&found))) }
}

fn already_installed(found: &BTreeMap<String, Vec<String>>) -> String {
    let all: Vec<_> = found.values().flatten().map(String::as_str).collect();
    let delete = |(namespace, objects): (&String, &Vec<String>)| match namespace.as_str() {
        "" => format!("    kubectl delete {}", objects.join(" ")),
        _ => format!("    kubectl --namespace {namespace} delete {}", objects.join(" ")),
    };
    format!(
        "the operator is already installed in this cluster ({}), and the testbed would overwrite it. Set KUBE_CONTEXT to \
         another context, or uninstall the operator there (helm list --all-namespaces). If these objects are left over \
         from a testbed that was killed, delete them:\n{}",
        all.join(", "),
        found.iter().map(delete).collect::<Vec<_>>().join("\n")
    )
}

/// Renders the chart for a cluster-wide installation. Returns nothing if the chart does not exist.
async fn render_chart(helm: &Path, temp_dir: &TempDir, chart: &Path) -> Result<Vec<DynamicObject>, Error> {
    if !chart.join("Chart.yaml").is_file() {
        return Ok(Vec::new());
    }
    let helm = Helm { program: helm.into(), home: temp_dir.path().join("helm") };
    Release::cluster_wide().render(&helm, chart).await
}
