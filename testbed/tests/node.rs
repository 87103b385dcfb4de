//! A node leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use testbed::{Node, wait};

/// Starts a pod, and prints the path of the environment's description once the pod runs.
const START_POD: &str = r"
$KUBECTL run pause --image=localhost/pause:1 --image-pull-policy=Never >&2
$KUBECTL wait --for=condition=Ready pod/pause --timeout=60s >&2
echo $STREAMCAT_TESTBED
exec sleep 600
";

/// Starts a node with a pod. Returns the directory of the outer process.
fn hold() -> (Child, PathBuf) {
    let (holder, description) = support::hold(&["--node"], START_POD);
    (holder, description.parent().unwrap().parent().unwrap().to_owned())
}

/// Returns what is left of a node: processes whose command lines have its directory, control groups, mounts,
/// and the directory.
fn left(directory: &Path) -> Vec<String> {
    let name = directory.file_name().unwrap().to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        // The test itself has no argument with the name, and the reaper reads it from a pipe.
        command.contains(name).then_some(command)
    });
    let groups = Command::new("find").args(["/sys/fs/cgroup", "-name", name]).output().unwrap();
    let groups = String::from_utf8(groups.stdout).unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().filter(|line| line.contains(name));
    let directory = directory.exists().then(|| directory.display().to_string());
    processes.chain(groups.lines().chain(mounts).map(str::to_owned)).chain(directory).collect()
}

#[tokio::test]
#[ignore = "needs root: make install-test"]
async fn nothing_outlives_a_killed_node() {
    if let Some(reason) = Node::obstacle() {
        eprintln!("skipped: {reason}");
        return;
    }
    let (mut holder, directory) = hold();
    let running = left(&directory).join("\n");
    for part in ["kubelet", "containerd-shim-runc-v2", "kube-apiserver", "/sys/fs/cgroup/"] {
        assert!(running.contains(part), "{part} does not run:\n{running}");
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait::until("nothing is left of the node", Duration::from_secs(20), || async {
        let left = left(&directory);
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    })
    .await
    .unwrap();
}
