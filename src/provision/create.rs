//! Creating once: an attempt is journalled, the Create is called a single time, and what it made is recorded.

use secrecy::SecretString;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Change, MARGIN, Outcome, Provisioned, Result,
    converge::{Work, created_elsewhere, unknown_outcome},
};
use crate::{
    api::{ResourceStatus, Status},
    ivs::{Class, Kind},
    store::{AttemptEnd, Journal, Resources},
};

impl<K, S> Work<'_, K, S>
where
    K: Kind,
    S: Journal + Resources,
{
    /// Journals an attempt, creates, records.
    pub(super) async fn create(&self, change: Change) -> Result<Outcome<K::Status>> {
        let owner = self.order.owner;
        self.kind.admit().await?;
        let (known, lasts) = (self.recorded.arn.as_deref(), self.timing.create_lasts());
        let before = Instant::now();
        let Some(nonce) = self.store.open(owner.user, K::KIND, known, lasts).await? else {
            return Ok(created_elsewhere(K::KIND));
        };
        if before.elapsed() >= MARGIN {
            // A call that begins so late might end after the deadline.
            self.store.end(nonce, AttemptEnd::Failed).await?;
            return Ok(created_elsewhere(K::KIND));
        }
        let tags = owner.tags(nonce, self.order.tags);
        match self.kind.create(&owner.username, self.order.settings, &tags).await {
            Ok(created) => self.record_made(nonce, created.status, created.stream_key, change).await,
            Err(error) if error.class == Class::Ambiguous => {
                tracing::warn!(%error, kind = %K::KIND, "it is not known whether the resource was made");
                let wait = lasts.saturating_add(self.timing.grace);
                Ok(Outcome::Waiting(unknown_outcome(K::KIND, wait)))
            }
            Err(error) => {
                self.store.end(nonce, AttemptEnd::Failed).await?;
                Err(error.into())
            }
        }
    }

    async fn record_made(
        &self,
        nonce: Uuid,
        status: K::Status,
        stream_key: Option<SecretString>,
        change: Change,
    ) -> Result<Outcome<K::Status>> {
        let owner = self.order.owner;
        let resource: ResourceStatus = status.clone().into();
        if self.store.record_made(nonce, owner.user, &owner.username, &resource).await? {
            let (observed, look_in) = (true, None);
            return Ok(Outcome::Ready(Provisioned { status, stream_key, observed, change, look_in }));
        }
        // Somebody took over after the deadline. What we made is one too many if another is recorded; else it was adopted,
        // or is about to be, or the sweep finds it.
        let now = self.store.recorded(owner.user, K::KIND).await?;
        if now.arn.is_some_and(|recorded| recorded != status.arn()) {
            self.kind.delete(status.arn()).await?;
        }
        Ok(created_elsewhere(K::KIND))
    }
}
