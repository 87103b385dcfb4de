//! What ends a reconcile early.

use std::time::Duration;

use super::problem::words;

/// The longest that one reconcile may take.
pub(super) const DEADLINE: Duration = Duration::from_mins(2);

/// Kubernetes did not take a write; everything else becomes a condition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kubernetes did not do what it was asked.
    #[error("Kubernetes: {}", words(.0))]
    Kube(#[from] kube::Error),
    /// It took too long: whatever hangs is found again by its journalled attempt.
    #[error("the reconcile took longer than {} s", DEADLINE.as_secs())]
    Deadline,
}
