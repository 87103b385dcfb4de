//! Differences between a live resource and its desired state.

use serde_json::Value;

use super::{
    DesiredResource, Owner,
    applied::{owned_fields, owned_settings},
    owner::tag_changes,
};
use crate::{
    api::{AppliedFields, Field, FieldDifference, RecreatePolicy},
    ivs::{self, Kind, Live, Properties, Tags, changes, differences},
    store::ResourceRecord,
};

/// The differences between a live resource and its desired state.
#[derive(Debug)]
pub(super) struct Differences<K: Kind> {
    /// The desired name, if AWS has another.
    name: Option<String>,
    /// Ownership tags that are missing or wrong.
    ownership: Tags,
    settings: Option<K::Settings>,
    set: Tags,
    remove: Vec<String>,
    /// All of them, for people.
    fields: Vec<FieldDifference>,
}

impl<K: Kind> Default for Differences<K> {
    fn default() -> Self {
        let (ownership, set, remove, fields) = Default::default();
        Self { name: None, ownership, settings: None, set, remove, fields }
    }
}

impl<K: Kind> Differences<K> {
    /// Compares a resource with its desired state: the name, settings, the user's own tags, and the ownership
    /// tags, which someone may have removed. `owned`: the fields that the spec names or has named.
    pub(super) fn between(
        desired: &DesiredResource<'_, K>,
        live: &Live<K::Status>,
        owned: &AppliedFields,
    ) -> Self {
        let Properties { name, settings } = &live.properties;
        let (set, remove) = tag_changes(desired.tags, &live.tags, owned);
        let mut ownership = desired.owner.ownership_tags();
        ownership.retain(|key, value| live.tags.get(key) != Some(value));
        let wanted = &desired.owner.username;
        let name = name.as_ref().filter(|name| *name != wanted).map(|_| wanted.clone());
        let settings = changes(K::KIND, &owned_settings(desired, owned, settings), settings);
        let found = Self { name, ownership, settings, set, remove, fields: Vec::new() };
        Self { fields: found.describe(live), ..found }
    }

    /// Returns each field with its live value and the desired one.
    fn describe(&self, live: &Live<K::Status>) -> Vec<FieldDifference> {
        let named = |desired: &String| FieldDifference {
            field: Field::Name,
            live: live.properties.name.clone(),
            desired: Some(desired.clone()),
        };
        let live_settings = &live.properties.settings;
        let settings = self.settings.as_ref().map(|settings| differences(K::KIND, settings, live_settings));
        let settings = settings.into_iter().flatten().map(|setting| FieldDifference {
            field: Field::Setting(setting.path),
            live: text_of(&setting.live),
            desired: text_of(&setting.desired),
        });
        let tags = self.ownership.iter().chain(&self.set);
        let set = tags.map(|(key, value)| tag_difference(key, live.tags.get(key), Some(value)));
        let removed = self.remove.iter().map(|key| tag_difference(key, live.tags.get(key), None));
        self.name.iter().map(named).chain(settings).chain(set).chain(removed).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns each field that differs.
    pub(super) fn fields(&self) -> &[FieldDifference] {
        &self.fields
    }

    /// Applies the differences in tags to the tags of a live resource.
    pub(super) fn apply_tags(&self, live: &mut Tags) {
        live.retain(|key, _| !self.remove.contains(key));
        live.extend(self.ownership.clone());
        live.extend(self.set.clone());
    }

    /// Sends the differences, and nothing else. Returns the name and the settings in AWS's response, if any
    /// of them was sent.
    ///
    /// # Errors
    /// The first failed call.
    pub(super) async fn send(&self, kind: &K, arn: &str) -> ivs::Result<Option<Properties>> {
        // Ownership first, whatever else fails: nothing else may name the owner.
        if !self.ownership.is_empty() {
            tracing::warn!(arn, kind = %K::KIND, "restoring missing ownership tags");
            kind.tag(arn, &self.ownership).await?;
        }
        let properties = if self.name.is_some() || self.settings.is_some() {
            let settings = self.settings.clone().unwrap_or_default();
            Some(kind.update(arn, self.name.as_deref(), &settings).await?)
        } else {
            None
        };
        // Removing tags first makes room for new ones under AWS's limit.
        if !self.remove.is_empty() {
            kind.untag(arn, &self.remove).await?;
        }
        if !self.set.is_empty() {
            kind.tag(arn, &self.set).await?;
        }
        Ok(properties)
    }
}

/// Returns the fields of a resource that differ from the spec of its account. `records`: what status and the
/// database say about the resource.
#[must_use]
pub fn differences_from_spec<K: Kind>(
    owner: &Owner,
    settings: &K::Settings,
    tags: &Tags,
    (status, recorded): (Option<&K::Status>, &ResourceRecord),
    live: &Live<K::Status>,
) -> Vec<FieldDifference> {
    let desired = DesiredResource::<K> {
        owner,
        settings,
        tags,
        status,
        inventory_arn: None,
        listed: Vec::new(),
        is_known_user: false,
        is_settled: false,
        was_sent: false,
        was_applied: false,
        reports_drift: false,
        recreate: RecreatePolicy::default(),
        is_dirty: false,
    };
    Differences::between(&desired, live, &owned_fields(&desired, &recorded.applied_fields)).fields
}

fn tag_difference(key: &str, live: Option<&String>, desired: Option<&String>) -> FieldDifference {
    FieldDifference { field: Field::Tag(key.to_owned()), live: live.cloned(), desired: desired.cloned() }
}

/// Returns a value as a text; None if it is null or empty.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Null | Value::String(_) => None,
        value => Some(value.to_string()),
    }
}
