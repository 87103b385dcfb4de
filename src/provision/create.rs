//! Creating once: an attempt is journalled, the Create is called a single time, and what it made is recorded.

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Change, MARGIN, Outcome, Result,
    converge::{Work, created_elsewhere, unknown_outcome},
};
use crate::{
    api::{ResourceStatus, Status},
    ivs::{Class, Created, Kind, Live, Tags},
    store::{AttemptEnd, Journal, Orphans, Resources},
};

impl<K, S> Work<'_, K, S>
where
    K: Kind,
    S: Journal + Resources + Orphans,
{
    /// Journals an attempt, creates, records. None where it is recorded: then it is compared with what is wanted.
    pub(super) async fn create(&mut self, change: Change) -> Result<Option<Outcome<K::Status>>> {
        let owner = self.order.owner;
        self.kind.admit().await?;
        let (known, lasts) = (self.recorded.arn.as_deref(), self.circumstances.timing.create_lasts());
        let before = Instant::now();
        let Some(nonce) = self.store.open(owner.user, K::KIND, known, lasts).await? else {
            return Ok(Some(created_elsewhere(K::KIND)));
        };
        if before.elapsed() >= MARGIN {
            // A call that begins so late might end after the deadline.
            self.store.end(nonce, AttemptEnd::Failed).await?;
            return Ok(Some(created_elsewhere(K::KIND)));
        }
        let tags = owner.tags(nonce, self.order.tags);
        match self.kind.create(&owner.username, self.order.settings, &tags).await {
            Ok(created) => self.record_made(nonce, created, tags, change).await,
            Err(error) if error.class == Class::Ambiguous => {
                tracing::warn!(%error, kind = %K::KIND, "it is not known whether the resource was made");
                let wait = lasts.saturating_add(self.circumstances.timing.grace);
                Ok(Some(Outcome::Waiting(unknown_outcome(K::KIND, wait))))
            }
            Err(error) => {
                self.store.end(nonce, AttemptEnd::Failed).await?;
                Err(error.into())
            }
        }
    }

    async fn record_made(
        &mut self,
        nonce: Uuid,
        created: Created<K::Status>,
        tags: Tags,
        change: Change,
    ) -> Result<Option<Outcome<K::Status>>> {
        let (owner, Created { status, settings, stream_key }) = (self.order.owner, created);
        let resource: ResourceStatus = status.clone().into();
        if self.store.record_made(nonce, owner.user, &owner.username, &resource).await? {
            self.made(Live { status, settings, tags }, stream_key, change);
            return Ok(None);
        }
        // Somebody took over after the deadline. What we made is one too many if another is recorded; else it was adopted,
        // or is about to be, or the sweep finds it.
        let now = self.store.recorded(owner.user, K::KIND).await?;
        if now.arn.is_some_and(|recorded| recorded != status.arn()) {
            self.kind.delete(status.arn()).await?;
        }
        Ok(Some(created_elsewhere(K::KIND)))
    }
}
