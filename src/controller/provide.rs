//! One account, from whatever there is to what its spec says.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{ResourceExt, runtime::controller::Action};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Cluster, Context, World,
    error::Error,
    problem::Problem,
    release::release,
    report::{has_finalizer, next_try, publish, reference, requested, user_in_status},
    secret,
    status::{Done, Part, Progress},
};
use crate::{
    api::{
        AccountRef, ChannelStatus, ResourceKind, StreamerAccount, USER_ID_ANNOTATION,
        condition::{CHANNEL_READY, CHAT_ROOM_READY, READY, STAGE_READY, is_true},
    },
    ivs::{Kind, StreamKeys},
    provision::{Change, Inventory, Order, Outcome, Owner, Provisioned, converge},
    store::{Claim, Claimant, Journal, Resource, Resources, Users},
};

pub(super) async fn provide<W: World>(
    cached: &StreamerAccount,
    context: &Context<W>,
) -> Result<Action, Error> {
    let key = reference(cached);
    let doubt = context.doubt_about(&key);
    if is_settled(cached) && doubt.is_none() {
        return Ok(Action::await_change());
    }
    // The cache may be behind our own writes, and the account gone or on its way out.
    let Some(account) = context.world.cluster().current(cached).await? else {
        return Ok(Action::await_change());
    };
    if account.metadata.deletion_timestamp.is_some() {
        return release(&account, context).await;
    }
    if is_settled(&account) && doubt.is_none() {
        return Ok(Action::await_change());
    }
    if context.world.cluster().is_namespace_ending(&account).await? {
        let progress = Progress::stopped_by(&Problem::namespace_terminating(&key.namespace));
        publish(&account, context, &progress).await?;
        return Ok(next_try(&key, context, &progress));
    }
    // The finalizer is there before the first Create (I3).
    let account = if has_finalizer(&account) {
        account
    } else {
        context.world.cluster().add_finalizer(&account).await?
    };
    let progress = match claim(&account, context).await {
        Ok(user) => provision(&account, context, user, doubt.is_some()).await,
        Err(problem) => Progress::stopped_by(&problem),
    };
    publish(&account, context, &progress).await?;
    if progress.retry().is_none() {
        context.settle_doubt(&key, doubt);
    }
    Ok(next_try(&key, context, &progress))
}

/// Whether status says of this generation that all is well, and nobody has asked for a look since.
fn is_settled(account: &StreamerAccount) -> bool {
    has_finalizer(account)
        && account.status.as_ref().is_some_and(|status| {
            Some(status.observed_generation) == account.metadata.generation
                && status.handled_reconcile_at.as_deref() == requested(account)
                && is_true(&status.conditions, READY)
        })
}

/// Makes the username this account's. Who holds it keeps it; of two that claim one nobody holds, the older wins.
async fn claim<W: World>(account: &StreamerAccount, context: &Context<W>) -> Result<Uuid, Problem> {
    let (store, accounts) = (context.world.store(), context.world.cluster().accounts());
    let username = &account.spec.username;
    let key = reference(account);
    if store.holder(username).await?.is_none()
        && let Some(older) = older_claimant(account, &accounts)
    {
        return Err(Problem::username_taken(username, &older, true));
    }
    let inventory = context.inventory().await?;
    let known = user_in_status(account).or_else(|| inventory.user(&key, username));
    let registration = account.annotations().get(USER_ID_ANNOTATION).and_then(|id| id.parse().ok());
    match store.claim(Claimant { username, account: &key, known, registration }).await? {
        Claim::Held(holder) if holder.username != *username => {
            Err(Problem::username_spelled(username, &holder.username))
        }
        Claim::Held(holder) => Ok(holder.user),
        Claim::Taken(holder) => {
            let exists = accounts.iter().any(|other| reference(other) == holder.account);
            Err(Problem::username_taken(username, &holder.account, exists))
        }
        Claim::Registered => Err(Problem::username_registered(username)),
    }
}

/// Another account that claims the same username and was there before this one.
fn older_claimant(account: &StreamerAccount, all: &[Arc<StreamerAccount>]) -> Option<AccountRef> {
    let claims_same = |other: &&Arc<StreamerAccount>| {
        other.metadata.uid != account.metadata.uid
            && other.spec.username.eq_ignore_ascii_case(&account.spec.username)
    };
    let is_older = |other: &&Arc<StreamerAccount>| {
        let created =
            |account: &StreamerAccount| account.metadata.creation_timestamp.clone().map(|time| time.0);
        created(other) < created(account)
    };
    all.iter().filter(claims_same).find(is_older).map(|other| reference(other))
}

/// The three kinds at the same time; each is recorded on its own, and one that fails holds up no other.
async fn provision<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    user: Uuid,
    doubted: bool,
) -> Progress {
    let inventory = match context.inventory().await {
        Ok(inventory) => inventory,
        Err(problem) => return Progress::stopped_by(&problem),
    };
    let owner = Owner {
        installation: context.installation.clone(),
        user,
        account: reference(account),
        username: account.spec.username.clone(),
    };
    let doubted = doubted || asks_for_a_look(account);
    let work = Work { account, context, owner: &owner, inventory: &inventory, doubted };
    let status = account.status.as_ref();
    let spec = &account.spec;
    let ((channel, secret), chat_room, stage) = tokio::join!(
        work.channel(),
        work.converge(
            context.world.chat_rooms(),
            &spec.chat_room,
            status.and_then(|status| status.chat_room.as_ref()),
            CHAT_ROOM_READY,
        ),
        work.converge(
            context.world.stages(),
            &spec.stage,
            status.and_then(|status| status.stage.as_ref()),
            STAGE_READY,
        ),
    );
    Progress {
        user: Ok(Done { status: user.to_string(), change: Change::Kept }),
        channel,
        secret,
        chat_room: chat_room.map(done),
        stage: stage.map(done),
    }
}

fn done<S>(provisioned: Provisioned<S>) -> Done<S> {
    Done { status: provisioned.status, change: provisioned.change }
}

/// Whether somebody has asked for a look at everything that was not taken yet.
fn asks_for_a_look(account: &StreamerAccount) -> bool {
    let handled = account.status.as_ref().and_then(|status| status.handled_reconcile_at.as_deref());
    requested(account).is_some_and(|asked| handled != Some(asked))
}

/// One account being provided for.
struct Work<'a, W> {
    account: &'a StreamerAccount,
    context: &'a Context<W>,
    owner: &'a Owner,
    inventory: &'a Inventory,
    doubted: bool,
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

    /// The channel, and the Secret with its stream key: the ARN is kept also where the Secret cannot be written.
    async fn channel(&self) -> (Part<ChannelStatus>, Result<(), Problem>) {
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
        match cluster.secret(self.account, &name).await? {
            Some(found) if !secret::is_owned(&found, self.account) => {
                return Err(Problem::secret_taken(&name));
            }
            Some(found) if made.is_none() && secret::is_complete(&found, channel) => return Ok(()),
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
        Ok(cluster.apply_secret(self.account, &secret::build(self.account, channel, &stream_key)).await?)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;

    fn account(name: &str, username: &str, second: i64) -> Arc<StreamerAccount> {
        let spec = serde_json::from_value(serde_json::json!({ "username": username })).expect("a spec");
        let mut account = StreamerAccount::new(name, spec);
        account.metadata.uid = Some(name.to_owned());
        account.metadata.namespace = Some("default".to_owned());
        account.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).expect("a time")));
        Arc::new(account)
    }

    #[test]
    fn of_two_that_claim_one_username_the_older_wins() {
        let (older, younger, other) =
            (account("a", "Todd", 1), account("b", "todd", 2), account("c", "ann", 0));
        let all = [Arc::clone(&younger), Arc::clone(&older), other];
        assert_eq!(older_claimant(&older, &all), None);
        assert_eq!(older_claimant(&younger, &all), Some(reference(&older)));
    }

    #[test]
    fn two_of_the_same_second_leave_it_to_the_database() {
        let all = [account("a", "todd", 1), account("b", "todd", 1)];
        assert_eq!(older_claimant(&all[0], &all), None);
        assert_eq!(older_claimant(&all[1], &all), None);
    }
}
