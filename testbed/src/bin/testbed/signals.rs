//! Shutdown signals.

use std::process::ExitCode;

use testbed::Error;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT or SIGTERM, and returns the exit code that a shell uses for the signal.
pub(crate) async fn wait_for_shutdown() -> Result<ExitCode, Error> {
    let listen =
        |kind| signal(kind).map_err(|source| Error::Io { action: "listen for signals".into(), source });
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}
