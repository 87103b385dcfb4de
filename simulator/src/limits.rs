//! AWS's quotas for the number of resources. Disabled by default.

use std::collections::BTreeMap;

/// The default limits: the kind, the operation that creates one, and the maximum number.
const DEFAULTS: &[(&str, &str, usize)] = &[
    ("channels", "CreateChannel", 20_000),
    ("rooms", "CreateRoom", 50_000),
    ("stages", "CreateStage", 1_000),
    ("recordingConfigurations", "CreateRecordingConfiguration", 20),
    ("playbackRestrictionPolicies", "CreatePlaybackRestrictionPolicy", 20),
    ("loggingConfigurations", "CreateLoggingConfiguration", 10),
    ("storageConfigurations", "CreateStorageConfiguration", 20),
];

/// The limit of stream keys for each channel, which is always in force.
const STREAM_KEYS: (&str, usize) = ("streamKeys", 1);

/// The limits of resources for each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// True if AWS's defaults are in force.
    pub enabled: bool,
    /// The limits that replace the defaults; `None` means no limit.
    overrides: BTreeMap<&'static str, Option<usize>>,
}

impl Limits {
    /// Sets the limit of a kind, which is named as in a dump or with dashes. `None` removes the limit.
    pub fn set(&mut self, kind: &str, limit: Option<usize>) -> Result<(), String> {
        let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
        let kinds = || DEFAULTS.iter().map(|(kind, ..)| *kind).chain([STREAM_KEYS.0]);
        let found = kinds().find(|known| plain(known) == plain(kind));
        let known = found.ok_or_else(|| {
            let kinds: Vec<_> = kinds().collect();
            format!("unknown kind {kind:?}; the kinds with a limit are {}", kinds.join(", "))
        })?;
        self.overrides.insert(known, limit);
        Ok(())
    }

    /// Returns the maximum number of stream keys of a channel.
    pub fn stream_keys(&self) -> usize {
        let (kind, default) = STREAM_KEYS;
        self.overrides.get(kind).copied().unwrap_or(Some(default)).unwrap_or(usize::MAX)
    }

    /// Returns the kind that an operation creates, and its limit, if one is in force.
    pub fn of(&self, operation: &str) -> Option<(&'static str, usize)> {
        if !self.enabled && self.overrides.is_empty() {
            return None;
        }
        let (kind, _, default) = DEFAULTS.iter().find(|(_, adding, _)| *adding == operation)?;
        let limit = self.overrides.get(kind).copied().unwrap_or_else(|| self.enabled.then_some(*default))?;
        Some((kind, limit))
    }

    /// Returns the limit to report in an error, if the operation creates a resource: the configured limit, or
    /// AWS's default even if it is not in force.
    pub fn reported_limit(&self, operation: &str) -> Option<u32> {
        let (kind, _, default) = DEFAULTS.iter().find(|(_, adding, _)| *adding == operation)?;
        u32::try_from(self.overrides.get(kind).copied().flatten().unwrap_or(*default)).ok()
    }

    /// Returns all limits that are in force.
    pub fn all(&self) -> BTreeMap<&'static str, usize> {
        let limits = DEFAULTS.iter().filter_map(|(_, operation, _)| self.of(operation));
        limits.chain([(STREAM_KEYS.0, self.stream_keys())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_disabled_by_default() {
        let mut limits = Limits::default();
        assert_eq!((limits.of("CreateStage"), limits.stream_keys()), (None, 1));
        limits.set("stages", Some(3)).expect("a limit");
        limits.set("stream-keys", Some(2)).expect("a limit");
        assert_eq!((limits.of("CreateStage"), limits.of("CreateRoom")), (Some(("stages", 3)), None));
        limits.enabled = true;
        assert_eq!(
            (limits.of("CreateStage"), limits.of("CreateRoom")),
            (Some(("stages", 3)), Some(("rooms", 50_000)))
        );
        limits.set("stages", None).expect("a limit");
        assert_eq!((limits.of("CreateStage"), limits.stream_keys()), (None, 2));
        assert!(limits.set("horses", Some(1)).is_err_and(|error| error.contains("recordingConfigurations")));
    }
}
