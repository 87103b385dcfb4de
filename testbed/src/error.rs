//! Errors of the testbed. Each message says what to do next.

use std::fmt;
use std::path::PathBuf;
use std::process::{ExitStatus, Output};
use std::time::Duration;

use crate::text;

/// An error of the testbed. `Debug` prints the same text as `Display`, with its causes, because a failed test
/// prints `Debug`.
#[derive(thiserror::Error)]
pub enum Error {
    /// A required program is not installed.
    #[error("`{program}` was not found: {advice}")]
    Missing {
        /// Name of the program.
        program: String,
        /// Command that installs it.
        advice: String,
    },
    /// A program is too old.
    #[error("{program} is too old ({found}): {advice}")]
    TooOld {
        /// Name of the program.
        program: String,
        /// Version found.
        found: String,
        /// Remedy.
        advice: String,
    },
    /// A command failed.
    #[error("{action} failed ({status}). Its output:\n{output}")]
    Failed {
        /// Purpose of the command.
        action: String,
        /// Exit status.
        status: ExitStatus,
        /// The last lines of its output.
        output: String,
    },
    /// A process ended unexpectedly.
    #[error("{name} ended ({status}) while waiting until {what}. The end of its log {log}:\n{tail}", log = log.display())]
    Ended {
        /// Name of the process.
        name: String,
        /// Exit status.
        status: ExitStatus,
        /// The condition that was waited for.
        what: String,
        /// Path of its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// A condition was not met in time.
    #[error("timed out after {waited:.0?} waiting until {what}{seen}")]
    Deadline {
        /// The condition, worded to follow "waiting until".
        what: String,
        /// Time waited.
        waited: Duration,
        /// The last observation, and for a process the end of its log.
        seen: String,
    },
    /// An operation on a file or a pipe failed.
    #[error("cannot {action}")]
    Io {
        /// The operation, with the path.
        action: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A Kubernetes API request failed.
    #[error("cannot {action}")]
    Kube {
        /// The operation.
        action: String,
        /// The cause.
        source: Box<kube::Error>,
    },
    /// A PostgreSQL statement failed.
    #[error("cannot {action}")]
    Sql {
        /// The operation.
        action: String,
        /// The cause.
        source: sqlx::Error,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// Converts an error of the API server, with the operation that failed.
    pub fn kube(action: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let action = action.into();
        move |source| Self::Kube { action, source: Box::new(source) }
    }

    pub(crate) fn sql(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let action = action.into();
        move |source| Self::Sql { action, source }
    }

    /// Checks that the command that ended with `output` succeeded. The error has the last `lines` of what it
    /// wrote to standard error.
    pub(crate) fn check(action: impl Into<String>, output: &Output, lines: usize) -> Result<(), Self> {
        if output.status.success() {
            return Ok(());
        }
        let (action, status) = (action.into(), output.status);
        let output = text::tail(&String::from_utf8_lossy(&output.stderr), lines);
        Err(Self::Failed { action, status, output })
    }

    pub(crate) fn not_ours(what: &str) -> Self {
        Self::Unexpected(format!("{what} belongs to another process and cannot be controlled from here"))
    }

    pub(crate) fn missing(program: &str, advice: &str) -> Self {
        Self::Missing { program: program.into(), advice: advice.into() }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
