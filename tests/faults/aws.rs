//! Amazon IVS: three kinds of resources with tags. Names are not unique, and reads lag when the plan says so.

mod kinds;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
pub use kinds::{Channel, ChatRoom, FakeResources, Stage, defaults};
use serde_json::Value;
use streamcat_operator::{api::ResourceKind, ivs::Tags};

use super::{
    fault_injector::ATTEMPT_EXPIRY,
    world::{READ_LAG, TIMING},
};

/// Prefix of every stream key. A text that contains it outside the correct Secret leaks a key (I9).
pub const CANARY: &str = "sk_canary_";

/// Separator between the channel and the number of a stream key.
const KEY_NUMBER: &str = "#";

/// A resource.
#[derive(Clone, Debug)]
pub struct Resource {
    pub kind: ResourceKind,
    pub name: String,
    pub tags: Tags,
    pub settings: Value,
    /// True while somebody streams to it or participates in it.
    pub in_use: bool,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

/// Time within which a call is executed unless something delays it.
const MAX_PROMPT_CALL: Duration = Duration::from_secs(1);

type Resources = BTreeMap<String, Arc<Resource>>;

/// All resources, and what reads show of them.
#[derive(Default)]
pub struct Aws {
    resources: Resources,
    /// The stream key of each channel that has one, and the number of keys that each channel has had.
    keys: BTreeMap<String, String>,
    keys_created: BTreeMap<String, usize>,
    /// The resources at each time at which they changed.
    history: Vec<(Duration, Resources)>,
    shown: Option<StaleReads>,
    created: usize,
    /// Number of creations minus deletions, by kind and name.
    pub balance: BTreeMap<(ResourceKind, String), i64>,
    /// ARNs of the resources that the operator created.
    pub ours: BTreeSet<String>,
    /// ARNs of the resources that somebody else deleted, or whose deletion took effect late.
    pub external_deletes: BTreeSet<String>,
    /// ARNs of the resources that somebody else changed.
    pub external_changes: BTreeSet<String>,
    /// Delay of the current deletion, if it is a slow one.
    pub deletion_delay: Option<Duration>,
    /// Deletions in progress: time of the effect, and ARN.
    deletions: Vec<(Duration, String)>,
    /// Time since the current call began. [`Duration::MAX`] if the journal no longer knows it.
    pub age: Duration,
    /// ARNs of the resources that a late call changed.
    changed_late: BTreeSet<String>,
    /// Time at which the database was replaced. Zero if it never was.
    pub journal_since: Duration,
    /// Resources that exist and are hidden, and since when.
    hidden: BTreeMap<String, (Arc<Resource>, Duration)>,
    /// True if the controllers use an endpoint where nothing exists.
    pub is_wrong_endpoint: bool,
    /// True while AWS denies every list.
    pub denies_lists: bool,
    /// Maximum number of resources on a page of a list; None if each list has one page.
    pub page_size: Option<usize>,
    /// Number of stages that may exist; None if any number may.
    pub stage_quota: Option<usize>,
    /// Name of a setting that AWS accepts and does not keep.
    pub discarded_setting: Option<&'static str>,
    /// The age of the call that created a resource, and the time of its creation, by ARN.
    ages: BTreeMap<String, (Duration, Duration)>,
}

/// Reads that show an earlier state.
struct StaleReads {
    until: Duration,
    at: ReadTime,
}

enum ReadTime {
    Fixed(Duration),
    Behind(Duration),
}

impl Aws {
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Returns the number of stages.
    pub fn stages(&self) -> usize {
        self.resources.values().filter(|resource| resource.kind == ResourceKind::Stage).count()
    }

    /// Returns true if the quota allows no further resource of this kind.
    fn is_quota_used_up(&self, kind: ResourceKind) -> bool {
        kind == ResourceKind::Stage && self.stage_quota.is_some_and(|quota| self.stages() >= quota)
    }

    /// Makes reads show the state of `moment` until `until`.
    pub fn freeze_reads(&mut self, moment: Duration, until: Duration) {
        self.shown = Some(StaleReads { until, at: ReadTime::Fixed(moment) });
    }

    /// Makes reads lag by `behind` until `until`.
    pub fn delay_reads(&mut self, behind: Duration, until: Duration) {
        self.shown = Some(StaleReads { until, at: ReadTime::Behind(behind) });
    }

    /// Returns the resources that a read shows now.
    fn shown(&self, now: Duration) -> Option<&Resources> {
        if self.is_wrong_endpoint {
            return None;
        }
        let Some(shown) = self.shown.as_ref().filter(|shown| now < shown.until) else {
            return Some(&self.resources);
        };
        let moment = match shown.at {
            ReadTime::Fixed(moment) => moment,
            ReadTime::Behind(behind) => now.saturating_sub(behind),
        };
        self.history.iter().rev().find(|(from, _)| *from <= moment).map(|(_, resources)| resources)
    }

    /// Hides an existing resource from now on.
    pub fn hide(&mut self, now: Duration, arn: &str) {
        let Some(resource) = self.resources.get(arn).cloned() else { return };
        self.hidden.insert(arn.to_owned(), (resource, now));
        self.change(now, |resources| drop(resources.remove(arn)));
    }

    /// Shows everything from now on.
    pub fn show(&mut self, now: Duration) {
        let hidden = std::mem::take(&mut self.hidden);
        self.change(now, |resources| {
            resources.extend(hidden.into_iter().map(|(arn, (resource, _))| (arn, resource)));
        });
    }

    /// Returns the hidden resources, and since when they are hidden.
    pub fn hidden(&self) -> &BTreeMap<String, (Arc<Resource>, Duration)> {
        &self.hidden
    }

    /// Creates a resource, and returns its ARN.
    pub fn create(&mut self, now: Duration, resource: Resource) -> String {
        self.created += 1;
        let arn = format!("arn:aws:ivs:eu-west-1:1:{}/{:06}", path(resource.kind), self.created);
        *self.balance.entry((resource.kind, resource.name.clone())).or_default() += 1;
        self.ages.insert(arn.clone(), (self.age, now));
        if resource.kind == ResourceKind::Channel {
            self.create_key(&arn);
        }
        self.change(now, |resources| drop(resources.insert(arn.clone(), Arc::new(resource))));
        arn
    }

    /// Returns true if the current call was delayed.
    pub fn is_late(&self) -> bool {
        self.age > MAX_PROMPT_CALL
    }

    /// Returns true if the current call is executed after every deadline and grace period.
    pub fn is_too_late(&self) -> bool {
        self.age > ATTEMPT_EXPIRY
    }

    /// Returns true if a resource was created, or became visible because of lagging reads, only after every
    /// deadline and grace period. Then it may be a duplicate until a resync finds it.
    pub fn came_too_late(&self, arn: &str) -> bool {
        self.ages.get(arn).is_some_and(|(age, created)| {
            let is_hidden = self.shown.as_ref().is_some_and(|shown| shown.until > *created);
            let behind = if is_hidden { READ_LAG } else { Duration::ZERO };
            // A database that replaced another before status named the resource does not know it either.
            let is_unjournaled =
                *created < self.journal_since && *created + TIMING.grace > self.journal_since;
            age.saturating_add(behind) > ATTEMPT_EXPIRY || is_unjournaled
        })
    }

    /// Returns true if a controller may have a wrong view of a resource: an update took effect late, or reads
    /// lagged.
    pub fn may_be_misread(&self, arn: &str) -> bool {
        self.changed_late.contains(arn) || self.shown.is_some()
    }

    /// Returns true if an update of the resource ever took effect late.
    pub fn was_changed_late(&self, arn: &str) -> bool {
        self.changed_late.contains(arn)
    }

    /// Returns true if a deleted resource was shown to a reader a moment ago.
    pub fn was_shown(&self, arn: &str, now: Duration) -> bool {
        let moment = now.saturating_sub(READ_LAG + MAX_PROMPT_CALL);
        let before = self.history.iter().rev().find(|(from, _)| *from <= moment);
        let is_behind = self.shown.as_ref().is_some_and(|shown| now < shown.until + MAX_PROMPT_CALL);
        is_behind && before.is_some_and(|(_, resources)| resources.contains_key(arn))
    }

    /// Changes a resource. Returns false if it does not exist.
    pub fn modify(&mut self, now: Duration, arn: &str, modify: impl FnOnce(&mut Resource)) -> bool {
        let Some(resource) = self.resources.get(arn) else { return false };
        if self.is_late() {
            self.changed_late.insert(arn.to_owned());
        }
        let mut resource = Resource::clone(resource);
        modify(&mut resource);
        self.change(now, |resources| drop(resources.insert(arn.to_owned(), Arc::new(resource))));
        true
    }

    /// Deletes a resource, if it exists: now or after a delay.
    pub fn delete(&mut self, now: Duration, arn: &str) {
        if let Some(delay) = self.deletion_delay.take() {
            return self.deletions.push((now + delay, arn.to_owned()));
        }
        let Some(resource) = self.resources.get(arn).cloned() else { return };
        *self.balance.entry((resource.kind, resource.name.clone())).or_default() -= 1;
        self.keys.remove(arn);
        self.change(now, |resources| drop(resources.remove(arn)));
    }

    /// Returns the current stream key of a channel. Reads of it never lag, because a rotation creates another
    /// key.
    pub fn stream_key(&self, channel: &str) -> Option<&String> {
        self.keys.get(channel)
    }

    /// Creates a stream key for a channel. Returns None if the channel has one.
    pub fn create_key(&mut self, channel: &str) -> Option<String> {
        if self.keys.contains_key(channel) {
            return None;
        }
        let created = self.keys_created.entry(channel.to_owned()).or_default();
        *created += 1;
        let key = format!("{CANARY}{channel}{KEY_NUMBER}{created}");
        self.keys.insert(channel.to_owned(), key.clone());
        Some(key)
    }

    /// Deletes the stream key of a channel.
    pub fn delete_key(&mut self, channel: &str) {
        self.keys.remove(channel);
    }

    /// Completes the deletions that are due, and returns their ARNs.
    pub fn finish_deletions(&mut self, now: Duration) -> Vec<String> {
        let due: Vec<_> = self.deletions.extract_if(.., |(due, _)| *due <= now).map(|(_, arn)| arn).collect();
        for arn in &due {
            self.delete(now, arn);
        }
        due
    }

    fn change(&mut self, now: Duration, change: impl FnOnce(&mut Resources)) {
        change(&mut self.resources);
        self.history.push((now, self.resources.clone()));
    }
}

fn path(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Channel => "channel",
        ResourceKind::ChatRoom => "room",
        ResourceKind::Stage => "stage",
    }
}

/// Returns the channel of a stream key.
pub fn channel_of(key: &str) -> &str {
    let key = key.trim_start_matches(CANARY);
    key.split_once(KEY_NUMBER).map_or(key, |(channel, _)| channel)
}
