//! The health of objects as GitOps tools see it: Argo CD with a health script, Flux, and kstatus.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Error;
use crate::tools::GITOPS_HEALTH;

/// The health of one object.
#[derive(Clone, Debug, Deserialize)]
pub struct GitopsHealth {
    /// Result of the health script, which is what the tests in Argo CD's repository check.
    pub script: ScriptHealth,
    /// Health that Argo CD shows.
    pub argocd: ScriptHealth,
    /// Status in the kstatus library of the Kubernetes project.
    pub kstatus: String,
    /// Status in the kstatus library of Flux.
    pub flux: String,
}

/// A health in Argo CD.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct ScriptHealth {
    /// Status, such as `Healthy`.
    pub status: String,
    /// Message.
    pub message: String,
}

/// Returns the health of objects, in the same order. Builds the program on first use.
///
/// # Errors
/// If the program cannot be built, or the script fails for an object.
pub async fn gitops_health(script: &Path, objects: &[Value]) -> Result<Vec<GitopsHealth>, Error> {
    let program = GITOPS_HEALTH.find_or_build().await?.join("gitops-health");
    let failed = || Error::io(format!("run {}", program.display()));
    let command = Command::new(&program)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut process = command.map_err(failed())?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(Value::from(objects).to_string().as_bytes()).await.map_err(failed())?;
    }
    let output = process.wait_with_output().await.map_err(failed())?;
    Error::check("gitops-health", &output, 20)?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Unexpected(format!("gitops-health: {error}")))
}
