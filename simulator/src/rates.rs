//! AWS's rate limits: the number of calls per second for each operation. Disabled by default.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::{api_error::ApiError, glob, operation::Operation, registry, service::Service};

/// The default limits in calls per second. The first match applies.
const DEFAULTS: &[(&str, f64)] = &[
    ("TagResource", 10.0),
    ("UntagResource", 10.0),
    ("ListTagsForResource", 10.0),
    ("CreateParticipantToken", 50.0),
    ("CreateChatToken", 200.0),
    ("SendEvent", 100.0),
    ("DeleteMessage", 100.0),
    ("DisconnectUser", 100.0),
    ("PutMetadata", 155.0),
    ("GetCallerIdentity", 600.0),
    ("*RecordingConfiguration*", 3.0),
    ("*LoggingConfiguration*", 3.0),
    ("*", 5.0),
];

/// The rate limits of the operations.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// True if AWS's defaults are in force.
    pub enabled: bool,
    /// The limits that replace the defaults, by operation or pattern. The last match applies; `None` means no
    /// limit.
    overrides: Vec<(String, Option<f64>)>,
    buckets: HashMap<(Service, &'static str), Bucket>,
}

/// The token bucket of an operation.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    refilled_at: Timestamp,
}

impl Rates {
    /// Sets the calls per second of an operation or a pattern. `None` removes the limit.
    pub fn set(&mut self, operation: &str, rate: Option<f64>) -> Result<(), String> {
        if rate.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
            return Err(format!("{operation}: the rate must be a number of calls per second, at least 0"));
        }
        if !registry::is_known_or_pattern(operation) {
            return Err(format!("unknown operation {operation:?}"));
        }
        self.overrides.retain(|(set, _)| set != operation);
        self.overrides.push((operation.to_owned(), rate));
        self.buckets.clear();
        Ok(())
    }

    /// Returns the configured limits.
    pub fn all(&self) -> BTreeMap<&str, Option<f64>> {
        self.overrides.iter().map(|(operation, rate)| (operation.as_str(), *rate)).collect()
    }

    /// Returns true if no operation has a limit.
    pub fn are_disabled(&self) -> bool {
        !self.enabled && self.overrides.is_empty()
    }

    /// Takes a token for a call, or rejects the call.
    pub fn take(&mut self, operation: &Operation, now: Timestamp) -> Result<(), ApiError> {
        let Some(rate) = self.of(operation.name) else { return Ok(()) };
        // The bucket holds the tokens of one second, but at least one: otherwise it would never hold a whole
        // token.
        let full = if rate > 0.0 { rate.max(1.0) } else { 0.0 };
        let key = (operation.service, operation.name);
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: full, refilled_at: now });
        // The clock can have been set back. Then no tokens are added.
        let new = now.duration_since(bucket.refilled_at).as_secs_f64().max(0.0) * rate;
        bucket.tokens = (bucket.tokens + new).min(full);
        bucket.refilled_at = now;
        if bucket.tokens < 1.0 {
            return Err(ApiError::throttled(operation.name, whole(rate)));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Returns the calls per second to report in an error: the configured limit, or AWS's default even if it
    /// is not in force.
    pub fn reported_limit(&self, operation: &str) -> u32 {
        self.of(operation).or_else(|| default_rate(operation)).map_or(0, whole)
    }

    fn of(&self, operation: &str) -> Option<f64> {
        let set = self.overrides.iter().rev().find(|(pattern, _)| glob::matches(pattern, operation));
        set.map_or_else(|| default_rate(operation).filter(|_| self.enabled), |(_, rate)| *rate)
    }
}

fn default_rate(operation: &str) -> Option<f64> {
    DEFAULTS.iter().find(|(pattern, _)| glob::matches(pattern, operation)).map(|(_, rate)| *rate)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is not negative")]
fn whole(rate: f64) -> u32 {
    rate.ceil() as u32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::Lookup;

    fn operation(name: &str) -> &'static Operation {
        match registry::find(name) {
            Some(Lookup::Supported(operation)) => operation,
            _ => panic!("unknown operation {name}"),
        }
    }

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut rates = Rates { enabled: true, ..Rates::default() };
        let (create, start) = (operation("CreateChannel"), Timestamp::UNIX_EPOCH);
        let taken = |rates: &mut Rates, now| (0..20).filter(|_| rates.take(create, now).is_ok()).count();
        assert_eq!(taken(&mut rates, start), 5);
        assert!(rates.take(operation("GetChannel"), start).is_ok(), "each operation has its own bucket");
        assert_eq!(taken(&mut rates, start + Duration::from_millis(400)), 2);
        assert_eq!(taken(&mut rates, start + Duration::from_hours(1)), 5);
        assert_eq!(taken(&mut rates, start), 0, "the clock was set back");
        rates.set("CreateChannel", Some(7.0)).expect("a rate");
        assert_eq!(taken(&mut rates, start), 7);
        rates.set("Create*", Some(0.0)).expect("a rate");
        assert_eq!(taken(&mut rates, start + Duration::from_hours(1)), 0);
        rates.set("*", None).expect("a rate");
        assert_eq!(taken(&mut rates, start), 20);
    }

    #[test]
    fn rates_are_disabled_by_default() {
        let mut rates = Rates::default();
        assert_eq!(rates.of("CreateChannel"), None);
        rates.set("CreateChannel", Some(0.5)).expect("a rate");
        assert_eq!((rates.of("CreateChannel"), rates.of("GetChannel")), (Some(0.5), None));
        rates.enabled = true;
        let of =
            ["CreateChannel", "GetChannel", "TagResource", "CreateChatToken", "GetRecordingConfiguration"];
        assert_eq!(of.map(|name| rates.of(name)), [0.5, 5.0, 10.0, 200.0, 3.0].map(Some));
        assert!(rates.set("MakeCoffee", Some(1.0)).is_err());
        assert!(rates.set("CreateChannel", Some(-1.0)).is_err() && rates.set("*", Some(f64::NAN)).is_err());
    }
}
