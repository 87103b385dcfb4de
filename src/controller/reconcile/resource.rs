//! Reconciles one resource of an account: the resource in AWS, its row, and the Secret with the stream key of
//! a channel.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::secret::{self, SecretReconciler};
use crate::{
    api::{ChannelStatus, Reason, ResourceKind, ResourceStatus, Settings, Status, StreamerAccount},
    controller::{
        account::AccountExt,
        backends::{Backends, dispatch_kind},
        blocker::Blocker,
        context::Context,
        outcome::{ReadyResource, ResourceResult},
    },
    ivs::Kind,
    provision::{self, Change, Inventory, Order, Outcome, Owner, Provisioned, converge},
    store::Resources,
};

/// Reconciles the resources of one account.
pub(super) struct ResourceReconciler<'a, B> {
    /// The account as it was read.
    pub account: &'a StreamerAccount,
    /// The shared state.
    pub context: &'a Context<B>,
    /// The owner of the resources.
    pub owner: &'a Owner,
    /// The inventory of the latest resync.
    pub inventory: &'a Inventory,
    /// True if status may be wrong: then AWS is checked although status says that the account is ready.
    pub dirty: bool,
    /// True if a person requested a reconcile: then updates that did not persist are sent once more.
    pub resend: bool,
}

impl<B: Backends> ResourceReconciler<'_, B> {
    /// Reconciles one resource and what belongs to it. The ARN is returned even if the Secret cannot be
    /// written.
    pub(super) async fn reconcile(&self, kind: ResourceKind) -> ResourceResult {
        let converged = dispatch_kind!(self.context.backends, kind, |kind| self.converge(kind).await);
        if let Err(blocker) = &converged {
            self.compare_secret(kind, blocker).await;
        }
        let Provisioned { mut status, stream_key, observed, change, look_in, drift } = converged?;
        let drift = drift.map(|drift| Blocker::drift_persists(kind.noun(), &drift));
        let is_new = matches!(change, Change::Created | Change::Recreated);
        let row = if observed && !is_new { self.correct_row(&status).await } else { Ok(()) };
        let secret = match &mut status {
            ResourceStatus::Channel(channel) => {
                channel.stream_key_secret_name = Some(secret::name(self.account));
                self.secret(channel).ensure(stream_key, observed).await.err()
            }
            ResourceStatus::ChatRoom(_) | ResourceStatus::Stage(_) => None,
        };
        match secret.or(row.err()) {
            // The account has another channel by now: this one does not go into status.
            Some(blocker) if blocker == Blocker::superseded() => Err(blocker),
            blocker => {
                Ok(ReadyResource { status, change, blocker: both(drift, blocker), recheck_in: look_in })
            }
        }
    }

    fn secret<'s>(&'s self, channel: &'s ChannelStatus) -> SecretReconciler<'s, B> {
        SecretReconciler { account: self.account, context: self.context, user: self.owner.user, channel }
    }

    /// Corrects the resource's row if AWS has shown another name or address, so that the application reads
    /// the right one.
    async fn correct_row(&self, status: &ResourceStatus) -> Result<(), Blocker> {
        let (store, owner) = (self.context.backends.store(), self.owner);
        if store.correct(owner.user, &owner.username, status).await? {
            let (arn, kind) = (status.arn(), status.kind());
            tracing::warn!(arn, %kind, "corrected a row whose name or address differed from AWS");
        }
        Ok(())
    }

    /// Compares the Secret even though AWS refuses the spec of the channel: the key may have been rotated
    /// meanwhile.
    async fn compare_secret(&self, kind: ResourceKind, blocker: &Blocker) {
        let channel = self.account.status.as_ref().and_then(|status| status.channel.as_ref());
        let Some(channel) = channel.filter(|_| kind == ResourceKind::Channel && blocker.is_refusal()) else {
            return;
        };
        if let Err(blocker) = self.secret(channel).ensure(None, true).await {
            tracing::debug!(blocker.message, "the Secret could not be compared");
        }
    }

    async fn converge<K: Kind>(&self, kind: &K) -> Result<Provisioned<ResourceStatus>, Blocker> {
        let (backends, spec) = (&self.context.backends, &self.account.spec);
        let order = Order {
            owner: self.owner,
            settings: K::Settings::of(spec),
            tags: &spec.tags,
            recreate: spec.recreate_policy,
            status: self.account.status.as_ref().and_then(K::Status::of),
            swept: self.inventory.arn(self.owner, K::KIND),
            listed: self.inventory.of_user(self.owner.user, K::KIND),
            known: self.is_user_known(),
            settled: self.is_settled(K::KIND.condition()),
            sent: self.is_sent(K::KIND.condition()),
            doubted: self.dirty,
        };
        let circumstances = self.context.circumstances(K::KIND);
        let converged = converge(kind, backends.store(), &circumstances, &order).await;
        if let Err(provision::Error::Unnoted(_)) = &converged {
            // Meanwhile another reconcile may have written a status that says that all is well.
            self.context.mark_dirty(self.owner.account.clone());
        }
        match converged? {
            Outcome::Ready(Provisioned { status, stream_key, observed, change, look_in, drift }) => {
                Ok(Provisioned { status: status.into(), stream_key, observed, change, look_in, drift })
            }
            Outcome::Waiting(wait) => Err(wait.into()),
        }
    }

    /// Returns true if status or the tags of the latest resync knew the user before this reconcile.
    fn is_user_known(&self) -> bool {
        let in_tags = || self.inventory.user(&self.owner.account, &self.owner.username);
        self.account.user_in_status().or_else(in_tags) == Some(self.owner.user)
    }

    /// Returns true if status says that the resource is ready for this generation, and the account is not
    /// dirty.
    fn is_settled(&self, condition: &str) -> bool {
        !self.dirty && self.observed(condition).is_some_and(|found| found.status == "True")
    }

    /// Returns true if status says that this generation was sent to AWS, and nobody has requested another
    /// update.
    fn is_sent(&self, condition: &str) -> bool {
        let is_sent = |found: &Condition| found.status == "True" || found.reason == Reason::DriftPersists;
        !self.resend && self.observed(condition).is_some_and(is_sent)
    }

    /// Returns the condition of a resource if it observed this generation.
    fn observed(&self, condition: &str) -> Option<&Condition> {
        let is_current = |found: &&Condition| found.observed_generation == self.account.metadata.generation;
        self.account.conditions().iter().filter(|found| found.type_ == condition).find(is_current)
    }
}

/// Combines drift with another blocker. The reason is the drift's: it tells the next reconcile that the
/// update was sent.
fn both(drift: Option<Blocker>, other: Option<Blocker>) -> Option<Blocker> {
    match (drift, other) {
        (Some(drift), Some(other)) => Some(drift.and(&other)),
        (drift, other) => drift.or(other),
    }
}
