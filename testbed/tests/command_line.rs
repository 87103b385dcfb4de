//! The binary leaves nothing behind, and reports clearly what is missing.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use testbed::wait;

use self::support::TESTBED;

/// Starts an environment. Returns its directory once it runs.
fn hold() -> (Child, PathBuf) {
    let (holder, description) = support::hold(&[], "echo $STREAMCAT_TESTBED; exec sleep 600");
    (holder, description.parent().unwrap().to_owned())
}

/// Returns the command lines of processes that run in a directory or have it as an argument.
fn processes(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let of_folder = |process: &PathBuf| {
        let words = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        let home = std::fs::read_link(process.join("cwd")).unwrap_or_default();
        (home.starts_with(folder) || words.contains(folder.to_str()?)).then_some(words)
    };
    all.filter_map(|process| of_folder(&process)).collect()
}

async fn all_is_gone(folder: &Path) {
    wait::until("no process and no directory is left", Duration::from_secs(20), || async {
        let left = processes(folder);
        if left.is_empty() && !folder.exists() { Ok(()) } else { Err(left.join("\n")) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nothing_outlives_a_killed_testbed() {
    let (mut holder, folder) = hold();
    for program in ["server", "kube-apiserver", "kube-controller-manager", "postgres"] {
        assert!(processes(&folder).iter().any(|words| words.contains(program)), "{program} does not run");
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    all_is_gone(&folder).await;
}

#[tokio::test]
async fn a_command_ends_with_the_testbed_and_its_exit_code_is_returned() {
    let (mut holder, folder) = hold();
    let terminated = Command::new("kill").arg(holder.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert_eq!(holder.wait().unwrap().code(), Some(128 + 15));
    all_is_gone(&folder).await;
}

/// Runs `testbed tools` with an empty cache and with `folder` as PATH.
fn build_with(folder: &Path) -> Output {
    let cache = tempfile::tempdir().unwrap();
    let command =
        Command::new(TESTBED).arg("tools").env("PATH", folder).env("STREAMCAT_CACHE", cache.path()).output();
    command.unwrap()
}

#[test]
fn a_missing_go_is_reported_with_advice() {
    let empty = tempfile::tempdir().unwrap();
    let output = build_with(empty.path());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("`go` was not found") && text.contains("Install Go 1.26 or newer"), "{text}");
}

#[test]
fn an_outdated_go_is_reported_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    std::fs::write(&go, "#!/bin/sh\necho go1.19.8\n").unwrap();
    std::fs::set_permissions(&go, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = build_with(folder.path());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("go is too old (go1.19.8)"), "{text}");
}

#[test]
fn an_unknown_context_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(TESTBED)
        .args(["run", "--", "true"])
        .env("KUBE_CONTEXT", "elsewhere")
        .env("KUBECONFIG", folder.path().join("none"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("kubeconfig"), "{text}");
}

/// Returns a PATH with both programs, as for a user who has a cluster.
fn path_with(programs: [&str; 2]) -> std::ffi::OsString {
    let own = std::env::var_os("PATH").unwrap();
    let folders = programs.map(|program| Path::new(program).parent().unwrap().to_owned());
    std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&own))).unwrap()
}

#[tokio::test]
async fn a_cluster_with_the_operator_installed_is_not_touched() {
    let (mut cluster, folder) = hold();
    let description = std::fs::read(folder.join("testbed.json")).unwrap();
    let description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    let of = |name: &str| description[name].as_str().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("KUBECONFIG", of("kubeconfig")).env("KUBE_CONTEXT", "testbed");
        command.env("PATH", path_with([of("kubectl"), of("helm")])).env_remove("STREAMCAT_TESTBED");
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    };
    let borrow = || run(TESTBED, &["run", "--", "true"]);
    let (success, text) = borrow();
    assert!(success, "{text}");

    let role = ["create", "clusterrole", "streamcat-operator-controller", "--verb=get", "--resource=pods"];
    let account =
        ["create", "serviceaccount", "streamcat-operator-registration", "--namespace=streamcat-system"];
    for made in [&["create", "namespace", "streamcat-system"][..], &role, &account] {
        let (success, text) = run("kubectl", made);
        assert!(success, "{text}");
    }
    let (success, text) = borrow();
    assert!(!success);
    let found = "(clusterrole/streamcat-operator-controller, serviceaccount/streamcat-operator-registration)";
    assert!(text.contains(found) && text.contains("uninstall the operator there"), "{text}");
    let (_, rules) = run("kubectl", &["get", "clusterrole", "streamcat-operator-controller", "-o", "yaml"]);
    assert!(rules.contains("pods") && !rules.contains("streamcat.dev"), "{rules}");

    let advice: Vec<_> = text.lines().filter(|line| line.starts_with("    kubectl")).collect();
    assert_eq!(advice.len(), 2, "{text}");
    for line in advice {
        let (success, text) = run("sh", &["-c", line]);
        assert!(success, "{line}: {text}");
    }
    let (success, text) = borrow();
    assert!(success, "{text}");
    cluster.kill().unwrap();
    cluster.wait().unwrap();
    all_is_gone(&folder).await;
}
