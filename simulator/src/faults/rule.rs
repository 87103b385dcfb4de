//! The faults in force, and the choice of the fault for each call.

use std::collections::VecDeque;

use serde::Serialize;

use super::{fault::Fault, kind::FaultKind};

/// A fault in force, with its counters.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultRule {
    id: u64,
    /// The number of matching calls so far.
    matches: u64,
    /// The number of calls that have failed so far.
    hits: u32,
    #[serde(flatten)]
    fault: Fault,
    #[serde(skip)]
    random: SplitMix64,
}

impl FaultRule {
    fn new(id: u64, mut fault: Fault) -> Self {
        // Stored in the fault, so that it is shown to the user, who can reproduce the sequence.
        let seed = fault.seed.unwrap_or_else(rand::random);
        fault.seed = fault.probability.map(|_| seed);
        Self { id, matches: 0, hits: 0, fault, random: SplitMix64(seed) }
    }

    /// Counts a matching call, and returns true if it fails.
    fn triggers(&mut self) -> bool {
        self.matches += 1;
        let fault = &self.fault;
        let triggers = match (fault.nth, fault.every, fault.probability) {
            (Some(nth), _, _) => self.matches >= nth,
            (_, Some(every), _) => self.matches.is_multiple_of(every),
            (_, _, Some(probability)) => self.random.next() < probability,
            _ => true,
        };
        self.hits += u32::from(triggers);
        triggers
    }

    fn is_used_up(&self) -> bool {
        let endless = self.fault.every.is_some() || self.fault.probability.is_some();
        let times = self.fault.times.or(if endless { None } else { Some(1) });
        times.is_some_and(|times| self.hits >= times)
    }
}

/// A pseudo-random generator whose sequence never changes for a seed, not even in later versions.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    /// Returns a number from 0 (inclusive) to 1 (exclusive).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
        f64::from(bits) / 4_294_967_296.0
    }
}

/// The faults in force, in the order of their creation.
#[derive(Default)]
pub(crate) struct Faults {
    last: u64,
    rules: VecDeque<FaultRule>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) -> FaultRule {
        self.last += 1;
        let rule = FaultRule::new(self.last, fault);
        self.rules.push_back(rule.clone());
        rule
    }

    pub fn rules(&self) -> impl Iterator<Item = &FaultRule> {
        self.rules.iter()
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Removes a fault. Returns true if it existed.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    /// Returns the fault for this call: that of the first rule that matches and triggers. Later rules do not
    /// count the call.
    pub fn trigger(&mut self, operation: &str, names: &[&str]) -> Option<FaultKind> {
        let triggered = |rule: &mut FaultRule| rule.fault.matches(operation, names) && rule.triggers();
        let index = self.rules.iter_mut().position(triggered)?;
        let rule = &self.rules[index];
        let kind = rule.fault.kind.clone();
        if rule.is_used_up() {
            self.rules.remove(index);
        }
        Some(kind)
    }
}
