//! Test tools written in Python and JavaScript, schemathesis and axe-core: installed once by `prepare.sh`,
//! outside the repository.

use std::{path::PathBuf, process::Stdio};

use tokio::{process::Command, sync::OnceCell};

/// The directory of `prepare.sh` and its files.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/schemathesis");

/// Installs the tools, if that has not happened yet, and returns their directory.
pub async fn installed() -> PathBuf {
    static DIRECTORY: OnceCell<PathBuf> = OnceCell::const_new();
    let install = async || run(&mut Command::new(format!("{SOURCES}/prepare.sh"))).await.trim().into();
    DIRECTORY.get_or_init(install).await.clone()
}

/// Runs a command, which must succeed, and returns its standard output.
pub async fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out.into_owned()
}

#[test]
fn locked_packages_name_no_registry() {
    let text = std::fs::read_to_string(format!("{SOURCES}/requirements.txt")).unwrap();
    assert!(!text.contains("://") && text.lines().all(|line| line.contains("==")), "{text}");
}
