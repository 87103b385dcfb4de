//! A fault: the calls that it applies to, and its effect on them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kind::{self, FaultKind, Garbage, default_message};
use crate::{glob, registry};

/// A rule that makes calls fail.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The operation, such as `CreateChannel`, or a pattern with `*` and `?`.
    pub operation: String,
    /// Part of the resource's name or ARN; or a pattern with `*` and `?` for the whole name or ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number of calls to fail. The default is one, or unlimited with `every` or `probability`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The number of the matching call to start with, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Fails every nth matching call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// The probability with which a matching call fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The seed for `probability`. The same seed fails the same matching calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The effect on the call.
    #[serde(deserialize_with = "kind::deserialize")]
    pub kind: FaultKind,
}

impl Fault {
    /// Creates a fault for one call of the operation.
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

    /// Sets the number of calls to fail.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Limits the fault to resources with this name or ARN.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts with this matching call, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Fails every nth matching call, without limit unless `times` is set.
    #[must_use]
    pub fn every(mut self, every: u64) -> Self {
        self.every = Some(every);
        self
    }

    /// Fails each matching call with this probability, without limit unless `times` is set. The same seed
    /// fails the same calls.
    #[must_use]
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        (self.probability, self.seed) = (Some(probability), Some(seed));
        self
    }

    /// Returns an error if the rule is invalid.
    pub(crate) fn check(&self) -> Result<(), String> {
        let selectors = [self.nth.is_some(), self.every.is_some(), self.probability.is_some()];
        if !registry::is_known_or_pattern(&self.operation) {
            return Err(format!("operation: unknown operation {:?}", self.operation));
        }
        if self.times == Some(0) || self.nth == Some(0) || self.every == Some(0) {
            return Err("times, nth, every: must be at least 1".to_owned());
        }
        if selectors.into_iter().filter(|set| *set).count() > 1 {
            return Err("nth, every, probability: only one of these can be set".to_owned());
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err("probability: must be between 0 and 1".to_owned());
        }
        if self.seed.is_some() && self.probability.is_none() {
            return Err("seed: requires probability".to_owned());
        }
        self.kind.check()
    }

    /// Returns true if the rule matches a call of the operation on a resource with these names and ARNs.
    pub(super) fn matches(&self, operation: &str, names: &[&str]) -> bool {
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

/// Constructors for each kind.
impl Fault {
    /// Creates a fault that returns an error.
    #[must_use]
    pub fn error(operation: impl Into<String>, status: u16, code: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Error { code: code.into(), status, message: default_message() })
    }

    /// Creates a fault that returns a `ThrottlingException`.
    #[must_use]
    pub fn throttle(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Throttle)
    }

    /// Creates a fault that returns the HTML error page of a proxy, such as 404, 502 or 503.
    #[must_use]
    pub fn html(operation: impl Into<String>, status: u16) -> Self {
        Self::new(operation, FaultKind::Html { status })
    }

    /// Creates a fault that closes the connection before the call takes effect.
    #[must_use]
    pub fn block(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Block)
    }

    /// Creates a fault that closes the connection after the call has taken effect.
    #[must_use]
    pub fn execute_then_drop(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::ExecuteThenDrop)
    }

    /// Creates a fault that closes the connection and lets the call take effect after the delay.
    #[must_use]
    pub fn late(operation: impl Into<String>, after: Duration) -> Self {
        Self::new(operation, FaultKind::Late { after })
    }

    /// Creates a fault that never responds and has no effect.
    #[must_use]
    pub fn hang(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Hang)
    }

    /// Creates a fault that returns a malformed response after the call has taken effect.
    #[must_use]
    pub fn garbage(operation: impl Into<String>, form: Garbage) -> Self {
        Self::new(operation, FaultKind::Garbage { form })
    }

    /// Creates a fault that sends the response body in small pieces after the call has taken effect.
    #[must_use]
    pub fn slow_body(operation: impl Into<String>, over: Duration) -> Self {
        Self::new(operation, FaultKind::SlowBody { over })
    }
}
