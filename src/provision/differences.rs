//! What is to be sent so that a resource is as the spec says.

use serde_json::Value;

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

    /// Sends them, and nothing else.
    ///
    /// # Errors
    /// What AWS did not do.
    pub(super) async fn send(&self, kind: &K, arn: &str) -> ivs::Result<()> {
        // Whose it is comes first, and whatever else fails: nothing else may say so any more.
        if !self.identity.is_empty() {
            tracing::warn!(arn, kind = %K::KIND, "its tags did not say any more whose it was: they are set again");
            kind.tag(arn, &self.identity).await?;
        }
        if let Some(settings) = &self.settings {
            let _: Value = kind.update(arn, settings).await?;
        }
        // Removing first leaves room for the new ones under AWS's limit.
        if !self.remove.is_empty() {
            kind.untag(arn, &self.remove).await?;
        }
        if !self.set.is_empty() {
            kind.tag(arn, &self.set).await?;
        }
        Ok(())
    }
}
