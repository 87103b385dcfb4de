//! Logs and metrics.

mod controller;
mod registration;

use std::{fmt, sync::Arc};

use prometheus_client::{encoding::text::encode, registry::Registry};
use tracing_subscriber::EnvFilter;

pub use self::{
    controller::Metrics,
    registration::{GaugeGuard, HashMetrics, RegistrationMetrics, TimerGuard},
};

use crate::config::LogFormat;

/// Filter that silences the log of failed calls in kube, which has whole responses in it, with the Secrets in
/// them. The code that handles a failure logs what it means.
const KUBE_CLIENT_OFF: &str = "kube_client::client=error,kube_client::client::builder=off";

/// Starts logging to standard error.
///
/// # Errors
/// Returns one line if the filter is invalid.
pub fn start_logging(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = format!("{filter},{KUBE_CLIENT_OFF}");
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| format!("--log-level {filter:?} is not a valid filter: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}

/// The metrics of a process, as the admin server exposes them.
#[derive(Clone)]
pub struct Exposition(Arc<Registry>);

impl Exposition {
    /// Returns all metrics in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exposition").finish_non_exhaustive()
    }
}
