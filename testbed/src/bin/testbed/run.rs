//! `testbed run` and `testbed database`: running a command with an environment, or with only a database.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use testbed::{Error, JOIN, Node, ScratchDatabase, Testbed};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(command: Vec<OsString>) -> Result<ExitCode, Error> {
    run_in(&Testbed::start().await?, command).await
}

/// Runs a command with an environment that has a node.
pub(crate) async fn run_with_node(command: Vec<OsString>) -> Result<ExitCode, Error> {
    if Node::is_entered() {
        return run_in(&Testbed::start_with_node().await?, command).await;
    }
    match Node::obstacle() {
        None => Node::enter().await,
        Some(reason) => Err(Error::Unexpected(reason)),
    }
}

async fn run_in(testbed: &Testbed, command: Vec<OsString>) -> Result<ExitCode, Error> {
    let environment = [
        (JOIN, testbed.describe()?.into_os_string()),
        ("KUBECONFIG", testbed.kubeconfig().into()),
        ("KUBECTL", testbed.kubectl_path().into()),
        ("HELM", testbed.helm_path().into()),
    ];
    run_with(command, environment).await
}

/// Runs `testbed database`: a command with an empty database.
pub(crate) async fn with_database(command: Vec<OsString>) -> Result<ExitCode, Error> {
    let database = ScratchDatabase::start().await?;
    run_with(command, [("DATABASE_URL", database.url().into())]).await
}

/// Runs a command to completion. It ends when this process ends.
async fn run_with(
    command: Vec<OsString>,
    environment: impl IntoIterator<Item = (&'static str, OsString)>,
) -> Result<ExitCode, Error> {
    let shown = command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "--"])
        .args(command)
        .envs(environment)
        .spawn()
        .map_err(|source| Error::Io { action: format!("run {shown}"), source })?;
    let status =
        wait(child).await.map_err(|source| Error::Io { action: format!("wait for {shown}"), source })?;
    Ok(code(status))
}

/// Waits for the command to end. Ctrl-C in a terminal reaches the command directly, so SIGINT is ignored;
/// SIGTERM is forwarded.
async fn wait(mut child: Child) -> std::io::Result<ExitStatus> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
                if let Some(pid) = pid {
                    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
                }
            }
        }
    }
}

/// Returns the exit code as a shell does: 128 plus the signal number if a signal ended the command.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
