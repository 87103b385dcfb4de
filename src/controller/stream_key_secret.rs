//! The stream key of an account's channel in its Secret: compared with AWS whenever AWS is asked about the channel.

use k8s_openapi::api::core::v1::Secret;
use secrecy::SecretString;

use super::{
    Cluster, Notice, World,
    problem::Problem,
    report::tell,
    secret::{self, Blocker, Decision},
    work::Work,
};
use crate::{
    api::{ChannelStatus, ResourceKind},
    ivs::StreamKeys,
    store::Resources,
};

impl<W: World> Work<'_, W> {
    /// Makes the Secret as it should be. `made`: the key that came with the channel, where it was just created. `observed`: AWS was
    /// asked about the channel in this pass, and so it is about its key; else only what is plainly wrong is written.
    pub(super) async fn ensure_secret(
        &self,
        channel: &ChannelStatus,
        made: Option<SecretString>,
        observed: bool,
    ) -> Result<(), Problem> {
        if let Some(stream_key) = &made
            && self.create_secret(channel, stream_key).await?
        {
            return Ok(());
        }
        // Read before the key is: what is written below fails where another has written since.
        let name = secret::name(self.account);
        let found = self.context.world.cluster().secret(self.account, &name).await?;
        match secret::decide(found.as_ref(), self.account, channel, None) {
            Decision::Blocked(blocker) => return Err(problem(blocker, &name)),
            Decision::Keep if !observed => return Ok(()),
            _ => {}
        }
        let stream_key = self.stream_key(channel, found.as_ref(), made).await?;
        let decision = secret::decide(found.as_ref(), self.account, channel, Some(&stream_key));
        match decision {
            Decision::Keep => return Ok(()),
            Decision::Blocked(blocker) => return Err(problem(blocker, &name)),
            Decision::Write | Decision::Adopt => {}
        }
        if !self.is_recorded(channel).await? {
            return Err(Problem::superseded());
        }
        let secret = secret::build(self.account, channel, &stream_key, found.as_ref());
        self.context.world.cluster().write_secret(self.account, found.as_ref(), secret).await?;
        let found = found.as_ref().filter(|found| secret::is_of(found, channel));
        if let Some(notice) = found.and_then(|found| written(found, &name, decision, &stream_key)) {
            tell(self.account, self.context, &notice).await;
        }
        Ok(())
    }

    /// Creates the Secret of a new channel, where there is seldom one of its name; false when there is.
    async fn create_secret(
        &self,
        channel: &ChannelStatus,
        stream_key: &SecretString,
    ) -> Result<bool, Problem> {
        let secret = secret::build(self.account, channel, stream_key, None);
        match self.context.world.cluster().write_secret(self.account, None, secret).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
            written => Ok(written.map(|()| true)?),
        }
    }

    /// The key that the channel has now; one that was deleted is made again. The key that came with the channel is not trusted where
    /// a Secret of this very channel is there: who wrote that may have seen a later key.
    async fn stream_key(
        &self,
        channel: &ChannelStatus,
        found: Option<&Secret>,
        made: Option<SecretString>,
    ) -> Result<SecretString, Problem> {
        if let Some(made) = made.filter(|_| !found.is_some_and(|found| secret::is_of(found, channel))) {
            return Ok(made);
        }
        let keys = self.context.world.channels();
        if let Some(stream_key) = keys.stream_key(&channel.arn).await? {
            return Ok(stream_key);
        }
        // Not for a channel that is another's by now, or being deleted.
        if !self.is_recorded(channel).await? {
            return Err(Problem::superseded());
        }
        match keys.create_stream_key(&channel.arn).await {
            Ok(stream_key) => {
                tell(self.account, self.context, &stream_key_created(&channel.arn)).await;
                Ok(stream_key)
            }
            // There is one by now: another controller, a person or a call of ours that was thought lost has made it.
            Err(error) if error.is_quota_exceeded() => {
                keys.stream_key(&channel.arn).await?.ok_or_else(Problem::stream_key_not_shown)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the channel is the account's still. Asked after its Secret was read: who has slept since the channel was made or seen may
    /// come after the one who made the next, which is recorded before its Secret is written.
    async fn is_recorded(&self, channel: &ChannelStatus) -> Result<bool, Problem> {
        let recorded = self.context.world.store().recorded(self.owner.user, ResourceKind::Channel).await?;
        Ok(recorded.arn.as_ref() == Some(&channel.arn))
    }
}

fn problem(blocker: Blocker, name: &str) -> Problem {
    match blocker {
        Blocker::Taken => Problem::secret_taken(name),
        Blocker::Immutable => Problem::secret_immutable(name),
    }
}

/// The event of a key that was made again.
fn stream_key_created(channel_arn: &str) -> Notice {
    let note = format!(
        "the channel {channel_arn} had no stream key and was given another, which goes into the Secret: encoders need it"
    );
    Notice { warning: true, reason: "StreamKeyCreated".to_owned(), action: "Provision", note }
}

/// The event of a Secret of this channel that was written over `found`, where a person should hear of it.
fn written(found: &Secret, name: &str, decision: Decision, stream_key: &SecretString) -> Option<Notice> {
    let (reason, note) = if decision == Decision::Adopt {
        ("SecretAdopted", format!("the Secret {name} had no owner and is the account's again"))
    } else if !secret::has_stream_key(found, stream_key) {
        (
            "StreamKeyReplaced",
            format!("the Secret {name} had another stream key than the channel has: it has that one now"),
        )
    } else {
        return None;
    };
    Some(Notice { warning: false, reason: reason.to_owned(), action: "Provision", note })
}
