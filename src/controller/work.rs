//! One account being worked on: its three parts, each from whatever there is to what the spec says of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use secrecy::SecretString;

use super::{
    Cluster, Context, World,
    problem::Problem,
    secret,
    status::{Done, Part},
};
use crate::{
    api::{
        ChannelStatus, ChatRoomStatus, ResourceKind, StageStatus, StreamerAccount,
        condition::{CHANNEL_READY, CHAT_ROOM_READY, STAGE_READY},
    },
    ivs::{Kind, StreamKeys},
    provision::{Inventory, Order, Outcome, Owner, Provisioned, converge},
    store::{Journal, Resource, Resources},
};

/// One account being worked on.
pub(super) struct Work<'a, W> {
    /// The account as it was read.
    pub account: &'a StreamerAccount,
    /// What every reconcile shares.
    pub context: &'a Context<W>,
    /// Whose the resources are to be.
    pub owner: &'a Owner,
    /// What the last sweep saw.
    pub inventory: &'a Inventory,
    /// Whether somebody doubts that all is well.
    pub doubted: bool,
}

impl<W: World> Work<'_, W> {
    async fn converge<K>(
        &self,
        kind: &K,
        settings: &K::Settings,
        status: Option<&K::Status>,
        condition: &str,
    ) -> Result<Provisioned<K::Status>, Problem>
    where
        K: Kind,
        for<'s> Resource: From<&'s K::Status>,
        W::Store: Journal + Resources,
    {
        let order = Order {
            owner: self.owner,
            settings,
            tags: &self.account.spec.tags,
            recreate: self.account.spec.recreate_policy,
            status,
            swept: self.swept(K::KIND),
            settled: self.is_part_settled(condition),
            doubted: self.doubted,
        };
        match converge(kind, self.context.world.store(), self.context.timing, &order).await? {
            Outcome::Ready(provisioned) => Ok(provisioned),
            Outcome::Waiting(wait) => Err(wait.into()),
        }
    }

    fn swept(&self, kind: ResourceKind) -> Option<&str> {
        self.inventory.arn(&self.owner.account, self.owner.user, kind)
    }

    /// Whether status says of this generation that this part is well, and nobody doubts it.
    fn is_part_settled(&self, condition: &str) -> bool {
        let observed = |found: &&Condition| found.observed_generation == self.account.metadata.generation;
        let conditions =
            self.account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let settled = conditions.iter().filter(|found| found.type_ == condition).find(observed);
        settled.is_some_and(|found| found.status == "True") && !self.doubted
    }

    /// The chat room.
    pub(super) async fn chat_room(&self) -> Part<ChatRoomStatus> {
        let before = self.account.status.as_ref().and_then(|status| status.chat_room.as_ref());
        let kind = self.context.world.chat_rooms();
        self.converge(kind, &self.account.spec.chat_room, before, CHAT_ROOM_READY).await.map(done)
    }

    /// The stage.
    pub(super) async fn stage(&self) -> Part<StageStatus> {
        let before = self.account.status.as_ref().and_then(|status| status.stage.as_ref());
        let kind = self.context.world.stages();
        self.converge(kind, &self.account.spec.stage, before, STAGE_READY).await.map(done)
    }

    /// The channel, and the Secret with its stream key: the ARN is kept also where the Secret cannot be written.
    pub(super) async fn channel(&self) -> (Part<ChannelStatus>, Result<(), Problem>) {
        let before = self.account.status.as_ref().and_then(|status| status.channel.as_ref());
        let channels = self.context.world.channels();
        match self.converge(channels, &self.account.spec.channel, before, CHANNEL_READY).await {
            Ok(provisioned) => {
                let mut done = Done { status: provisioned.status, change: provisioned.change };
                done.status.stream_key_secret_name = Some(secret::name(self.account));
                let secret = self.ensure_secret(&done.status, provisioned.stream_key).await;
                (Ok(done), secret)
            }
            Err(problem) => (Err(problem), Ok(())),
        }
    }

    /// Writes the Secret where it is missing or wrong.
    async fn ensure_secret(
        &self,
        channel: &ChannelStatus,
        made: Option<SecretString>,
    ) -> Result<(), Problem> {
        let cluster = self.context.world.cluster();
        let name = secret::name(self.account);
        let found = cluster.secret(self.account, &name).await?;
        match &found {
            Some(found) if !secret::is_owned(found, self.account) => {
                return Err(Problem::secret_taken(&name));
            }
            Some(found) if made.is_none() && secret::is_complete(found, self.account, channel) => {
                return Ok(());
            }
            _ => {}
        }
        let stream_key = match made {
            Some(key) => key,
            None => self
                .context
                .world
                .channels()
                .stream_key(&channel.arn)
                .await?
                .ok_or_else(Problem::no_stream_key)?,
        };
        let secret = secret::build(self.account, channel, &stream_key);
        Ok(cluster.write_secret(self.account, found.as_ref(), secret).await?)
    }
}

fn done<S>(provisioned: Provisioned<S>) -> Done<S> {
    Done { status: provisioned.status, change: provisioned.change }
}
