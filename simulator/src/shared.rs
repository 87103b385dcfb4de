//! The data that all requests share. Each lock is held only briefly, never across an await.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    api_error::ApiError,
    arn::AccountRegion,
    auth::Credentials,
    clock::Clock,
    faults::{Fault, FaultRule, Faults},
    ivs::encoder,
    journal::{self, Call, Journal},
    latency::{Latencies, Latency},
    lifecycle,
    operation::Operation,
    rates::Rates,
    state::State,
};

/// Everything in a simulator except its sockets.
pub(crate) struct Shared {
    pub clock: Clock,
    pub account_region: AccountRegion,
    /// The credentials that signatures are verified with. Without them, signatures are not verified.
    pub credentials: Option<Credentials>,
    /// Cancelled when the simulator stops.
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
            credentials: None,
            stop: CancellationToken::new(),
            journal: Mutex::new(Journal::new(journal::DEFAULT_CAPACITY)),
            faults: Mutex::default(),
            latencies: Mutex::default(),
            rates: Mutex::default(),
            touched: AtomicU64::new(0),
        }
    }

    /// Returns the current state. Fires the timers that are due first.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state_with_view(false)
    }

    /// Returns the state for a read operation, which sees the delayed view.
    pub fn delayed_state(&self) -> MutexGuard<'_, State> {
        self.state_with_view(true)
    }

    fn state_with_view(&self, delayed: bool) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        lifecycle::run_due(&mut state);
        state.set_view(delayed);
        state
    }

    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub fn latencies(&self) -> MutexGuard<'_, Latencies> {
        lock(&self.latencies)
    }

    pub fn rates(&self) -> MutexGuard<'_, Rates> {
        lock(&self.rates)
    }

    pub fn set_latencies(&self, rules: Vec<Latency>) -> Result<(), String> {
        rules.iter().try_for_each(Latency::check)?;
        *self.latencies() = Latencies::new(rules);
        Ok(())
    }

    /// Enables or disables AWS's default rate limits and resource limits.
    pub fn set_quotas(&self, enabled: bool) {
        self.rates().enabled = enabled;
        self.state().limits.enabled = enabled;
    }

    /// Takes a token from the operation's rate limit, or rejects the call.
    pub fn check_rate(&self, operation: &Operation) -> Result<(), ApiError> {
        let mut rates = self.rates();
        if rates.are_disabled() { Ok(()) } else { rates.take(operation, self.clock.now()) }
    }

    pub fn add_fault(&self, fault: Fault) -> Result<FaultRule, String> {
        fault.check()?;
        Ok(self.faults().add(fault))
    }

    pub fn calls(&self) -> Vec<Call> {
        self.journal().entries().map(Call::from).collect()
    }

    /// Connects an encoder to a channel, or disconnects it.
    pub fn set_live(&self, arn: &str, live: bool) -> Result<(), ApiError> {
        self.touch();
        let mut state = self.state();
        if live { encoder::connect(&mut state, arn) } else { encoder::disconnect(&mut state, arn) }
    }

    pub fn is_live(&self, arn: &str) -> bool {
        self.state().broadcasts.streams.of(arn).is_some()
    }

    /// Records that the state may have changed.
    pub fn touch(&self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns a number that increases whenever the state may have changed.
    pub fn changes(&self) -> u64 {
        self.touched.load(Ordering::Relaxed) + self.state().changes()
    }
}

/// Locks a mutex. Ignores poisoning, so that a panic in one request does not break the whole simulator.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
