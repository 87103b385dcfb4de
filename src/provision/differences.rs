//! Differences between a live resource and its desired state.

use serde_json::{Map, Value};

use super::{DesiredResource, owner::tag_changes};
use crate::ivs::{self, Kind, Live, Tags, changes};

/// The differences between a live resource and its desired state.
#[derive(Debug)]
pub(super) struct Differences<K: Kind> {
    /// Ownership tags that are missing or wrong.
    ownership: Tags,
    settings: Option<K::Settings>,
    set: Tags,
    remove: Vec<String>,
}

impl<K: Kind> Default for Differences<K> {
    fn default() -> Self {
        Self { ownership: Tags::new(), settings: None, set: Tags::new(), remove: Vec::new() }
    }
}

impl<K: Kind> Differences<K> {
    /// Compares a resource with its desired state: settings, the user's own tags, and the ownership tags,
    /// which someone may have removed.
    pub(super) fn between(desired: &DesiredResource<'_, K>, live: &Live<K::Status>) -> Self {
        let (set, remove) = tag_changes(desired.tags, &live.tags);
        let mut ownership = desired.owner.ownership_tags();
        ownership.retain(|key, value| live.tags.get(key) != Some(value));
        Self { ownership, settings: changes(desired.settings, &live.settings), set, remove }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ownership.is_empty() && self.settings.is_none() && self.set.is_empty() && self.remove.is_empty()
    }

    /// Returns the names of the settings and tags that differ, without their values.
    pub(super) fn fields(&self) -> String {
        let settings = self.settings.as_ref().and_then(|settings| serde_json::to_value(settings).ok());
        let settings = settings.as_ref().and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned();
        let tags = self.ownership.keys().chain(self.set.keys()).chain(&self.remove);
        let fields: Vec<_> = settings.chain(tags.map(|key| format!("tag {key}"))).collect();
        fields.join(", ")
    }

    /// Applies the differences in tags to the tags of a live resource.
    pub(super) fn apply_tags(&self, live: &mut Tags) {
        live.retain(|key, _| !self.remove.contains(key));
        live.extend(self.ownership.clone());
        live.extend(self.set.clone());
    }

    /// Sends the differences, and nothing else. Returns the settings in AWS's response, if settings were
    /// sent.
    ///
    /// # Errors
    /// The first failed call.
    pub(super) async fn send(&self, kind: &K, arn: &str) -> ivs::Result<Option<Value>> {
        // Ownership first, whatever else fails: nothing else may name the owner.
        if !self.ownership.is_empty() {
            tracing::warn!(arn, kind = %K::KIND, "restoring missing ownership tags");
            kind.tag(arn, &self.ownership).await?;
        }
        let settings = match &self.settings {
            Some(settings) => Some(kind.update(arn, settings).await?),
            None => None,
        };
        // Removing tags first makes room for new ones under AWS's limit.
        if !self.remove.is_empty() {
            kind.untag(arn, &self.remove).await?;
        }
        if !self.set.is_empty() {
            kind.tag(arn, &self.set).await?;
        }
        Ok(settings)
    }
}
