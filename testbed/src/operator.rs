//! Processes of the operator, run with the tokens of its chart's service accounts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::{Launch, Process, StopSignal};
use crate::process_figures::{self, ProcessFigures};
use crate::{Error, http, text};

const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Longer than the operator's own shutdown limit of 20 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A component of the operator.
#[derive(Clone, Copy)]
pub(crate) enum Component {
    Controller,
    Registration,
}

impl Component {
    /// Returns the subcommand, which is also the value of the component's label in the chart.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Registration => "registration",
        }
    }
}

/// Builder of an operator process.
pub struct OperatorBuilder {
    component: Component,
    program: PathBuf,
    log: PathBuf,
    env: BTreeMap<String, String>,
    cores: Option<String>,
}

impl OperatorBuilder {
    pub(crate) fn new(
        component: Component,
        program: PathBuf,
        log: PathBuf,
        env: BTreeMap<String, String>,
    ) -> Self {
        Self { component, program, log, env, cores: None }
    }

    /// Sets an environment variable, replacing one that the testbed sets.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Pins the process to these cores, in the syntax of `taskset`.
    #[must_use]
    pub fn pin_to_cores(mut self, cores: impl Into<String>) -> Self {
        self.cores = Some(cores.into());
        self
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start; the message quotes its log.
    pub async fn start(self) -> Operator {
        self.try_start().await.unwrap_or_else(|error| panic!("the operator did not start: {error:?}"))
    }

    /// Starts the process and waits until it listens, ready or not.
    ///
    /// # Panics
    /// If it does not start; the message quotes its log.
    pub async fn start_unready(self) -> Operator {
        self.try_start_unready().await.unwrap_or_else(|error| panic!("the operator did not start: {error:?}"))
    }

    /// Starts the process, as [`OperatorBuilder::start`] does.
    ///
    /// # Errors
    /// If it does not start; the message quotes its log.
    pub async fn try_start(self) -> Result<Operator, Error> {
        let mut operator = self.try_start_unready().await?;
        operator.ready(START_TIMEOUT).await?;
        Ok(operator)
    }

    /// Starts the process, as [`OperatorBuilder::start_unready`] does.
    ///
    /// # Errors
    /// If it does not start; the message quotes its log.
    pub async fn try_start_unready(self) -> Result<Operator, Error> {
        let mut process = self.launch(&[self.component.name()]).start()?;
        let admin = address(&mut process, "admin server listening").await?;
        let pages = match self.component {
            Component::Controller => None,
            Component::Registration => Some(address(&mut process, "registration server listening").await?),
        };
        Ok(Operator { process, admin, pages })
    }

    /// Runs another command with these arguments and the same environment variables. Returns its exit status
    /// and its output.
    ///
    /// # Errors
    /// If it cannot be started, or does not end.
    pub async fn run(self, arguments: &[&str]) -> Result<(ExitStatus, String), Error> {
        let mut process = self.launch(arguments).start()?;
        let status = process.wait_for_exit(START_TIMEOUT).await?;
        Ok((status, process.log()))
    }

    fn launch(&self, arguments: &[&str]) -> Launch {
        let name = format!("streamcat-operator {}", arguments.join(" "));
        let launch = match &self.cores {
            Some(cores) => Launch::new(name, "taskset", self.log.clone(), StopSignal::Kill)
                .args(["--cpu-list", cores])
                .args([&self.program]),
            None => Launch::new(name, &self.program, self.log.clone(), StopSignal::Kill),
        };
        launch
            .args(arguments)
            .clean_env()
            .envs(&self.env)
            .current_dir(self.log.parent().unwrap_or(Path::new("/")))
    }
}

/// A running operator process, killed on drop.
pub struct Operator {
    process: Process,
    admin: String,
    pages: Option<String>,
}

impl Operator {
    /// Base URL of /healthz, /readyz, and /metrics, without a trailing slash.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin
    }

    /// Base URL of the registration page; for a controller, the same as [`Operator::admin_url`].
    #[must_use]
    pub fn url(&self) -> &str {
        self.pages.as_deref().unwrap_or(&self.admin)
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Path of its log.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// Its process ID.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Returns its memory and its CPU time.
    ///
    /// # Errors
    /// If /proc cannot be read.
    pub fn figures(&self) -> Result<ProcessFigures, Error> {
        ProcessFigures::read(self.pid())
    }

    /// Sets the peak of its memory back to its current memory.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn reset_peak_memory(&self) -> Result<(), Error> {
        process_figures::reset_peak_memory(self.pid())
    }

    /// Waits until /readyz returns 200.
    ///
    /// # Errors
    /// If the deadline passes; the message quotes the last response.
    pub async fn ready(&mut self, deadline: Duration) -> Result<(), Error> {
        let url = format!("{}/readyz", self.admin);
        self.process
            .until("the operator is ready", deadline, || async {
                let response = http::get(&url).await.map_err(|e| format!("{e:?}"))?;
                if response.status.is_success() {
                    Ok(())
                } else {
                    Err(format!("{}: {}", response.status, response.body))
                }
            })
            .await
    }

    /// Sends SIGTERM, as Kubernetes does to stop a pod.
    pub fn request_stop(&mut self) {
        self.process.signal(Signal::TERM);
    }

    /// Sends SIGINT, as Ctrl-C in a terminal does.
    pub fn interrupt(&mut self) {
        self.process.signal(Signal::INT);
    }

    /// Waits until the process ends.
    ///
    /// # Panics
    /// If it does not end within 30 s; the message quotes its log.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let exit = self.process.wait_for_exit(STOP_TIMEOUT).await;
        exit.unwrap_or_else(|error| panic!("the operator did not end: {error:?}"))
    }

    /// Sends SIGTERM and waits until the process ends.
    ///
    /// # Panics
    /// If it does not end within 30 s; the message quotes its log.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.try_terminate().await.unwrap_or_else(|error| panic!("the operator did not end: {error:?}"))
    }

    /// Terminates the process, as [`Operator::terminate`] does.
    ///
    /// # Errors
    /// If it does not end within 30 s; the message quotes its log.
    pub async fn try_terminate(&mut self) -> Result<ExitStatus, Error> {
        self.request_stop();
        self.process.wait_for_exit(STOP_TIMEOUT).await
    }

    /// Sends SIGKILL, which acts as a crash, and waits until the process ends.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        let gone = self.process.wait_for_exit(STOP_TIMEOUT).await;
        assert!(gone.is_ok(), "the operator survived SIGKILL: {gone:?}");
    }

    /// Returns its exit status, or None while it runs.
    ///
    /// # Errors
    /// If the system cannot tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.process.try_wait()
    }
}

impl Drop for Operator {
    /// Prints the end of the log if a test fails, because the directory with the log is removed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of process {}:\n{}", self.pid(), text::tail(&self.log(), 60));
        }
    }
}

/// Waits for the log line with this message and returns the URL of its address.
async fn address(process: &mut Process, message: &str) -> Result<String, Error> {
    let log = process.log_path().to_owned();
    let what = format!("it logged {message:?}");
    process
        .until(what, START_TIMEOUT, || async {
            logged_address(&std::fs::read_to_string(&log).ok()?, message)
        })
        .await
        .map(|address| format!("http://{address}"))
}

fn logged_address(log: &str, message: &str) -> Option<String> {
    log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).find_map(|line| {
        let fields = &line["fields"];
        (fields["message"] == message).then(|| fields["address"].as_str().map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_between_other_lines() {
        let log = r#"a panic message
{"level":"INFO","fields":{"message":"starting"}}
{"level":"INFO","fields":{"message":"admin server listening","address":"127.0.0.1:43567"}}"#;
        assert_eq!(logged_address(log, "admin server listening").as_deref(), Some("127.0.0.1:43567"));
        assert_eq!(logged_address(log, "registration server listening"), None);
    }
}
