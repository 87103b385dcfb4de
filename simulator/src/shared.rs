//! What all requests share. Each lock is held for one short step, never over an await.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    arn::Place,
    auth::Keys,
    clock::Clock,
    error::Failure,
    faults::{Fault, Faults},
    ivs::stream,
    journal::{Call, Journal},
    state::State,
};

/// The whole of a simulator but its sockets.
pub(crate) struct Shared {
    pub clock: Clock,
    pub place: Place,
    /// With which the signatures of requests are verified, if at all.
    pub keys: Option<Keys>,
    state: Mutex<State>,
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    latency: Mutex<Duration>,
}

impl Shared {
    pub fn new(place: Place, latency: Duration, reconnect: Duration) -> Self {
        let clock = Clock::start();
        Self {
            state: Mutex::new(State::new(place.clone(), clock.clone(), reconnect)),
            clock,
            place,
            keys: None,
            journal: Mutex::default(),
            faults: Mutex::default(),
            latency: Mutex::new(latency),
        }
    }

    /// The state as it is by now, and in truth.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = locked(&self.state);
        state.look(false);
        state
    }

    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        locked(&self.journal)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub fn latency(&self) -> Duration {
        *locked(&self.latency)
    }

    pub fn set_latency(&self, latency: Duration) {
        *locked(&self.latency) = latency;
    }

    pub fn add_fault(&self, fault: Fault) -> Result<crate::faults::Rule, String> {
        fault.check()?;
        Ok(self.faults().add(fault))
    }

    pub fn calls(&self) -> Vec<Call> {
        self.journal().calls().cloned().collect()
    }

    /// Has an encoder connect to a channel, or go away.
    pub fn set_live(&self, arn: &str, live: bool) -> Result<(), Failure> {
        let mut state = self.state();
        if live { stream::start(&mut state, arn) } else { stream::end(&mut state, arn) }
    }

    pub fn is_live(&self, arn: &str) -> bool {
        self.state().broadcasts.streams.of(arn).is_some()
    }
}

/// A panic elsewhere must not take the whole simulator with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
