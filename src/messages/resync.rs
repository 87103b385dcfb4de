//! Resyncs that accounts wait for, or that fail.

use std::time::Duration;

pub(crate) const FIRST_IN_PROGRESS: &str = "it is in progress";

/// Waiting for the first resync. `why`: its state, or the error of its last try.
pub(crate) fn waits_for_first(why: &str) -> String {
    format!("Waiting for the first complete list of AWS: {why}")
}

pub(crate) fn timed_out(timeout: Duration) -> String {
    format!("The resync took longer than {} minutes.", timeout.as_secs() / 60)
}

/// `since`: the time of the latest success.
pub(crate) fn fails(since: &str, why: &str) -> String {
    format!("No resync has succeeded since {since}, so changes in AWS are not noticed: {why}")
}
