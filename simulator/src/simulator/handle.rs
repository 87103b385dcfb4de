//! The handle of a running simulator.

use std::{fmt, net::SocketAddr, sync::Arc, thread::JoinHandle};

use serde_json::Value;

use crate::{api_error::ApiError, faults::Fault, journal::Call, lifecycle, shared::Shared, state::Counts};

/// A running simulator. It stops when it is dropped.
pub struct Simulator {
    pub(super) address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    pub(super) thread: Option<JoinHandle<()>>,
}

#[expect(clippy::must_use_candidate, reason = "many callers need only the effect")]
impl Simulator {
    /// Returns the base URL, such as for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address on which the simulator listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns all AWS calls since the start or the last `clear_calls`, in the order of arrival, including
    /// those in progress.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls()
    }

    /// Clears the journal.
    pub fn clear_calls(&self) {
        self.shared.journal().clear();
    }

    /// Returns the whole state, as `GET /_simulator/state` does.
    #[must_use]
    pub fn state(&self) -> Value {
        self.shared.state().dump()
    }

    /// Returns the number of resources of each kind.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.state().counts()
    }

    /// Connects an encoder to a channel, with the channel's stream key. Returns false if the channel does not
    /// exist.
    pub fn set_live(&self, arn: &str) -> bool {
        self.shared.set_live(arn, true).is_ok()
    }

    /// Disconnects the encoder for good. Returns false if the channel does not exist.
    pub fn end_live(&self, arn: &str) -> bool {
        self.shared.set_live(arn, false).is_ok()
    }

    /// Returns true if the channel is live.
    #[must_use]
    pub fn is_live(&self, arn: &str) -> bool {
        self.shared.is_live(arn)
    }

    /// Adds a fault.
    ///
    /// # Panics
    /// Panics if the fault is invalid, such as one for an unknown operation or with a status that is not an
    /// error.
    pub fn fault(&self, fault: Fault) {
        if let Err(message) = self.shared.add_fault(fault) {
            panic!("invalid fault: {message}");
        }
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Removes a resource without a call in the journal, as if somebody had used the console. This works even
    /// if the resource is live or in use. Returns true if it existed.
    pub fn remove(&self, arn: &str) -> bool {
        lifecycle::remove(&mut self.shared.state(), arn)
    }

    /// Sets a tag of a resource without a call in the journal, as if somebody had used the console. Returns
    /// true if the resource exists.
    pub fn set_tag(&self, arn: &str, key: &str, value: &str) -> bool {
        let mut state = self.shared.state();
        let tags: Result<_, ApiError> = state.tags_mut(arn);
        tags.map(|tags| tags.insert(key.to_owned(), value.to_owned())).is_ok()
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Simulator").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        // The thread ends soon, because calls in progress have little time to finish. A panic in it has been
        // reported.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
