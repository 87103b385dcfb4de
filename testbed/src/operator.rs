//! The operator's own processes, started as the service accounts of its chart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::{Launch, Process, StopSignal};
use crate::{Error, http, text};

const START_TIMEOUT: Duration = Duration::from_mins(1);
/// The operator promises to be gone within 20 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A component of the operator.
#[derive(Clone, Copy)]
pub(crate) enum Component {
    Controller,
    Registration,
}

impl Component {
    /// The subcommand, which is also the component's label in the chart.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Registration => "registration",
        }
    }
}

/// An operator process to be started.
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

    /// Sets a variable of its environment, or replaces one that the testbed sets.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Takes away a variable of its environment.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Keeps it to these cores, as `taskset` names them.
    #[must_use]
    pub fn pin_to_cores(mut self, cores: impl Into<String>) -> Self {
        self.cores = Some(cores.into());
        self
    }

    /// Starts it and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not come up; the message quotes its log.
    pub async fn start(self) -> Operator {
        self.try_start().await.unwrap_or_else(|error| panic!("the operator did not start: {error:?}"))
    }

    /// Starts it and waits until it listens, ready or not.
    ///
    /// # Panics
    /// When it does not come up; the message quotes its log.
    pub async fn start_unready(self) -> Operator {
        self.try_start_unready().await.unwrap_or_else(|error| panic!("the operator did not start: {error:?}"))
    }

    /// As [`OperatorBuilder::start`].
    ///
    /// # Errors
    /// When it does not come up; the message quotes its log.
    pub async fn try_start(self) -> Result<Operator, Error> {
        let mut operator = self.try_start_unready().await?;
        operator.ready(START_TIMEOUT).await?;
        Ok(operator)
    }

    /// As [`OperatorBuilder::start_unready`].
    ///
    /// # Errors
    /// When it does not come up; the message quotes its log.
    pub async fn try_start_unready(self) -> Result<Operator, Error> {
        let mut process = self.launch(self.component.name()).start()?;
        let admin = address(&mut process, "admin server listening").await?;
        let pages = match self.component {
            Component::Controller => None,
            Component::Registration => Some(address(&mut process, "registration server listening").await?),
        };
        Ok(Operator { process, admin, pages })
    }

    /// Runs another subcommand in the same environment to its end, and gives its status and all it printed.
    ///
    /// # Errors
    /// When it cannot be started, or does not end.
    pub async fn run(self, subcommand: &str) -> Result<(ExitStatus, String), Error> {
        let mut process = self.launch(subcommand).start()?;
        let status = process.wait_for_exit(START_TIMEOUT).await?;
        Ok((status, process.log()))
    }

    fn launch(&self, subcommand: &str) -> Launch {
        let name = format!("streamcat-operator {subcommand}");
        let launch = match &self.cores {
            Some(cores) => Launch::new(name, "taskset", self.log.clone(), StopSignal::Kill)
                .args(["--cpu-list", cores])
                .args([&self.program]),
            None => Launch::new(name, &self.program, self.log.clone(), StopSignal::Kill),
        };
        launch
            .args([subcommand])
            .clean_env()
            .envs(&self.env)
            .current_dir(self.log.parent().unwrap_or(Path::new("/")))
    }
}

/// A running operator process. It is killed on drop.
pub struct Operator {
    process: Process,
    admin: String,
    pages: Option<String>,
}

impl Operator {
    /// Where /healthz, /readyz and /metrics are, without a slash at the end.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin
    }

    /// Where the pages of the registration are; of the controller, the same as [`Operator::admin_url`].
    #[must_use]
    pub fn url(&self) -> &str {
        self.pages.as_deref().unwrap_or(&self.admin)
    }

    /// All it has logged until now.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The file of its log.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The most memory that it has had at any time, in bytes.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn peak_memory(&self) -> Result<u64, Error> {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let kib: Option<u64> = line.and_then(|kib| kib.parse().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| Error::Unexpected(format!("{path} has no VmHWM")))
    }

    /// Waits until /readyz answers 200.
    ///
    /// # Errors
    /// When it does not in time; the message says what it answered.
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

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not end within half a minute; the message quotes its log.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.try_terminate().await.unwrap_or_else(|error| panic!("the operator did not end: {error:?}"))
    }

    /// As [`Operator::terminate`].
    ///
    /// # Errors
    /// When it does not end within half a minute; the message quotes its log.
    pub async fn try_terminate(&mut self) -> Result<ExitStatus, Error> {
        self.process.signal(Signal::TERM);
        self.process.wait_for_exit(STOP_TIMEOUT).await
    }

    /// Kills it (SIGKILL), as a crash does, and waits until it is gone.
    ///
    /// # Panics
    /// When even that does not end it.
    pub async fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        let gone = self.process.wait_for_exit(STOP_TIMEOUT).await;
        assert!(gone.is_ok(), "the operator survived SIGKILL: {gone:?}");
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.process.try_wait()
    }
}

impl Drop for Operator {
    /// The folder with the log goes; a test that fails shows its end.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of process {}:\n{}", self.pid(), text::tail(&self.log(), 60));
        }
    }
}

/// Waits for the log line with this message and gives the URL of its address.
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
