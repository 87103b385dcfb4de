//! What the tests use that nobody here wrote: installed by `prepare.sh`, once and outside the repository.

use std::{path::PathBuf, process::Stdio};

use tokio::{process::Command, sync::OnceCell};

/// Where `prepare.sh` and the files beside it are.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/outside");

/// Where `prepare.sh` has installed it.
pub async fn installed() -> PathBuf {
    static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();
    let install = async || run(&mut Command::new(format!("{SOURCES}/prepare.sh"))).await.trim().into();
    FOLDER.get_or_init(install).await.clone()
}

/// Runs a command to its end, which must be a good one, and gives what it wrote.
pub async fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out.into_owned()
}

#[test]
fn the_locked_packages_name_no_registry() {
    let text = std::fs::read_to_string(format!("{SOURCES}/requirements.txt")).unwrap();
    assert!(!text.contains("://") && text.lines().all(|line| line.contains("==")), "{text}");
}
