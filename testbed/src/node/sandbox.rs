//! The namespaces of a node, which keep everything it does away from this machine: network, mounts, and
//! processes.
//!
//! The program runs as the first process of its own process namespace. When it ends, for any reason, the
//! kernel kills all other processes of the namespace: pods, shims, and servers. Their mounts and their
//! network end with them. Only files and control groups are left, which the outer process removes.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

use super::cgroup;
use crate::Error;
use crate::network::{Network, SERVICES};
use crate::process::find_in_path;
use crate::temp_dir::{self, TempDir};
use crate::tools::{NodeTools, Tools};

/// Environment variable with the path of the control group of the node whose namespaces this process is in.
const CGROUP: &str = "STREAMCAT_TESTBED_CGROUP";
/// Bridge to which the pods are connected.
pub(super) const BRIDGE: &str = "streamcat0";
/// Directory of the network plugins.
pub(super) const CNI_PLUGINS: &str = "/usr/lib/cni";
const NAMESPACES: [&str; 7] =
    ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"];
/// Programs that a node needs, and their Debian packages.
const PROGRAMS: [(&str, &str); 6] = [
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("pkg-config", "pkg-config"),
    ("cc", "gcc"),
];

/// Returns the path of the node's control group, if this process is in the namespaces of a node.
pub(super) fn cgroup() -> Option<String> {
    std::env::var(CGROUP).ok()
}

/// Returns the reason that no node can run on this machine, in one line.
pub(super) fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("a node needs root".into());
    }
    let missing = |(program, package): &(&str, &str)| {
        let found = find_in_path(program).is_some();
        (!found).then(|| format!("`{program}` is missing: apt-get install {package}"))
    };
    if let Some(missing) = PROGRAMS.iter().find_map(missing) {
        return Some(missing);
    }
    if !Path::new(CNI_PLUGINS).join("bridge").is_file() {
        return Some(format!("{CNI_PLUGINS}/bridge is missing: apt-get install containernetworking-plugins"));
    }
    let failure = |outcome: Result<(), Error>, what: &str| {
        outcome.err().map(|error| format!("{what}: {error:?}").replace('\n', " "))
    };
    failure(run("unshare", &[&NAMESPACES[..], &["true"]].concat()), "a node needs namespaces of its own")
        .or_else(|| failure(cgroup::check(), "a node needs control groups"))
}

/// Runs this program once more in the namespaces of a node.
pub(super) async fn enter() -> Result<ExitCode, Error> {
    // Not in the namespaces, whose network reaches no module proxy.
    Tools::find_or_build().await?;
    NodeTools::find_or_build().await?;
    let temp_dir = TempDir::create()?;
    let cgroup = cgroup::create(&temp_dir)?;
    let program = std::env::current_exe().map_err(Error::io("find the path of this program"))?;
    let mut command = tokio::process::Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--", "unshare"])
        .args(NAMESPACES)
        .arg("--")
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(CGROUP, cgroup)
        .env("TMPDIR", temp_dir.path())
        // This process removes the directory: it outlives everything that writes to it.
        .env(temp_dir::OWNED, "1");
    let child = command.spawn().map_err(Error::io("run unshare"))?;
    let status = wait(child).await.map_err(Error::io("wait for unshare"))?;
    Ok(ExitCode::from(status))
}

/// Waits until the program ends, and returns its exit code. On a signal, kills the program, and with it
/// everything in its namespaces.
async fn wait(mut child: Child) -> std::io::Result<u8> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let interrupted = tokio::select! {
        status = child.wait() => return Ok(status?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    };
    if let Some(first) = child.id().and_then(first_process) {
        // It fails only if the process has already ended.
        let _ = kill_process(first, Signal::KILL);
    }
    // It ends after the first process, which ends after all others.
    child.wait().await?;
    Ok(interrupted)
}

/// Returns the first process of the namespace: the only child of `unshare`.
fn first_process(unshare: u32) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
    Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
}

/// Hides the directories of this machine to which the node's programs write, and creates the node's network.
pub(super) fn prepare() -> Result<(), Error> {
    // For shims, network namespaces of pods, the results of network plugins, and links to logs.
    for directory in ["/run", "/var/lib", "/var/log"] {
        run("mount", &["-t", "tmpfs", "tmpfs", directory])?;
    }
    let address = format!("{}/16", Network::Node.address());
    run("ip", &["link", "set", "lo", "up"])?;
    run("ip", &["link", "add", BRIDGE, "type", "bridge"])?;
    run("ip", &["address", "add", &address, "dev", BRIDGE])?;
    run("ip", &["link", "set", BRIDGE, "up"])?;
    // All clients of a test have one address. A port that one of them uses again would be connected to the
    // pod of its last use, which may have ended. The setting is missing where nothing tracks connections yet.
    let _ = std::fs::write("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait", "1");
    // Without a route, kube-proxy's rules never see a connection from this process to a Service.
    run("ip", &["route", "add", SERVICES, "dev", BRIDGE])
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(Error::io(format!("run {program}")))?;
    Error::check(format!("{program} {}", arguments.join(" ")), &output, 5)
}
