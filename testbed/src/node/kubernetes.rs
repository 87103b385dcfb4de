//! kubelet, kube-proxy, and kube-scheduler.

use std::path::{Path, PathBuf};

use kube::config::Kubeconfig;
use serde_json::{Value, json};

use super::containerd::Containerd;
use crate::control_plane::{ControlPlane, NODE};
use crate::network::Network;
use crate::process::{Launch, Process, StopSignal};
use crate::temp_dir::TempDir;
use crate::tools::NodeTools;
use crate::{Error, kubeconfig};

/// Starts the programs of a node. Their ports are their usual ones: no other process is in their network.
pub(super) struct Launcher<'a> {
    pub(super) temp_dir: &'a TempDir,
    pub(super) tools: &'a NodeTools,
    pub(super) control_plane: &'a ControlPlane,
    pub(super) containerd: &'a Containerd,
}

impl Launcher<'_> {
    pub(super) fn kubelet(&self, cgroup: &str) -> Result<Process, Error> {
        let kubeconfig = self.kubeconfig("kubelet", &self.control_plane.kubelet_kubeconfig())?;
        let config = self.config("kubelet", &self.kubelet_config(cgroup)?)?;
        self.launch("kubelet", &self.tools.kubelet)
            .args([
                format!("--config={}", config.display()),
                format!("--kubeconfig={}", kubeconfig.display()),
                format!("--root-dir={}", self.temp_dir.subdir("kubelet")?.display()),
                format!("--cert-dir={}", self.temp_dir.subdir("kubelet-certificates")?.display()),
                format!("--hostname-override={NODE}"),
                format!("--node-ip={}", Network::Node.address()),
            ])
            .start()
    }

    fn kubelet_config(&self, cgroup: &str) -> Result<Value, Error> {
        let logs = self.temp_dir.subdir("pods")?;
        let resolver = self.temp_dir.write("resolv.conf", "")?;
        Ok(json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": Network::Node.address(),
            // Only this network's processes reach it.
            "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
            "authorization": { "mode": "AlwaysAllow" },
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup,
            "containerRuntimeEndpoint": self.containerd.endpoint(),
            "podLogsDir": logs,
            "resolvConf": resolver,
            "failCgroupV1": false,
            "failSwapOn": false,
            "localStorageCapacityIsolation": false,
            // The machine's disk and memory are not the node's: a full disk must not evict pods.
            "evictionHard": { "memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%" },
            "imageGCHighThresholdPercent": 100,
        }))
    }

    pub(super) fn proxy(&self) -> Result<Process, Error> {
        let kubeconfig = self.kubeconfig("kube-proxy", self.control_plane.kubeconfig())?;
        let config = json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": NODE,
            "clientConnection": { "kubeconfig": kubeconfig },
            "clusterCIDR": Network::Node.clients(),
            // These settings are those of the whole machine.
            "conntrack": {
                "maxPerCore": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        });
        let config = self.config("kube-proxy", &config)?;
        self.launch("kube-proxy", &self.tools.proxy).args([format!("--config={}", config.display())]).start()
    }

    pub(super) fn scheduler(&self) -> Result<Process, Error> {
        let kubeconfig = self.kubeconfig("kube-scheduler", self.control_plane.kubeconfig())?;
        self.launch("kube-scheduler", &self.tools.scheduler)
            .args(
                ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]
                    .map(|flag| format!("--{flag}={}", kubeconfig.display())),
            )
            .args(["--leader-elect=false", "--bind-address=127.0.0.1"])
            .start()
    }

    fn launch(&self, name: &str, program: &Path) -> Launch {
        let log = self.temp_dir.path().join(format!("{name}.log"));
        Launch::new(name, program, log, StopSignal::Kill).current_dir(self.temp_dir.path())
    }

    fn kubeconfig(&self, name: &str, kubeconfig: &Kubeconfig) -> Result<PathBuf, Error> {
        let path = self.temp_dir.path().join(format!("{name}.kubeconfig"));
        kubeconfig::write(kubeconfig, &path)?;
        Ok(path)
    }

    fn config(&self, name: &str, config: &Value) -> Result<PathBuf, Error> {
        self.temp_dir.write(&format!("{name}.json"), config.to_string())
    }
}
