//! Simulated latency: constant or distributed, for all operations or some, before or after the call takes
//! effect.

use std::{f64::consts::TAU, fmt, str::FromStr, time::Duration};

use crate::{duration, glob, registry};

/// The 99th percentile of the standard normal distribution.
const P99: f64 = 2.326_347_874;

/// A latency rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    operation: String,
    delay: Delay,
    after: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Delay {
    Constant(Duration),
    /// Log-normal, like the latencies of most services.
    Distributed {
        p50: Duration,
        p99: Duration,
    },
}

impl Latency {
    /// Creates a rule with the same latency for every call.
    #[must_use]
    pub fn constant(latency: Duration) -> Self {
        Self { operation: "*".to_owned(), delay: Delay::Constant(latency), after: false }
    }

    /// Creates a rule with a log-normal latency whose median is `p50` and whose 99th percentile is `p99`. No
    /// call takes longer than four times `p99`.
    #[must_use]
    pub fn distributed(p50: Duration, p99: Duration) -> Self {
        Self { operation: "*".to_owned(), delay: Delay::Distributed { p50, p99: p99.max(p50) }, after: false }
    }

    /// Limits the rule to an operation, or to a pattern with `*` and `?`.
    #[must_use]
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operation = operation.into();
        self
    }

    /// Delays the response after the call has taken effect, instead of the effect.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.after = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if registry::is_known_or_pattern(&self.operation) {
            Ok(())
        } else {
            Err(format!("unknown operation {:?}", self.operation))
        }
    }
}

impl From<Duration> for Latency {
    fn from(latency: Duration) -> Self {
        Self::constant(latency)
    }
}

impl FromStr for Latency {
    type Err = String;

    /// Parses `200ms`, `CreateStage=200ms` or `p50:80ms,p99:900ms`, optionally followed by `:after`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (operation, rest) = text.split_once('=').unwrap_or(("*", text));
        let (rest, after) = match rest.strip_suffix(":after") {
            Some(rest) => (rest, true),
            None => (rest.strip_suffix(":before").unwrap_or(rest), false),
        };
        let delay = match rest.strip_prefix("p50:").and_then(|rest| rest.split_once(",p99:")) {
            Some((p50, p99)) => {
                let (p50, p99) = (duration::parse(p50)?, duration::parse(p99)?);
                if p50.is_zero() || p99 < p50 {
                    return Err(format!(
                        "{rest:?}: p50 must be greater than zero, and p99 must not be less than p50"
                    ));
                }
                Delay::Distributed { p50, p99 }
            }
            None => Delay::Constant(duration::parse(rest)?),
        };
        let latency = Self { operation: operation.to_owned(), delay, after };
        latency.check()?;
        Ok(latency)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operation != "*" {
            write!(formatter, "{}=", self.operation)?;
        }
        match self.delay {
            Delay::Constant(latency) => formatter.write_str(&duration::format(latency))?,
            Delay::Distributed { p50, p99 } => {
                write!(formatter, "p50:{},p99:{}", duration::format(p50), duration::format(p99))?;
            }
        }
        if self.after { formatter.write_str(":after") } else { Ok(()) }
    }
}

impl Delay {
    fn sample(self) -> Duration {
        match self {
            Self::Constant(latency) => latency,
            Self::Distributed { p50, p99 } => {
                // The Box-Muller transform. It uses 1 - u because zero has no logarithm.
                let (u, v) = (1.0 - rand::random::<f64>(), rand::random::<f64>());
                let normal = (-2.0 * u.ln()).sqrt() * (TAU * v).cos();
                let spread = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / P99;
                let factor = (normal * spread).exp();
                p50.mul_f64(factor.min(4.0 * p99.as_secs_f64() / p50.as_secs_f64()))
            }
        }
    }
}

/// The rules in force. The last match applies, separately before and after the effect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Latency>);

impl Latencies {
    pub fn new(rules: Vec<Latency>) -> Self {
        Self(rules)
    }

    pub fn rules(&self) -> &[Latency] {
        &self.0
    }

    /// Returns the delays of a call before and after its effect.
    pub fn sample(&self, operation: &str) -> (Duration, Duration) {
        let of = |after| {
            let mut rules = self.0.iter().rev().filter(|rule| rule.after == after);
            let rule = rules.find(|rule| glob::matches(&rule.operation, operation));
            rule.map_or(Duration::ZERO, |rule| rule.delay.sample())
        };
        if self.0.is_empty() { (Duration::ZERO, Duration::ZERO) } else { (of(false), of(true)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn rules_are_parsed_and_formatted() {
        for text in
            ["200ms", "CreateStage=1s", "p50:80ms,p99:900ms", "Create*=p50:1ms,p99:1ms:after", "5ms:after"]
        {
            let rule: Latency = text.parse().expect("a rule");
            assert_eq!(rule.to_string(), text);
        }
        assert_eq!("7ms:before".parse(), Ok(Latency::constant(7 * MS)));
        for wrong in
            ["", "soon", "-1s", "MakeCoffee=1s", "p50:0s,p99:1s", "p50:2s,p99:1s", "p50:1s", "1s:later"]
        {
            assert!(wrong.parse::<Latency>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_matching_rule_applies() {
        let rules = ["1ms", "Create*=2ms", "CreateStage=3ms:after", "CreateStage=4ms:after"];
        let latencies = Latencies::new(rules.map(|rule| rule.parse().expect("a rule")).to_vec());
        assert_eq!(latencies.sample("CreateStage"), (2 * MS, 4 * MS));
        assert_eq!(latencies.sample("GetStage"), (MS, Duration::ZERO));
        assert_eq!(Latencies::default().sample("GetStage"), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_distribution_has_the_given_median_and_tail() {
        let delay = Delay::Distributed { p50: 80 * MS, p99: 900 * MS };
        let mut samples: Vec<_> = (0..20_001).map(|_| delay.sample()).collect();
        samples.sort();
        let (median, tail) = (samples[10_000], samples[19_800]);
        assert!(median > 70 * MS && median < 90 * MS, "{median:?}");
        assert!(tail > 600 * MS && tail < 1350 * MS, "{tail:?}");
        assert!(samples[20_000] <= 3600 * MS);
    }
}
