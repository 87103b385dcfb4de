//! containerd, with runc and the network plugins of Debian.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use super::sandbox::{BRIDGE, CNI_PLUGINS};
use crate::Error;
use crate::image::Image;
use crate::network::Network;
use crate::process::{Launch, Process, StopSignal};
use crate::temp_dir::TempDir;
use crate::tools::NodeTools;

/// Namespace of the kubelet's images and containers.
const NAMESPACE: &str = "k8s.io";
/// The image of the process that holds the namespaces of a pod.
const PAUSE: &str = "localhost/pause:1";
const PAUSE_SOURCE: &str = include_str!("pause.c");
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running containerd.
pub(super) struct Containerd {
    _process: Process,
    ctr: PathBuf,
    socket: PathBuf,
}

impl Containerd {
    pub(super) async fn start(temp_dir: &TempDir, tools: &NodeTools) -> Result<Self, Error> {
        let home = temp_dir.subdir("containerd")?;
        let socket = home.join("containerd.sock");
        write_network(temp_dir)?;
        let config = temp_dir.write("containerd/config.toml", config(&home, &socket, tools))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut path = std::env::split_paths(&path).collect::<Vec<_>>();
        path.insert(0, tools.containerd.clone());
        let path = std::env::join_paths(path).map_err(|e| Error::Unexpected(e.to_string()))?;
        let log = temp_dir.path().join("containerd.log");
        let mut process =
            Launch::new("containerd", tools.containerd.join("containerd"), log, StopSignal::Kill)
                .args(["--config".as_ref(), config.as_os_str()])
                .envs([("PATH", path)])
                .start()?;
        let ctr = tools.containerd.join("ctr");
        process
            .until("containerd answers", START_TIMEOUT, || async {
                run_ctr(&ctr, &socket, &["version".as_ref()]).await
            })
            .await?;
        let containerd = Self { _process: process, ctr, socket };
        containerd.import(&pause(temp_dir)?).await?;
        Ok(containerd)
    }

    /// URL of its socket.
    pub(super) fn endpoint(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Imports the images of an archive.
    pub(super) async fn import(&self, archive: &Path) -> Result<(), Error> {
        let arguments = ["images".as_ref(), "import".as_ref(), "--local".as_ref(), archive.as_os_str()];
        run_ctr(&self.ctr, &self.socket, &arguments).await
    }
}

async fn run_ctr(ctr: &Path, socket: &Path, arguments: &[&std::ffi::OsStr]) -> Result<(), Error> {
    let output = Command::new(ctr)
        .arg("--address")
        .arg(socket)
        .args(["--namespace", NAMESPACE])
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::io(format!("run {}", ctr.display())))?;
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    Error::check(format!("ctr {}", arguments.join(" ")), &output, 10)
}

fn config(home: &Path, socket: &Path, tools: &NodeTools) -> String {
    let (home, socket, runc) = (home.display(), socket.display(), tools.runc.display());
    format!(
        r#"
version = 3
root = "{home}/root"
state = "{home}/state"

[grpc]
address = "{socket}"

[plugins."io.containerd.cri.v1.images"]
# Works on every file system.
snapshotter = "native"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
# Otherwise runc fails where the score of this process cannot be lowered.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{CNI_PLUGINS}"]
conf_dir = "{home}/cni"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
"#
    )
}

/// Writes the configuration of the pods' network: a bridge, on which the node is the gateway.
fn write_network(temp_dir: &TempDir) -> Result<(), Error> {
    temp_dir.subdir("containerd/cni")?;
    let network = json!({
        "cniVersion": "1.0.0",
        "name": "testbed",
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": true,
            "isDefaultGateway": true,
            "ipMasq": false,
            "ipam": { "type": "host-local", "ranges": [[{ "subnet": Network::Node.clients() }]] },
        }],
    });
    temp_dir.write("containerd/cni/testbed.conflist", network.to_string()).map(drop)
}

/// Builds the image of the process that holds the namespaces of a pod, and returns the path of its archive.
fn pause(temp_dir: &TempDir) -> Result<PathBuf, Error> {
    let files = temp_dir.subdir("pause")?;
    let source = temp_dir.write("pause.c", PAUSE_SOURCE)?;
    let compiler = std::process::Command::new("cc")
        .args(["-static", "-Os", "-o"])
        .args([files.join("pause"), source])
        .output()
        .map_err(|_| Error::missing("cc", "run: sudo apt-get install gcc"))?;
    Error::check("compiling pause.c", &compiler, 10)?;
    let archive = temp_dir.path().join("pause.tar");
    Image::new(&files, PAUSE, "/pause").write(&archive)?;
    Ok(archive)
}
