//! etcd, kube-apiserver and kube-controller-manager on free ports.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::DynamicObject;
use kube::config::Kubeconfig;
use kube::{Api, Client};
use tokio::sync::Mutex;

use crate::network::{Network, SERVICES};
use crate::process::{Launch, Process, StopSignal};
use crate::temp_dir::TempDir;
use crate::tools::Tools;
use crate::{Error, apply, http, kubeconfig, ports};

const START_TIMEOUT: Duration = Duration::from_secs(90);

/// A running control plane. Without a node, no pod ever runs.
pub(crate) struct ControlPlane {
    // Dropped in this order: each before what it depends on.
    _controller_manager: Process,
    /// None only if a restart failed.
    apiserver: Mutex<Option<Process>>,
    _etcd: Process,
    config: Config,
    kubeconfig: Kubeconfig,
}

impl ControlPlane {
    /// Starts a control plane with the given CustomResourceDefinitions.
    pub(crate) async fn start(
        temp_dir: &TempDir,
        tools: &Tools,
        network: Network,
        crds: &[DynamicObject],
    ) -> Result<Self, Error> {
        ports::retry_if_port_taken(|| Self::try_start(temp_dir, tools, network, crds)).await
    }

    async fn try_start(
        temp_dir: &TempDir,
        tools: &Tools,
        network: Network,
        crds: &[DynamicObject],
    ) -> Result<Self, Error> {
        let config = Config::prepare(temp_dir, tools, network)?;
        let kubeconfig = config.kubeconfig(&config.admin_token);
        let etcd = config.etcd().await?;
        let apiserver = config.apiserver(&kubeconfig).await?;
        let client = kubeconfig::client(&kubeconfig).await?;
        // Before the controller manager: its garbage collector discovers new kinds only every 30 s.
        apply::crds(&client, crds).await?;
        let controller_manager = config.controller_manager(&kubeconfig, &client).await?;
        Ok(Self {
            _controller_manager: controller_manager,
            apiserver: Mutex::new(Some(apiserver)),
            _etcd: etcd,
            config,
            kubeconfig,
        })
    }

    /// Kills kube-apiserver and starts it again at the same address, with the same etcd.
    pub(crate) async fn restart_apiserver(&self) -> Result<(), Error> {
        let mut apiserver = self.apiserver.lock().await;
        drop(apiserver.take());
        *apiserver = Some(self.config.apiserver(&self.kubeconfig).await?);
        Ok(())
    }

    /// Returns the URL of etcd for clients.
    pub(crate) fn etcd_url(&self) -> String {
        self.config.etcd_url()
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// Returns the kubeconfig of the node's kubelet.
    pub(crate) fn kubelet_kubeconfig(&self) -> Kubeconfig {
        self.config.kubeconfig(&self.config.kubelet_token)
    }
}

/// Name of the node.
pub(crate) const NODE: &str = "node";

/// Programs, directory, network, ports, and tokens of one control plane.
struct Config {
    tools: Tools,
    temp_dir: PathBuf,
    network: Network,
    etcd: u16,
    peer: u16,
    apiserver: u16,
    controller_manager: u16,
    admin_token: String,
    kubelet_token: String,
}

impl Config {
    fn prepare(temp_dir: &TempDir, tools: &Tools, network: Network) -> Result<Self, Error> {
        let [etcd, peer, apiserver, controller_manager] = ports::free()?;
        // An earlier attempt that found a port in use may have left data.
        let _ = std::fs::remove_dir_all(temp_dir.path().join("etcd"));
        let [admin_token, kubelet_token] = [(); 2].map(|()| uuid::Uuid::new_v4().simple().to_string());
        let admin = format!("{admin_token},admin,u1,\"system:masters\"\n");
        let kubelet = format!("{kubelet_token},system:node:{NODE},u2,\"system:nodes\"\n");
        temp_dir.write("tokens.csv", admin + &kubelet)?;
        write_key_pair(temp_dir)?;
        let (tools, temp_dir) = (tools.clone(), temp_dir.path().to_owned());
        Ok(Self {
            tools,
            temp_dir,
            network,
            etcd,
            peer,
            apiserver,
            controller_manager,
            admin_token,
            kubelet_token,
        })
    }

    fn file(&self, name: &str) -> String {
        self.temp_dir.join(name).display().to_string()
    }

    fn kubeconfig(&self, token: &str) -> Kubeconfig {
        let authority = self.temp_dir.join("certificates/apiserver.crt");
        let server = format!("https://{}:{}", self.network.address(), self.apiserver);
        kubeconfig::with_authority(&server, &authority, token)
    }

    fn launch(&self, name: &str, program: &Path) -> Launch {
        let log = self.temp_dir.join(format!("{name}.log"));
        Launch::new(name, program, log, StopSignal::Kill).current_dir(&self.temp_dir)
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }

    async fn etcd(&self) -> Result<Process, Error> {
        let (clients, peers) = (self.etcd_url(), format!("http://127.0.0.1:{}", self.peer));
        let mut etcd = self
            .launch("etcd", &self.tools.etcd)
            .args([
                format!("--data-dir={}", self.file("etcd")),
                format!("--listen-client-urls={clients}"),
                format!("--advertise-client-urls={clients}"),
                format!("--listen-peer-urls={peers}"),
                format!("--initial-advertise-peer-urls={peers}"),
                format!("--initial-cluster=default={peers}"),
                "--unsafe-no-fsync".into(),
            ])
            .start()?;
        let health = format!("{clients}/health");
        etcd.until("etcd is healthy", START_TIMEOUT, || async {
            let response = http::get(&health).await?;
            if response.status.is_success() { Ok(()) } else { Err(Error::Unexpected(response.body)) }
        })
        .await?;
        Ok(etcd)
    }

    async fn apiserver(&self, kubeconfig: &Kubeconfig) -> Result<Process, Error> {
        let mut apiserver = self
            .launch("kube-apiserver", &self.tools.apiserver)
            .args([
                format!("--etcd-servers={}", self.etcd_url()),
                format!("--cert-dir={}", self.file("certificates")),
                format!("--secure-port={}", self.apiserver),
                format!("--service-account-key-file={}", self.file("sa.pub")),
                format!("--service-account-signing-key-file={}", self.file("sa.key")),
                format!("--token-auth-file={}", self.file("tokens.csv")),
                format!("--bind-address={}", self.network.address()),
                format!("--advertise-address={}", self.network.address()),
                format!("--service-cluster-ip-range={SERVICES}"),
            ])
            .args(match self.network {
                Network::Loopback => ["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"],
                // Pods reach the API server through the Service `kubernetes`.
                Network::Node => ["--authorization-mode=Node,RBAC", "--endpoint-reconciler-type=lease"],
            })
            .args([
                "--allow-privileged=true",
                // For `kubectl logs`: no DNS knows the node's name.
                "--kubelet-preferred-address-types=InternalIP",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            ])
            .start()?;
        apiserver
            .until("kube-apiserver is ready", START_TIMEOUT, || async {
                let client = kubeconfig::client(kubeconfig).await?;
                ready(&client).await
            })
            .await?;
        Ok(apiserver)
    }

    async fn controller_manager(&self, kubeconfig: &Kubeconfig, client: &Client) -> Result<Process, Error> {
        let path = self.temp_dir.join("controller-manager.kubeconfig");
        kubeconfig::write(kubeconfig, &path)?;
        let mut manager = self
            .launch("kube-controller-manager", &self.tools.controller_manager)
            .args(
                ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]
                    .map(|flag| format!("--{flag}={}", path.display())),
            )
            .args([
                format!("--secure-port={}", self.controller_manager),
                format!("--service-account-private-key-file={}", self.file("sa.key")),
                format!("--root-ca-file={}", self.file("certificates/apiserver.crt")),
                "--leader-elect=false".into(),
                "--bind-address=127.0.0.1".into(),
                format!("--controllers={}", controllers(self.network)),
            ])
            .start()?;
        // Its health endpoint does not show that its controllers work; the first service account does.
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
        manager
            .until("kube-controller-manager created the first service account", START_TIMEOUT, || {
                accounts.get("default")
            })
            .await?;
        Ok(manager)
    }
}

/// Returns the controllers of kube-controller-manager. Without a node, those that manage pods have nothing to
/// do.
fn controllers(network: Network) -> &'static str {
    match network {
        Network::Loopback => {
            "namespace-controller,garbage-collector-controller,serviceaccount-controller,\
             root-ca-certificate-publisher-controller,resourcequota-controller"
        }
        Network::Node => "*",
    }
}

/// Checks /readyz once.
pub(crate) async fn ready(client: &Client) -> Result<(), Error> {
    let request = hyper::Request::get("/readyz").body(Vec::new());
    let request = request.map_err(|e| Error::Unexpected(e.to_string()))?;
    let response =
        client.request_text(request).await.map_err(Error::kube("check whether kube-apiserver is ready"))?;
    if response == "ok" { Ok(()) } else { Err(Error::Unexpected(response)) }
}

/// Writes the key pair that signs service account tokens.
fn write_key_pair(temp_dir: &TempDir) -> Result<(), Error> {
    let failed = |_| Error::Unexpected("cannot generate a key pair for service account tokens".into());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private = pair.as_der().map_err(failed)?;
    let public = pair.public_key().as_der().map_err(failed)?;
    temp_dir.write("sa.key", pem::encode(&pem::Pem::new("PRIVATE KEY", private.as_ref())))?;
    temp_dir.write("sa.pub", pem::encode(&pem::Pem::new("PUBLIC KEY", public.as_ref())))?;
    Ok(())
}
