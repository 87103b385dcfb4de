//! What can go wrong, said so that a reader knows what to do next.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// A failure of the testbed. `Debug` prints the same sentences as `Display` with the causes below, because that is
/// what a failed test shows.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program that we cannot bring along.
    #[error("`{program}` was not found: {advice}")]
    Missing {
        /// What was looked for.
        program: String,
        /// What to type.
        advice: String,
    },
    /// A program that is there but too old.
    #[error("{program} is too old ({found}): {advice}")]
    TooOld {
        /// What was looked at.
        program: String,
        /// What it says of itself.
        found: String,
        /// What to do.
        advice: String,
    },
    /// A command that ran to its end and failed.
    #[error("{action} failed ({status}). It said:\n{output}")]
    Failed {
        /// What the command was to do.
        action: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// A process that should run and does not.
    #[error("{name} ended ({status}) while we waited until {what}. The end of its log {log}:\n{tail}", log = log.display())]
    Ended {
        /// Which process.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// What it was to become.
        what: String,
        /// Where all of it can be read.
        log: PathBuf,
        /// The last lines.
        tail: String,
    },
    /// A condition that did not come true in time.
    #[error("waited {waited:.0?} in vain until {what}{seen}")]
    Deadline {
        /// The condition, as the end of "waited until …".
        what: String,
        /// How long.
        waited: Duration,
        /// What was seen last (and of a process, the end of its log).
        seen: String,
    },
    /// A file or a pipe.
    #[error("cannot {action}")]
    Io {
        /// What was tried, with the path.
        action: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The Kubernetes API.
    #[error("cannot {action}")]
    Kube {
        /// What was tried.
        action: String,
        /// Why not.
        source: Box<kube::Error>,
    },
    /// PostgreSQL.
    #[error("cannot {action}")]
    Sql {
        /// What was tried.
        action: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// Something that was read and is not what it should be.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    pub(crate) fn kube(action: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let action = action.into();
        move |source| Self::Kube { action, source: Box::new(source) }
    }

    pub(crate) fn sql(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let action = action.into();
        move |source| Self::Sql { action, source }
    }

    pub(crate) fn not_ours(what: &str) -> Self {
        Self::Unexpected(format!("{what} was started by somebody else, and is not ours to end"))
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
