//! Reconciles the Secret with the stream key of a channel. It is compared with AWS whenever the
//! channel is read from AWS.

mod decide;

use k8s_openapi::api::core::v1::Secret;
use secrecy::SecretString;
use uuid::Uuid;

use self::decide::{SecretConflict, SecretDecision, build, decide, has_stream_key, is_of};
use crate::{
    api::{ChannelStatus, ResourceKind, StreamerAccount},
    controller::{
        backends::Backends,
        blocker::Blocker,
        context::Context,
        kubernetes::{EventDraft, Kubernetes},
        status::{events, publish_event},
    },
    ivs::StreamKeys,
    store::Resources,
};

pub(super) use self::decide::name;

/// Reconciles the Secret of one channel.
pub(super) struct SecretReconciler<'a, B> {
    /// The account that owns the Secret.
    pub account: &'a StreamerAccount,
    /// The shared state.
    pub context: &'a Context<B>,
    /// The user that owns the channel.
    pub user: Uuid,
    /// The channel.
    pub channel: &'a ChannelStatus,
}

impl<B: Backends> SecretReconciler<'_, B> {
    /// Writes the Secret if it differs. `created` is the key that came with a channel that was just created.
    /// `observed` is true if the channel was read from AWS in this reconcile. Then its key is compared too;
    /// otherwise only the rest of the Secret is.
    pub(super) async fn ensure(&self, created: Option<SecretString>, observed: bool) -> Result<(), Blocker> {
        if let Some(stream_key) = &created
            && self.create(stream_key).await?
        {
            return Ok(());
        }
        // Read before the key: if another has written since, the write below fails with a conflict.
        let name = name(self.account);
        let found = self.context.backends.kubernetes().secret(self.account, &name).await?;
        match decide(found.as_ref(), self.account, self.channel, None) {
            SecretDecision::Conflict(conflict) => return Err(blocker(conflict, &name)),
            SecretDecision::Keep if !observed => return Ok(()),
            _ => {}
        }
        let stream_key = self.stream_key(found.as_ref(), created).await?;
        let decision = decide(found.as_ref(), self.account, self.channel, Some(&stream_key));
        match decision {
            SecretDecision::Keep => return Ok(()),
            SecretDecision::Conflict(conflict) => return Err(blocker(conflict, &name)),
            SecretDecision::Write | SecretDecision::Adopt => {}
        }
        if !self.is_recorded().await? {
            return Err(Blocker::superseded());
        }
        let secret = build(self.account, self.channel, &stream_key, found.as_ref());
        self.context.backends.kubernetes().write_secret(self.account, found.as_ref(), secret).await?;
        let found = found.as_ref().filter(|found| is_of(found, self.channel));
        if let Some(event) = found.and_then(|found| replaced(found, &name, decision, &stream_key)) {
            publish_event(self.account, self.context, &event).await;
        }
        Ok(())
    }

    /// Creates the Secret of a new channel. Returns false if there is already one of this name.
    async fn create(&self, stream_key: &SecretString) -> Result<bool, Blocker> {
        let secret = build(self.account, self.channel, stream_key, None);
        match self.context.backends.kubernetes().write_secret(self.account, None, secret).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
            written => Ok(written.map(|()| true)?),
        }
    }

    /// Returns the stream key of the channel; creates one if it was deleted. The key that came with the
    /// channel is not trusted if there is already a Secret of this channel: its writer may have seen a later
    /// key.
    async fn stream_key(
        &self,
        found: Option<&Secret>,
        created: Option<SecretString>,
    ) -> Result<SecretString, Blocker> {
        if let Some(created) = created.filter(|_| !found.is_some_and(|found| is_of(found, self.channel))) {
            return Ok(created);
        }
        let (keys, arn) = (self.context.backends.channels(), &self.channel.arn);
        if let Some(stream_key) = keys.stream_key(arn).await? {
            return Ok(stream_key);
        }
        // No key is created for a channel that now belongs to another account, or that is being deleted.
        if !self.is_recorded().await? {
            return Err(Blocker::superseded());
        }
        match keys.create_stream_key(arn).await {
            Ok(stream_key) => {
                publish_event(self.account, self.context, &events::stream_key_created(arn)).await;
                Ok(stream_key)
            }
            // A key exists now: another controller, a person, or a call of ours that seemed lost has
            // created it.
            Err(error) if error.is_quota_exceeded() => {
                keys.stream_key(arn).await?.ok_or_else(Blocker::stream_key_not_returned)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns true if the channel is still recorded for the user. Asked after the Secret was read: the next
    /// channel is recorded before its Secret is written, so a reconcile that was delayed does not overwrite
    /// that Secret.
    async fn is_recorded(&self) -> Result<bool, Blocker> {
        let recorded = self.context.backends.store().recorded(self.user).await?;
        Ok(recorded[ResourceKind::Channel].arn.as_ref() == Some(&self.channel.arn))
    }
}

fn blocker(conflict: SecretConflict, name: &str) -> Blocker {
    match conflict {
        SecretConflict::Taken => Blocker::secret_taken(name),
        SecretConflict::Immutable => Blocker::secret_immutable(name),
    }
}

/// Returns the event for a Secret of this channel that was replaced; None if the change does not matter to
/// people.
fn replaced(
    found: &Secret,
    name: &str,
    decision: SecretDecision,
    stream_key: &SecretString,
) -> Option<EventDraft> {
    if decision == SecretDecision::Adopt {
        Some(events::secret_adopted(name))
    } else if !has_stream_key(found, stream_key) {
        Some(events::stream_key_replaced(name))
    } else {
        None
    }
}
