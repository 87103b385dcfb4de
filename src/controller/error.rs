//! Errors that end a reconcile early.

use std::time::Duration;

use super::kubernetes::api_message;
use crate::messages;

/// Maximum duration of one reconcile.
pub(super) const RECONCILE_TIMEOUT: Duration = Duration::from_mins(2);

/// An error that ends a reconcile early. Everything else becomes a condition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to the Kubernetes API failed.
    #[error("{}", messages::account::kubernetes_failed(&api_message(.0)))]
    Kubernetes(#[from] kube::Error),
    /// The reconcile took too long. A Create that hangs is found again by its journaled attempt.
    #[error("the reconcile took longer than {} s", RECONCILE_TIMEOUT.as_secs())]
    TimedOut,
}
