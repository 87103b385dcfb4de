//! Access to the cluster, as its administrator.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use testbed::{Error, Testbed, wait};
use tokio::process::Command;

use crate::accounts;

/// Namespace of the release.
pub(super) const NAMESPACE: &str = "streamcat";
/// Namespace of the accounts.
pub(super) const ACCOUNTS_NAMESPACE: &str = "streamers";

const TIMEOUT: Duration = Duration::from_mins(3);

/// The registration page or the controller.
#[derive(Clone, Copy)]
pub(super) enum Component {
    Controller,
    Registration,
}

impl Component {
    pub(super) const ALL: [Self; 2] = [Self::Registration, Self::Controller];

    /// Returns the value of its label, which is also its subcommand.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Registration => "registration",
        }
    }

    /// Returns the name of its Deployment.
    pub(super) fn deployment(self) -> String {
        format!("streamcat-operator-{}", self.name())
    }
}

/// A cluster in which the operator is installed.
#[derive(Clone)]
pub(super) struct Cluster {
    testbed: Testbed,
    client: Client,
}

impl Cluster {
    pub(super) async fn connect(testbed: &Testbed) -> Result<Self, Error> {
        Ok(Self { testbed: testbed.clone(), client: testbed.kube().await? })
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    fn installed<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        Api::namespaced(self.client(), NAMESPACE)
    }

    pub(super) fn pods(&self) -> Api<Pod> {
        self.installed()
    }

    pub(super) fn deployments(&self) -> Api<Deployment> {
        self.installed()
    }

    pub(super) fn services(&self) -> Api<Service> {
        self.installed()
    }

    pub(super) fn leases(&self) -> Api<Lease> {
        self.installed()
    }

    pub(super) fn accounts(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), ACCOUNTS_NAMESPACE, &accounts::resource())
    }

    /// Returns the pods of a component that are not ending.
    pub(super) async fn pods_of(&self, component: Component) -> Result<Vec<Pod>, Error> {
        let selector = format!("app.kubernetes.io/component={}", component.name());
        let pods = self.pods().list(&ListParams::default().labels(&selector)).await;
        let pods = pods.map_err(Error::kube("list pods"))?;
        Ok(pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect())
    }

    /// Waits until all pods of the current template are available and no other pod of the component is left.
    pub(super) async fn settled(&self, component: Component) -> Result<(), Error> {
        let name = component.deployment();
        wait::until(format!("the rollout of {name} is complete"), TIMEOUT, || async {
            let deployment = self.deployments().get(&name).await.map_err(|e| e.to_string())?;
            let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let generation = deployment.metadata.generation;
            let status = deployment.status.unwrap_or_default();
            let counts = [status.replicas, status.updated_replicas, status.available_replicas];
            let complete = status.observed_generation == generation
                && counts.iter().all(|count| *count == Some(desired))
                && status.terminating_replicas.unwrap_or(0) == 0;
            if complete { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await
    }

    /// Waits until each component has [settled](Self::settled).
    pub(super) async fn all_settled(&self) -> Result<(), Error> {
        for component in Component::ALL {
            self.settled(component).await?;
        }
        Ok(())
    }

    /// Prints the pods and the events, because everything is removed after a failure.
    pub(super) async fn describe(&self) {
        for arguments in [
            &["get", "pods", "--all-namespaces", "--output=wide"][..],
            &["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"],
            &[
                "logs",
                "--namespace",
                NAMESPACE,
                "--prefix",
                "--tail=15",
                "--all-containers",
                "--selector=app.kubernetes.io/name=streamcat-operator",
            ],
        ] {
            let output = Command::new(self.testbed.kubectl_path())
                .args(arguments)
                .env("KUBECONFIG", self.testbed.kubeconfig())
                .env("KUBECACHEDIR", self.testbed.directory().join("kubectl"))
                .output()
                .await;
            let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
            eprintln!("$ kubectl {}\n{}", arguments.join(" "), String::from_utf8_lossy(&text));
        }
    }
}

/// Returns the names of pods.
pub(super) fn names(pods: &[Pod]) -> Vec<String> {
    pods.iter().map(ResourceExt::name_any).collect()
}
