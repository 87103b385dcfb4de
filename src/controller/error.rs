//! Errors that end a reconcile early.

use std::time::Duration;

use super::kubernetes::api_message;
use crate::messages;

/// Maximum duration of one reconcile, without its waits for call budgets unless it is a cleanup.
pub(super) const RECONCILE_TIMEOUT: Duration = Duration::from_mins(2);

/// Maximum duration of one reconcile. What it knows of the account, and whether the brake is engaged, is as
/// old.
pub(super) const MAX_RECONCILE_TIME: Duration = Duration::from_mins(5);

/// An error that ends a reconcile early. Everything else becomes a condition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to the Kubernetes API failed.
    #[error("{}", messages::account::kubernetes_failed(&api_message(.0)))]
    Kubernetes(#[from] kube::Error),
    /// The reconcile took too long. A Create that hangs is found again by its journaled attempt.
    #[error(
        "the reconcile took longer than {} s, or than {} s with its waits for call budgets",
        RECONCILE_TIMEOUT.as_secs(),
        MAX_RECONCILE_TIME.as_secs()
    )]
    TimedOut,
}
