//! Faults: rules by which calls go wrong.

mod file;
mod kind;
mod rule;

use serde::{Deserialize, Serialize};

pub use self::kind::{FaultKind, Garbage};
pub(crate) use self::{
    file::read as read_file,
    rule::{Faults, Rule},
};
use crate::{glob, operation};

/// A rule: which calls go wrong, how often, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The operation it triggers, such as `CreateChannel`; `*` and `?` match any characters and any one.
    pub operation: String,
    /// Only resources whose name or ARN contains this, or matches it if there is `*` or `?` in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How often it triggers; if not told, once, and without end with `every` or `probability`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// It triggers from the match of this number on, instead of from the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// It triggers every so many matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// It triggers a match with this probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What the dice of `probability` are thrown with: with the same seed, the same matches are struck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What happens.
    #[serde(deserialize_with = "kind::read")]
    pub kind: FaultKind,
}

impl Fault {
    /// Strikes the operation once.
    #[must_use]
    pub fn new(operation: impl Into<String>, kind: FaultKind) -> Self {
        let operation = operation.into();
        Self {
            operation,
            name: None,
            times: None,
            nth: None,
            every: None,
            probability: None,
            seed: None,
            kind,
        }
    }

    /// Strikes so many times instead of once.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes only resources of that name or ARN.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Strikes the match of this number, from 1, instead of the first.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Strikes every so many matches, without end unless `times` are told.
    #[must_use]
    pub fn every(mut self, every: u64) -> Self {
        self.every = Some(every);
        self
    }

    /// Strikes each match with this probability, without end unless `times` are told; the seed makes it the same each time.
    #[must_use]
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        (self.probability, self.seed) = (Some(probability), Some(seed));
        self
    }

    /// What is wrong with the rule.
    pub(crate) fn check(&self) -> Result<(), String> {
        let selectors = [self.nth.is_some(), self.every.is_some(), self.probability.is_some()];
        if !operation::is_known_or_pattern(&self.operation) {
            return Err(format!("operation: there is no operation {:?}", self.operation));
        }
        if self.times == Some(0) || self.nth == Some(0) || self.every == Some(0) {
            return Err("times, nth, every: must be at least 1".to_owned());
        }
        if selectors.into_iter().filter(|set| *set).count() > 1 {
            return Err("nth, every, probability: only one of them can be set".to_owned());
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err("probability: must be from 0 to 1".to_owned());
        }
        if self.seed.is_some() && self.probability.is_none() {
            return Err("seed: is for probability, which is not set".to_owned());
        }
        self.kind.check()
    }

    /// Whether it is about a call of that operation to a resource that is known by those names.
    fn is_about(&self, operation: &str, names: &[&str]) -> bool {
        let on_operation = glob::matches(&self.operation, operation);
        on_operation
            && self.name.as_deref().is_none_or(|pattern| {
                let is_pattern = glob::is_pattern(pattern);
                names.iter().any(|name| {
                    if is_pattern { glob::matches(pattern, name) } else { name.contains(pattern) }
                })
            })
    }
}

#[cfg(test)]
mod tests;
