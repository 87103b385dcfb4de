//! Amazon IVS: three kinds with tags, whose names are not unique, and which are shown late when the plan says so.

mod kinds;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
pub use kinds::{Channel, ChatRoom, FakeResources, Stage};
use serde_json::Value;
use streamcat_operator::{api::ResourceKind, ivs::Tags};

use super::{
    fault_injector::ATTEMPT_EXPIRY,
    world::{BEHIND, TIMING},
};

/// What every stream key begins with: found anywhere but in the right Secret, it was given away (I9).
pub const CANARY: &str = "sk_canary_";

/// What stands in a stream key between its channel and the number that tells it from earlier ones.
const KEY_NUMBER: &str = "#";

/// One resource.
#[derive(Clone, Debug)]
pub struct Resource {
    pub kind: ResourceKind,
    pub name: String,
    pub tags: Tags,
    pub settings: Value,
    /// Whether somebody streams to it or takes part in it just now.
    pub in_use: bool,
    /// Time of its last change.
    pub updated_at: Timestamp,
}

/// Within which a call is carried out if nothing delays it.
const AT_ONCE: Duration = Duration::from_secs(1);

type Resources = BTreeMap<String, Arc<Resource>>;

/// All there is, and what is shown of it.
#[derive(Default)]
pub struct Aws {
    resources: Resources,
    /// The stream key of each channel that has one, and how many each has had.
    keys: BTreeMap<String, String>,
    keys_made: BTreeMap<String, usize>,
    /// What there was from which time on.
    history: Vec<(Duration, Resources)>,
    shown: Option<Shown>,
    made: usize,
    /// Creates minus deletes, by kind and name.
    pub balance: BTreeMap<(ResourceKind, String), i64>,
    /// What we have made.
    pub ours: BTreeSet<String>,
    /// What somebody else has deleted, or what went late.
    pub external_deletes: BTreeSet<String>,
    /// How long the deletion that is carried out now takes, if it is a slow one.
    pub deletes_in: Option<Duration>,
    /// What is deleted, and when it will be gone.
    dying: Vec<(Duration, String)>,
    /// How long ago the call began that is carried out now; for ever, if the journal knows of it no more.
    pub age: Duration,
    /// What was changed by a call that was carried out late.
    changed_late: BTreeSet<String>,
    /// When the database became another.
    pub journal_since: Duration,
    /// What is there and is not shown, and since when.
    hidden: BTreeMap<String, (Arc<Resource>, Duration)>,
    /// The controllers ask somewhere else, where nothing is.
    pub is_wrong_endpoint: bool,
    /// A setting that is accepted and not kept.
    pub dropped_setting: Option<&'static str>,
    /// How old the calls were that made what there is, and when it was made.
    ages: BTreeMap<String, (Duration, Duration)>,
}

/// Reads that are behind.
struct Shown {
    until: Duration,
    at: At,
}

enum At {
    Moment(Duration),
    Behind(Duration),
}

impl Aws {
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Until `until` reads show what there was at `moment`.
    pub fn show_as_of(&mut self, moment: Duration, until: Duration) {
        self.shown = Some(Shown { until, at: At::Moment(moment) });
    }

    /// Until `until` reads are `behind`.
    pub fn show_late(&mut self, behind: Duration, until: Duration) {
        self.shown = Some(Shown { until, at: At::Behind(behind) });
    }

    /// What a read shows now.
    fn shown(&self, now: Duration) -> Option<&Resources> {
        if self.is_wrong_endpoint {
            return None;
        }
        let Some(shown) = self.shown.as_ref().filter(|shown| now < shown.until) else {
            return Some(&self.resources);
        };
        let moment = match shown.at {
            At::Moment(moment) => moment,
            At::Behind(behind) => now.saturating_sub(behind),
        };
        self.history.iter().rev().find(|(from, _)| *from <= moment).map(|(_, resources)| resources)
    }

    /// From here on a resource is there and not shown.
    pub fn hide(&mut self, now: Duration, arn: &str) {
        let Some(resource) = self.resources.get(arn).cloned() else { return };
        self.hidden.insert(arn.to_owned(), (resource, now));
        self.change(now, |resources| drop(resources.remove(arn)));
    }

    /// From here on everything is shown.
    pub fn show(&mut self, now: Duration) {
        let hidden = std::mem::take(&mut self.hidden);
        self.change(now, |resources| {
            resources.extend(hidden.into_iter().map(|(arn, (resource, _))| (arn, resource)));
        });
    }

    /// What is there and not shown, and since when.
    pub fn hidden(&self) -> &BTreeMap<String, (Arc<Resource>, Duration)> {
        &self.hidden
    }

    /// Makes a resource; its ARN.
    pub fn create(&mut self, now: Duration, resource: Resource) -> String {
        self.made += 1;
        let arn = format!("arn:aws:ivs:eu-west-1:1:{}/{:06}", path(resource.kind), self.made);
        *self.balance.entry((resource.kind, resource.name.clone())).or_default() += 1;
        self.ages.insert(arn.clone(), (self.age, now));
        if resource.kind == ResourceKind::Channel {
            self.make_key(&arn);
        }
        self.change(now, |resources| drop(resources.insert(arn.clone(), Arc::new(resource))));
        arn
    }

    /// Whether what is carried out now was delayed.
    pub fn is_late(&self) -> bool {
        self.age > AT_ONCE
    }

    /// Whether what is carried out now comes after every deadline and grace.
    pub fn is_too_late(&self) -> bool {
        self.age > ATTEMPT_EXPIRY
    }

    /// Whether a resource was made, or with reads that were behind could be seen, only after every deadline and grace:
    /// then it is one too many until a sweep finds it.
    pub fn came_too_late(&self, arn: &str) -> bool {
        self.ages.get(arn).is_some_and(|(age, made)| {
            let is_hidden = self.shown.as_ref().is_some_and(|shown| shown.until > *made);
            let behind = if is_hidden { BEHIND } else { Duration::ZERO };
            // Nor does a database know of it that took the place of another before status did.
            let is_untold = *made < self.journal_since && *made + TIMING.grace > self.journal_since;
            age.saturating_add(behind) > ATTEMPT_EXPIRY || is_untold
        })
    }

    /// Whether a resource may be otherwise than a controller alone could know: a change has landed late, or reads were behind.
    pub fn may_mislead(&self, arn: &str) -> bool {
        self.changed_late.contains(arn) || self.shown.is_some()
    }

    /// Whether a change of a resource has ever landed late.
    pub fn was_changed_late(&self, arn: &str) -> bool {
        self.changed_late.contains(arn)
    }

    /// Whether a resource that is gone was shown to somebody a moment ago.
    pub fn was_shown(&self, arn: &str, now: Duration) -> bool {
        let moment = now.saturating_sub(BEHIND + AT_ONCE);
        let before = self.history.iter().rev().find(|(from, _)| *from <= moment);
        let is_behind = self.shown.as_ref().is_some_and(|shown| now < shown.until + AT_ONCE);
        is_behind && before.is_some_and(|(_, resources)| resources.contains_key(arn))
    }

    /// Changes a resource; whether it is there.
    pub fn alter(&mut self, now: Duration, arn: &str, alter: impl FnOnce(&mut Resource)) -> bool {
        let Some(resource) = self.resources.get(arn) else { return false };
        if self.is_late() {
            self.changed_late.insert(arn.to_owned());
        }
        let mut resource = Resource::clone(resource);
        alter(&mut resource);
        self.change(now, |resources| drop(resources.insert(arn.to_owned(), Arc::new(resource))));
        true
    }

    /// Deletes a resource, if it is there: now, or in a while.
    pub fn delete(&mut self, now: Duration, arn: &str) {
        if let Some(delay) = self.deletes_in.take() {
            return self.dying.push((now + delay, arn.to_owned()));
        }
        let Some(resource) = self.resources.get(arn).cloned() else { return };
        *self.balance.entry((resource.kind, resource.name.clone())).or_default() -= 1;
        self.keys.remove(arn);
        self.change(now, |resources| drop(resources.remove(arn)));
    }

    /// The stream key that a channel has now; its value is never shown late, as a rotation makes another key.
    pub fn stream_key(&self, channel: &str) -> Option<&String> {
        self.keys.get(channel)
    }

    /// Makes a key of a channel; None where it has one already.
    pub fn make_key(&mut self, channel: &str) -> Option<String> {
        if self.keys.contains_key(channel) {
            return None;
        }
        let made = self.keys_made.entry(channel.to_owned()).or_default();
        *made += 1;
        let key = format!("{CANARY}{channel}{KEY_NUMBER}{made}");
        self.keys.insert(channel.to_owned(), key.clone());
        Some(key)
    }

    /// Somebody deletes the key of a channel.
    pub fn delete_key(&mut self, channel: &str) {
        self.keys.remove(channel);
    }

    /// What was deleted a while ago is gone: the ARNs of that.
    pub fn bury(&mut self, now: Duration) -> Vec<String> {
        let due: Vec<_> = self.dying.extract_if(.., |(due, _)| *due <= now).map(|(_, arn)| arn).collect();
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

/// The channel that a stream key is of.
pub fn channel_of(key: &str) -> &str {
    let key = key.trim_start_matches(CANARY);
    key.split_once(KEY_NUMBER).map_or(key, |(channel, _)| channel)
}
