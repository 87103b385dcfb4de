//! AWS's quotas: how often each operation may be called, and how many resources there may be. Off unless asked for.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::{
    error::Failure,
    glob,
    operation::{self, Operation, Service},
};

/// How many calls a second an operation may have, by default; the first that matches counts.
const RATES: &[(&str, f64)] = &[
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

/// How many resources there may be by default: the table, the operation that adds to it, the number.
const LIMITS: &[(&str, &str, usize)] = &[
    ("channels", "CreateChannel", 20_000),
    ("rooms", "CreateRoom", 50_000),
    ("stages", "CreateStage", 1_000),
    ("recordingConfigurations", "CreateRecordingConfiguration", 20),
    ("playbackRestrictionPolicies", "CreatePlaybackRestrictionPolicy", 20),
    ("loggingConfigurations", "CreateLoggingConfiguration", 10),
    ("storageConfigurations", "CreateStorageConfiguration", 20),
];

/// The stream keys of one channel: the only limit that is always in force.
const STREAM_KEYS: (&str, usize) = ("streamKeys", 1);

/// How many resources there may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Whether AWS's defaults are in force.
    pub on: bool,
    /// What has been set; `None` is no limit.
    set: BTreeMap<&'static str, Option<usize>>,
}

impl Limits {
    /// Sets the limit of a kind, named as in a dump or with dashes; `None` lifts it.
    pub fn set(&mut self, kind: &str, limit: Option<usize>) -> Result<(), String> {
        let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
        let kinds = || LIMITS.iter().map(|(kind, ..)| *kind).chain([STREAM_KEYS.0]);
        let found = kinds().find(|known| plain(known) == plain(kind));
        let known = found.ok_or_else(|| {
            let kinds: Vec<_> = kinds().collect();
            format!("there is no limit of {kind:?}, only of {}", kinds.join(", "))
        })?;
        self.set.insert(known, limit);
        Ok(())
    }

    /// How many stream keys a channel may have.
    pub fn stream_keys(&self) -> usize {
        let (kind, default) = STREAM_KEYS;
        self.set.get(kind).copied().unwrap_or(Some(default)).unwrap_or(usize::MAX)
    }

    /// What an operation adds to, and how many there may be of it.
    pub fn of(&self, operation: &str) -> Option<(&'static str, usize)> {
        if !self.on && self.set.is_empty() {
            return None;
        }
        let (kind, _, default) = LIMITS.iter().find(|(_, adding, _)| *adding == operation)?;
        let limit = self.set.get(kind).copied().unwrap_or_else(|| self.on.then_some(*default))?;
        Some((kind, limit))
    }

    /// The number that a refusal tells, if the operation adds to anything: what is set, or else AWS's default, in force
    /// or not.
    pub fn reported_limit(&self, operation: &str) -> Option<u32> {
        let (kind, _, default) = LIMITS.iter().find(|(_, adding, _)| *adding == operation)?;
        u32::try_from(self.set.get(kind).copied().flatten().unwrap_or(*default)).ok()
    }

    /// All that are in force.
    pub fn all(&self) -> BTreeMap<&'static str, usize> {
        let limits = LIMITS.iter().filter_map(|(_, operation, _)| self.of(operation));
        limits.chain([(STREAM_KEYS.0, self.stream_keys())]).collect()
    }
}

/// How often operations may be called.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// Whether AWS's defaults are in force.
    pub on: bool,
    /// What has been set, by operation or pattern; the last that matches counts, `None` is no limit.
    set: Vec<(String, Option<f64>)>,
    buckets: HashMap<(Service, &'static str), Bucket>,
}

/// The tokens that are left to an operation, and when they were counted.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    counted: Timestamp,
}

impl Rates {
    /// Sets the calls a second of an operation, or of all that match; `None` lifts the limit.
    pub fn set(&mut self, operation: &str, rate: Option<f64>) -> Result<(), String> {
        if rate.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
            return Err(format!("{operation}: a rate is a number of calls a second, from 0"));
        }
        if !operation::is_known_or_pattern(operation) {
            return Err(format!("there is no operation {operation:?}"));
        }
        self.set.retain(|(set, _)| set != operation);
        self.set.push((operation.to_owned(), rate));
        self.buckets.clear();
        Ok(())
    }

    /// What has been set.
    pub fn all(&self) -> BTreeMap<&str, Option<f64>> {
        self.set.iter().map(|(operation, rate)| (operation.as_str(), *rate)).collect()
    }

    /// Whether no call is counted at all.
    pub fn are_off(&self) -> bool {
        !self.on && self.set.is_empty()
    }

    /// Takes a token for a call, or refuses it.
    pub fn take(&mut self, operation: &Operation, now: Timestamp) -> Result<(), Failure> {
        let Some(rate) = self.of(operation.name) else { return Ok(()) };
        // A bucket holds the tokens of one second, and at least one, or there would never be any.
        let full = if rate > 0.0 { rate.max(1.0) } else { 0.0 };
        let key = (operation.service, operation.name);
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: full, counted: now });
        // The clock can have been set back: then there is nothing new.
        let new = now.duration_since(bucket.counted).as_secs_f64().max(0.0) * rate;
        bucket.tokens = (bucket.tokens + new).min(full);
        bucket.counted = now;
        if bucket.tokens < 1.0 {
            return Err(Failure::throttled(operation.name, whole(rate)));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// The calls a second that a refusal tells: what is set, or else AWS's default, in force or not.
    pub fn reported_limit(&self, operation: &str) -> u32 {
        self.of(operation).or_else(|| default_rate(operation)).map_or(0, whole)
    }

    fn of(&self, operation: &str) -> Option<f64> {
        let set = self.set.iter().rev().find(|(pattern, _)| glob::matches(pattern, operation));
        set.map_or_else(|| default_rate(operation).filter(|_| self.on), |(_, rate)| *rate)
    }
}

fn default_rate(operation: &str) -> Option<f64> {
    RATES.iter().find(|(pattern, _)| glob::matches(pattern, operation)).map(|(_, rate)| *rate)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is not negative")]
fn whole(rate: f64) -> u32 {
    rate.ceil() as u32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operation::Lookup;

    fn operation(name: &str) -> &'static Operation {
        match operation::find(name) {
            Some(Lookup::Supported(operation)) => operation,
            _ => panic!("there is no {name}"),
        }
    }

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let mut rates = Rates { on: true, ..Rates::default() };
        let (create, start) = (operation("CreateChannel"), Timestamp::UNIX_EPOCH);
        let taken = |rates: &mut Rates, now| (0..20).filter(|_| rates.take(create, now).is_ok()).count();
        assert_eq!(taken(&mut rates, start), 5);
        assert!(rates.take(operation("GetChannel"), start).is_ok(), "each operation has its own");
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
    fn rates_are_off_unless_asked_for() {
        let mut rates = Rates::default();
        assert_eq!(rates.of("CreateChannel"), None);
        rates.set("CreateChannel", Some(0.5)).expect("a rate");
        assert_eq!((rates.of("CreateChannel"), rates.of("GetChannel")), (Some(0.5), None));
        rates.on = true;
        let of =
            ["CreateChannel", "GetChannel", "TagResource", "CreateChatToken", "GetRecordingConfiguration"];
        assert_eq!(of.map(|name| rates.of(name)), [0.5, 5.0, 10.0, 200.0, 3.0].map(Some));
        assert!(rates.set("MakeCoffee", Some(1.0)).is_err());
        assert!(rates.set("CreateChannel", Some(-1.0)).is_err() && rates.set("*", Some(f64::NAN)).is_err());
    }

    #[test]
    fn limits_are_off_unless_asked_for() {
        let mut limits = Limits::default();
        assert_eq!((limits.of("CreateStage"), limits.stream_keys()), (None, 1));
        limits.set("stages", Some(3)).expect("a limit");
        limits.set("stream-keys", Some(2)).expect("a limit");
        assert_eq!((limits.of("CreateStage"), limits.of("CreateRoom")), (Some(("stages", 3)), None));
        limits.on = true;
        assert_eq!(
            (limits.of("CreateStage"), limits.of("CreateRoom")),
            (Some(("stages", 3)), Some(("rooms", 50_000)))
        );
        limits.set("stages", None).expect("a limit");
        assert_eq!((limits.of("CreateStage"), limits.stream_keys()), (None, 2));
        assert!(limits.set("horses", Some(1)).is_err_and(|error| error.contains("recordingConfigurations")));
    }
}
