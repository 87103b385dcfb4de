//! What all requests share. Each lock is held for one short step, never over an await.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    arn::AccountRegion,
    auth::Keys,
    clock::Clock,
    error::Failure,
    faults::{Fault, Faults, Rule},
    ivs::stream,
    journal::{self, Call, Journal},
    latency::{Latencies, Latency},
    operation::Operation,
    quotas::Rates,
    server::ConnectionLimits,
    state::State,
};

/// The whole of a simulator but its sockets.
pub(crate) struct Shared {
    pub clock: Clock,
    pub account_region: AccountRegion,
    /// With which the signatures of requests are verified, if at all.
    pub keys: Option<Keys>,
    /// How long clients may take for what they do.
    pub connection_limits: ConnectionLimits,
    /// Cancelled when the simulator ends.
    pub stop: CancellationToken,
    state: Mutex<State>,
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    latencies: Mutex<Latencies>,
    rates: Mutex<Rates>,
    touched: AtomicU64,
}

impl Shared {
    pub fn new(account_region: AccountRegion, reconnect: Duration) -> Self {
        let clock = Clock::start();
        Self {
            state: Mutex::new(State::new(account_region.clone(), clock.clone(), reconnect)),
            clock,
            account_region,
            keys: None,
            connection_limits: ConnectionLimits::default(),
            stop: CancellationToken::new(),
            journal: Mutex::new(Journal::new(journal::CAPACITY)),
            faults: Mutex::default(),
            latencies: Mutex::default(),
            rates: Mutex::default(),
            touched: AtomicU64::new(0),
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

    pub fn latencies(&self) -> MutexGuard<'_, Latencies> {
        locked(&self.latencies)
    }

    pub fn rates(&self) -> MutexGuard<'_, Rates> {
        locked(&self.rates)
    }

    pub fn set_latencies(&self, rules: Vec<Latency>) -> Result<(), String> {
        rules.iter().try_for_each(Latency::check)?;
        *self.latencies() = Latencies::new(rules);
        Ok(())
    }

    /// Turns AWS's default quotas on or off, of rates and of resources.
    pub fn set_quotas(&self, on: bool) {
        self.rates().on = on;
        self.state().limits.on = on;
    }

    /// Takes one call off the quota of its operation, or refuses it.
    pub fn admit(&self, operation: &Operation) -> Result<(), Failure> {
        let mut rates = self.rates();
        if rates.are_off() { Ok(()) } else { rates.take(operation, self.clock.now()) }
    }

    pub fn add_fault(&self, fault: Fault) -> Result<Rule, String> {
        fault.check()?;
        Ok(self.faults().add(fault))
    }

    pub fn calls(&self) -> Vec<Call> {
        self.journal().entries().map(Call::from).collect()
    }

    /// Has an encoder connect to a channel, or go away.
    pub fn set_live(&self, arn: &str, live: bool) -> Result<(), Failure> {
        self.touch();
        let mut state = self.state();
        if live { stream::start(&mut state, arn) } else { stream::end(&mut state, arn) }
    }

    pub fn is_live(&self, arn: &str) -> bool {
        self.state().broadcasts.streams.of(arn).is_some()
    }

    /// Notes that the state may have changed.
    pub fn touch(&self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    /// Another number whenever the state may have changed.
    pub fn changes(&self) -> u64 {
        self.touched.load(Ordering::Relaxed) + self.state().changes()
    }
}

/// A panic elsewhere must not take the whole simulator with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
