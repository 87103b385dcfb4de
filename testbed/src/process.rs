//! Child processes that do not outlive this process.
//!
//! Each is started through util-linux's `setpriv --pdeathsig`, so that the kernel signals it when this
//! process dies for any reason. The kernel watches the *thread* that started the child, so one long-lived
//! thread starts all of them.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::future::Future;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{self, Probe, WaitError};
use crate::{Error, text};

/// Maximum time that a process may take to end before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const TAIL_LINES: usize = 25;

type SpawnResult = std::io::Result<Child>;
type SpawnRequest = (Command, mpsc::Sender<SpawnResult>);

/// Returns the path of a program in PATH.
pub(crate) fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|candidate| candidate.is_file())
}

/// Signal that stops a process, both on drop and when this process dies.
#[derive(Clone, Copy)]
pub(crate) enum StopSignal {
    /// SIGKILL.
    Kill,
    /// SIGINT, on which Go programs remove their temporary files.
    Interrupt,
    /// SIGQUIT: PostgreSQL's immediate shutdown, which also stops its child processes.
    Quit,
}

impl StopSignal {
    fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Interrupt => Signal::INT,
            Self::Quit => Signal::QUIT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
        }
    }
}

/// Builder of a process.
pub(crate) struct Launch {
    name: String,
    command: Command,
    log: PathBuf,
    end: StopSignal,
}

impl Launch {
    /// Prepares `program`, which `end` stops, with its output in the file `log`.
    pub(crate) fn new(
        name: impl Into<String>,
        program: impl AsRef<OsStr>,
        log: PathBuf,
        end: StopSignal,
    ) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", end.name(), "--"]).arg(program);
        Self { name: name.into(), command, log, end }
    }

    /// Prepares a program that runs as another user. A change of user clears the death signal, so it is set
    /// afterwards.
    pub(crate) fn new_as(user: &str, name: &str, program: &Path, log: PathBuf, end: StopSignal) -> Self {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".into()]);
        command.args(["--", "setpriv", "--pdeathsig", end.name(), "--"]).arg(program);
        Self { name: name.into(), command, log, end }
    }

    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        envs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.command.envs(envs);
        self
    }

    /// Clears the environment: the process sees only the variables that [`Launch::envs`] adds afterwards.
    pub(crate) fn clean_env(mut self) -> Self {
        self.command.env_clear();
        self
    }

    pub(crate) fn current_dir(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    pub(crate) fn start(mut self) -> Result<Process, Error> {
        let action = || format!("open the log {}", self.log.display());
        let out = File::create(&self.log).map_err(Error::io(action()))?;
        let err = out.try_clone().map_err(Error::io(action()))?;
        // Its own process group: Ctrl-C in a terminal reaches only this process, which stops the others in
        // order.
        self.command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let child = spawn(self.command).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::missing(
                "setpriv",
                "it is part of util-linux 2.33 or newer (apt-get install util-linux)",
            ),
            _ => Error::Io { action: format!("start {}", self.name), source },
        })?;
        Ok(Process { name: self.name, child, log: self.log, end: self.end })
    }
}

/// A running process, stopped on drop.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    end: StopSignal,
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its output so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub(crate) fn log_path(&self) -> &Path {
        &self.log
    }

    /// Waits for a condition, and fails early if the process ends.
    pub(crate) async fn until<L: Probe, F: Future<Output = L>>(
        &mut self,
        what: impl Display,
        deadline: Duration,
        probe: impl FnMut() -> F,
    ) -> Result<L::Value, Error> {
        let what = what.to_string();
        let waiting = wait::until_or_ended(deadline, probe, || self.child.try_wait().ok().flatten());
        waiting.await.map_err(|lost| match lost {
            WaitError::Ended(status) => Error::Ended {
                name: self.name.clone(),
                status,
                what,
                log: self.log.clone(),
                tail: self.tail(),
            },
            WaitError::TimedOut(seen) => {
                let seen = format!("{seen}. The end of the log of {}:\n{}", self.name, self.tail());
                Error::Deadline { what, waited: deadline, seen }
            }
        })
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn wait_for_exit(&mut self, deadline: Duration) -> Result<ExitStatus, Error> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > deadline {
                let seen = format!(". The end of its log:\n{}", self.tail());
                return Err(Error::Deadline { what: format!("{} ended", self.name), waited: deadline, seen });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    pub(crate) fn try_wait(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child.try_wait().map_err(Error::io(format!("get the status of {}", self.name)))
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        // After the process is reaped, its PID may belong to another process.
        if let Ok(None) = self.child.try_wait() {
            signal_pid(self.child.id(), signal);
        }
    }

    /// Returns the last lines of its log.
    pub(crate) fn tail(&self) -> String {
        text::tail(&self.log(), TAIL_LINES)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.end.signal());
        let start = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if start.elapsed() > STOP_TIMEOUT {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// Sends a signal to a child process.
pub(crate) fn signal_pid(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It fails only if the process has already ended.
        let _ = kill_process(pid, signal);
    }
}

fn spawn(command: Command) -> std::io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<SpawnRequest>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (requests, inbox) = mpsc::channel::<SpawnRequest>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                let _ = answer.send(command.spawn());
            }
        });
        requests
    });
    let (answer, outcome) = mpsc::channel();
    let gone = || std::io::Error::other("the thread that starts processes has ended");
    spawner.send((command, answer)).map_err(|_| gone())?;
    outcome.recv().map_err(|_| gone())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;

    fn shell(folder: &Path, script: &str) -> Process {
        let launch = Launch::new("a shell", "sh", folder.join("log"), StopSignal::Kill);
        launch.args(["-c", script]).start().unwrap()
    }

    #[tokio::test]
    async fn an_early_exit_quotes_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell(folder.path(), "echo the port is taken; exit 3");
        let error = process.until("it is up", Duration::from_secs(20), || async { false }).await.unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("a shell ended (exit status: 3) while waiting until it is up."),
            "{message}"
        );
        assert!(message.ends_with("    the port is taken"), "{message}");
    }

    #[test]
    fn a_process_ends_on_drop() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell(folder.path(), "exec sleep 600");
        let here = PathBuf::from(format!("/proc/{}", process.pid()));
        assert!(here.exists());
        drop(process);
        assert!(!here.exists());
    }
}
