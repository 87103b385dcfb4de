//! What is to be sent so that a resource is as the spec says.

use super::{Order, owner::tag_changes};
use crate::ivs::{self, Kind, Live, Tags, changes};

/// What differs between a resource as it is shown and as it is wanted.
#[derive(Debug)]
pub(super) struct Differences<K: Kind> {
    settings: Option<K::Settings>,
    set: Tags,
    remove: Vec<String>,
}

impl<K: Kind> Differences<K> {
    /// The settings and tags that are not as the order says. Tags of ours that somebody has removed are among them: the
    /// record brings them back.
    pub(super) fn between(order: &Order<'_, K>, live: &Live<K::Status>) -> Self {
        let (mut set, remove) = tag_changes(order.tags, &live.tags);
        if !order.owner.owns(&live.tags) {
            set.extend(order.owner.identity());
        }
        Self { settings: changes(order.settings, &live.settings), set, remove }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_none() && self.set.is_empty() && self.remove.is_empty()
    }

    /// Sends them, and nothing else.
    ///
    /// # Errors
    /// What AWS did not do.
    pub(super) async fn send(&self, kind: &K, arn: &str) -> ivs::Result<()> {
        if let Some(settings) = &self.settings {
            kind.update(arn, settings).await?;
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
