//! The rules in force, and which of them triggers a call.

use std::collections::VecDeque;

use serde::Serialize;

use super::{Fault, FaultKind};

/// A rule that is in force.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    id: u64,
    /// How many calls it has looked at that it is about.
    matches: u64,
    /// How often it has struck.
    hits: u32,
    #[serde(flatten)]
    fault: Fault,
    #[serde(skip)]
    dice: SplitMix64,
}

impl Rule {
    fn new(id: u64, mut fault: Fault) -> Self {
        // Kept in the rule, so that who sees it can have the same again.
        let seed = fault.seed.unwrap_or_else(rand::random);
        fault.seed = fault.probability.map(|_| seed);
        Self { id, matches: 0, hits: 0, fault, dice: SplitMix64(seed) }
    }

    /// Counts a match, and says whether it is struck.
    fn triggers(&mut self) -> bool {
        self.matches += 1;
        let fault = &self.fault;
        let triggers = match (fault.nth, fault.every, fault.probability) {
            (Some(nth), _, _) => self.matches >= nth,
            (_, Some(every), _) => self.matches.is_multiple_of(every),
            (_, _, Some(probability)) => self.dice.throw() < probability,
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

/// Random numbers that are the same for the same seed, now and in later versions (SplitMix64).
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    /// From 0 to below 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
        f64::from(bits) / 4_294_967_296.0
    }
}

/// The rules in force, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Faults {
    last: u64,
    rules: VecDeque<Rule>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) -> Rule {
        self.last += 1;
        let rule = Rule::new(self.last, fault);
        self.rules.push_back(rule.clone());
        rule
    }

    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Lifts one rule. Says whether there was one.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    /// The fault that triggers this call: of the first rule that is about it and triggers. The rules after that one do not
    /// count it.
    pub fn trigger(&mut self, operation: &str, names: &[&str]) -> Option<FaultKind> {
        let about = |rule: &mut Rule| rule.fault.is_about(operation, names) && rule.triggers();
        let index = self.rules.iter_mut().position(about)?;
        let rule = &self.rules[index];
        let kind = rule.fault.kind.clone();
        if rule.is_used_up() {
            self.rules.remove(index);
        }
        Some(kind)
    }
}
