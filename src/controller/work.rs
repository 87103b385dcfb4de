//! One account being worked on: its three parts, each from whatever there is to what the spec says of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Context, World,
    problem::{DRIFT_PERSISTS, Problem},
    progress::{Done, Part},
    report::user_in_status,
    secret,
    world::with_kind,
};
use crate::{
    api::{ResourceKind, ResourceStatus, Settings, Status, StreamerAccount},
    ivs::Kind,
    provision::{self, Change, DesiredResource, Inventory, Outcome, Owner, Provisioned, converge},
    store::Resources,
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
    /// True if a person has asked for a look at everything: then what was left as it is is sent again.
    pub asked: bool,
}

impl<W: World> Work<'_, W> {
    /// One resource, and what belongs to it: the ARN is kept also where the Secret cannot be written.
    pub(super) async fn part(&self, kind: ResourceKind) -> Part<Done> {
        let converged = with_kind!(self.context.world, kind, |kind| self.converge(kind).await);
        if let Err(problem) = &converged {
            self.compare_secret(kind, problem).await;
        }
        let Provisioned { mut status, stream_key, observed, change, recheck_in: look_in, drift } = converged?;
        let drift = drift.map(|drift| Problem::drift_persists(kind.noun(), &drift));
        let is_new = matches!(change, Change::Created | Change::Recreated);
        let row = if observed && !is_new { self.correct_row(&status).await } else { Ok(()) };
        let secret = match &mut status {
            ResourceStatus::Channel(channel) => {
                channel.stream_key_secret_name = Some(secret::name(self.account));
                self.ensure_secret(channel, stream_key, observed).await.err()
            }
            ResourceStatus::ChatRoom(_) | ResourceStatus::Stage(_) => None,
        };
        match secret.or(row.err()) {
            // Another channel is the account's by now: this one does not go into status.
            Some(problem) if problem == Problem::superseded() => Err(problem),
            lacks => Ok(Done { status, change, lacks: both(drift, lacks), look_in }),
        }
    }

    /// The row says of the resource what AWS has shown of it, so that the application reads no other address.
    async fn correct_row(&self, status: &ResourceStatus) -> Result<(), Problem> {
        let (store, owner) = (self.context.world.store(), self.owner);
        if store.correct(owner.user, &owner.username, status).await? {
            let (arn, kind) = (status.arn(), status.kind());
            tracing::warn!(arn, %kind, "its row had another name or address than AWS: it is corrected");
        }
        Ok(())
    }

    /// Compares the Secret also where AWS refuses what the spec says of the channel: the key may have been rotated meanwhile.
    async fn compare_secret(&self, kind: ResourceKind, problem: &Problem) {
        let channel = self.account.status.as_ref().and_then(|status| status.channel.as_ref());
        let Some(channel) = channel.filter(|_| kind == ResourceKind::Channel && problem.is_refusal()) else {
            return;
        };
        if let Err(problem) = self.ensure_secret(channel, None, true).await {
            tracing::debug!(problem.message, "the Secret could not be compared");
        }
    }

    async fn converge<K: Kind>(&self, kind: &K) -> Result<Provisioned<ResourceStatus>, Problem> {
        let (world, spec) = (&self.context.world, &self.account.spec);
        let order = DesiredResource {
            owner: self.owner,
            settings: K::Settings::of(spec),
            tags: &spec.tags,
            recreate: spec.recreate_policy,
            status: self.account.status.as_ref().and_then(K::Status::of),
            inventory_arn: self.inventory.arn(self.owner, K::KIND),
            listed: self.inventory.of_user(self.owner.user, K::KIND),
            is_known_user: self.is_user_known(),
            is_settled: self.is_part_settled(K::KIND.condition()),
            was_sent: self.is_part_sent(K::KIND.condition()),
            is_dirty: self.doubted,
        };
        let circumstances = self.context.circumstances(K::KIND);
        let converged = converge(kind, world.store(), &circumstances, &order).await;
        if let Err(provision::Error::LateUpdateNotRecorded(_)) = &converged {
            // Status may say meanwhile that all is well.
            self.context.doubt(self.owner.account.clone());
        }
        match converged? {
            Outcome::Ready(Provisioned { status, stream_key, observed, change, recheck_in, drift }) => {
                Ok(Provisioned { status: status.into(), stream_key, observed, change, recheck_in, drift })
            }
            Outcome::Waiting(wait) => Err(wait.into()),
        }
    }

    /// Whether the user was known before this reconcile, to status or to the last sweep.
    fn is_user_known(&self) -> bool {
        let in_tags = || self.inventory.user(&self.owner.account, &self.owner.username);
        user_in_status(self.account).or_else(in_tags) == Some(self.owner.user)
    }

    /// Whether status says of this generation that this part is well, and nobody doubts it.
    fn is_part_settled(&self, condition: &str) -> bool {
        !self.doubted && self.observed(condition).is_some_and(|found| found.status == "True")
    }

    /// Returns true if status says of this generation that this part was sent to AWS, and nobody asks for another update.
    fn is_part_sent(&self, condition: &str) -> bool {
        let is_sent = |found: &Condition| found.status == "True" || found.reason == DRIFT_PERSISTS;
        !self.asked && self.observed(condition).is_some_and(is_sent)
    }

    /// The condition of a part, if status speaks of this generation.
    fn observed(&self, condition: &str) -> Option<&Condition> {
        let observed = |found: &&Condition| found.observed_generation == self.account.metadata.generation;
        let conditions =
            self.account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        conditions.iter().filter(|found| found.type_ == condition).find(observed)
    }
}

/// The drift of a resource and what is wrong with what belongs to it: the drift's reason tells the next look that it was sent.
fn both(drift: Option<Problem>, lacks: Option<Problem>) -> Option<Problem> {
    match (drift, lacks) {
        (Some(drift), Some(lacks)) => {
            let message = format!("{}; {}", drift.message, lacks.message);
            Some(Problem { message, retry: drift.retry.min(lacks.retry), ..drift })
        }
        (drift, lacks) => drift.or(lacks),
    }
}
