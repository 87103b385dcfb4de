//! Logs and metrics.

mod controller;
mod registration;

use std::{fmt, sync::Arc};

use prometheus_client::{encoding::text::encode, registry::Registry};
use tracing_subscriber::EnvFilter;

pub use self::{
    controller::Metrics,
    registration::{HashMetrics, Held, RegistrationMetrics, Timed},
};

use crate::config::LogFormat;

/// kube logs every failed call; we say once what each failure means, where it is handled.
const SAID_ELSEWHERE: &str = "kube_client::client::builder=off";

/// Starts logging to standard error.
///
/// # Errors
/// What is wrong with the filter, in one line.
pub fn start_logging(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = format!("{filter},{SAID_ELSEWHERE}");
    let filter = EnvFilter::try_new(&filter).map_err(|error| format!("--log {filter:?}: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}

/// The metrics of a process, for its admin port.
#[derive(Clone)]
pub struct Exposition(Arc<Registry>);

impl Exposition {
    /// All of them in OpenMetrics' text form.
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
