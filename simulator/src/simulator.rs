//! The simulator in a program: started, looked into, led astray, and ended when it is dropped.

mod builder;
mod limits;
mod options;
mod settings;
mod streams;

use std::{fmt, net::SocketAddr, sync::Arc, thread::JoinHandle};

use serde_json::Value;

pub use self::builder::Builder;
use crate::{error::Failure, faults::Fault, journal::Call, shared::Shared, state::Counts};

/// A running simulator. Dropping it ends it.
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[expect(clippy::must_use_candidate, reason = "several are called for their effect, whatever they say of it")]
impl Simulator {
    /// Begins to describe a simulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its base URL, for `AWS_ENDPOINT_URL` and the like.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// All AWS calls since the start or the last `clear_calls`, in the order of their request, also those under way.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls()
    }

    /// Forgets the calls.
    pub fn clear_calls(&self) {
        self.shared.journal().clear();
    }

    /// All that exists, as `GET /_simulator/state` tells it.
    #[must_use]
    pub fn state(&self) -> Value {
        self.shared.state().dump()
    }

    /// How many resources of each kind exist.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.state().counts()
    }

    /// Has an encoder connect to a channel with its stream key. Says whether there is such a channel.
    pub fn set_live(&self, arn: &str) -> bool {
        self.shared.set_live(arn, true).is_ok()
    }

    /// Has the encoder go away for good. Says whether there is such a channel.
    pub fn end_live(&self, arn: &str) -> bool {
        self.shared.set_live(arn, false).is_ok()
    }

    /// Whether a channel is live.
    #[must_use]
    pub fn is_live(&self, arn: &str) -> bool {
        self.shared.is_live(arn)
    }

    /// Puts a fault in force.
    ///
    /// # Panics
    /// When the rule makes no sense: an operation that is none, no times, a status that is not an error's.
    pub fn fault(&self, fault: Fault) {
        if let Err(message) = self.shared.add_fault(fault) {
            panic!("not a fault: {message}");
        }
    }

    /// Lifts all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Removes a resource, live or not, as a person would in the console: no call is journalled. Says whether it existed.
    pub fn remove(&self, arn: &str) -> bool {
        self.shared.state().remove(arn)
    }

    /// Sets a tag of a resource, as a person would in the console: no call is journalled. Says whether it exists.
    pub fn set_tag(&self, arn: &str, key: &str, value: &str) -> bool {
        let mut state = self.shared.state();
        let tags: Result<_, Failure> = state.tags_mut(arn);
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
        // The thread ends soon: calls under way may finish, but have not long for it. A panic in it has been reported already.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
