//! What all requests share. Each lock is held for one short step, never over an await.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    arn::Place,
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
    state: Mutex<State>,
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    latency: Mutex<Duration>,
}

impl Shared {
    pub fn new(place: Place, latency: Duration, reconnect: Duration) -> Self {
        let clock = Clock::start();
        Self {
            clock,
            state: Mutex::new(State::new(place.clone(), clock, reconnect)),
            place,
            journal: Mutex::default(),
            faults: Mutex::default(),
            latency: Mutex::new(latency),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
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
        let mut state = self.state();
        stream::settle(&mut state, arn);
        state.channel(arn).is_ok_and(crate::ivs::channel::Channel::is_live)
    }
}

/// A panic elsewhere must not take the whole simulator with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
