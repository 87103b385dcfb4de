//! What is to be sent so that a resource is as the spec says.

use serde_json::{Map, Value};

use super::{Order, owner::tag_changes};
use crate::ivs::{self, Kind, Live, Tags, changes};

/// What differs between a resource as it is shown and as it is wanted.
#[derive(Debug)]
pub(super) struct Differences<K: Kind> {
    /// The tags that say whose it is, where it has lost any.
    identity: Tags,
    settings: Option<K::Settings>,
    set: Tags,
    remove: Vec<String>,
}

impl<K: Kind> Default for Differences<K> {
    fn default() -> Self {
        Self { identity: Tags::new(), settings: None, set: Tags::new(), remove: Vec::new() }
    }
}

impl<K: Kind> Differences<K> {
    /// The settings and tags that are not as the order says. Tags of ours that somebody has removed are among them: the
    /// record brings them back.
    pub(super) fn between(order: &Order<'_, K>, live: &Live<K::Status>) -> Self {
        let (set, remove) = tag_changes(order.tags, &live.tags);
        let mut identity = order.owner.identity();
        identity.retain(|key, value| live.tags.get(key) != Some(value));
        Self { identity, settings: changes(order.settings, &live.settings), set, remove }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.identity.is_empty() && self.settings.is_none() && self.set.is_empty() && self.remove.is_empty()
    }

    /// The names of the settings and tags that differ; holds no value.
    pub(super) fn fields(&self) -> String {
        let settings = self.settings.as_ref().and_then(|settings| serde_json::to_value(settings).ok());
        let settings = settings.as_ref().and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned();
        let tags = self.identity.keys().chain(self.set.keys()).chain(&self.remove);
        let fields: Vec<_> = settings.chain(tags.map(|key| format!("tag {key}"))).collect();
        fields.join(", ")
    }

    /// Changes tags as they are once the differences are sent.
    pub(super) fn apply_tags(&self, live: &mut Tags) {
        live.retain(|key, _| !self.remove.contains(key));
        live.extend(self.identity.clone());
        live.extend(self.set.clone());
    }

    /// Sends them, and nothing else; the settings as AWS answers that they are, if any were sent.
    ///
    /// # Errors
    /// What AWS did not do.
    pub(super) async fn send(&self, kind: &K, arn: &str) -> ivs::Result<Option<Value>> {
        // Whose it is comes first, and whatever else fails: nothing else may say so any more.
        if !self.identity.is_empty() {
            tracing::warn!(arn, kind = %K::KIND, "its tags did not say any more whose it was: they are set again");
            kind.tag(arn, &self.identity).await?;
        }
        let settings = match &self.settings {
            Some(settings) => Some(kind.update(arn, settings).await?),
            None => None,
        };
        // Removing first leaves room for the new ones under AWS's limit.
        if !self.remove.is_empty() {
            kind.untag(arn, &self.remove).await?;
        }
        if !self.set.is_empty() {
            kind.tag(arn, &self.set).await?;
        }
        Ok(settings)
    }
}
