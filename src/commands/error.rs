//! The failure of a command.

use crate::{ivs, store};

/// The failure of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting or an input is missing or invalid.
    #[error("{0}")]
    Input(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The API server failed.
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] ivs::Error),
    /// YAML could not be written.
    #[error(transparent)]
    Yaml(#[from] serde_yaml::Error),
    /// Standard input or output failed.
    #[error("standard input or output: {0}")]
    Io(#[from] std::io::Error),
    /// Some of the items failed. Each was reported.
    #[error("{0}")]
    Incomplete(String),
}
