//! Reconciles one resource of an account: the resource in AWS, its row, and the Secret with the stream key of
//! a channel.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::secret::{self, SecretReconciler};
use crate::{
    api::{
        ByKind, ChannelStatus, DriftPolicy, FieldDifference, Reason, ResourceKind, ResourceStatus, Settings,
        Status, StreamerAccount,
    },
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Blocker,
        context::{Basis, Context, Marks},
        outcome::{ReadyResource, ResourceResult},
        shared_waits::SharedCalls,
    },
    ivs::{Kind, dispatch_kind},
    provision::{self, Change, DesiredResource, Drift, DriftCause, Outcome, Owner, Provisioned, converge},
    store::{InFlight, PendingUpdate, ResourceRecord, Resources},
};

/// Reconciles the resources of one account.
pub(super) struct ResourceReconciler<'a, B> {
    /// The account as last read from the API server.
    pub account: &'a StreamerAccount,
    /// The shared state.
    pub context: &'a Context<B>,
    /// The owner of the resources.
    pub owner: &'a Owner,
    /// The records and the list of AWS that the reconcile began with.
    pub basis: &'a Basis,
    /// The records of the resources in the database.
    pub recorded: &'a ByKind<ResourceRecord>,
    /// True if status may be outdated, so that AWS must be checked even if status says Ready.
    pub dirty: bool,
    /// The marks of the resources that must be read from AWS even if status says Ready.
    pub unverified: Marks,
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
        let Provisioned { mut status, stream_key, observed, change, recheck_in, corrected, drift, kept } =
            converged?;
        self.count_drift(kind, &corrected, "corrected");
        let drift = match &drift {
            Some(drift) => Some(self.report_drift(kind, drift).await?),
            None => None,
        };
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
            // A newer reconcile has recorded another channel, so do not report this one in status.
            Some(blocker) if blocker == Blocker::superseded() => Err(blocker),
            blocker => {
                let (is_observed, blocker) = (observed, both(drift, blocker));
                Ok(ReadyResource { status, is_observed, change, corrected, kept, blocker, recheck_in })
            }
        }
    }

    /// Returns the blocker of drift that is left as it is. Adds drift that is only reported to the history,
    /// unless status says the same already.
    async fn report_drift(&self, kind: ResourceKind, drift: &Drift) -> Result<Blocker, Blocker> {
        let blocker = Blocker::drift(kind.noun(), drift);
        let is_known =
            self.observed(kind.condition()).is_some_and(|found| found.message.contains(&blocker.message));
        if drift.cause == DriftCause::ReportedOnly && !is_known {
            self.context.backends.store().note_drift(self.owner.user, kind, &drift.fields, false).await?;
            self.count_drift(kind, &drift.fields, "reported");
        }
        Ok(blocker)
    }

    fn count_drift(&self, kind: ResourceKind, fields: &[FieldDifference], handling: &'static str) {
        for difference in fields {
            self.context.metrics.record_drift(kind, difference.field.label(), handling);
        }
    }

    fn secret<'s>(&'s self, channel: &'s ChannelStatus) -> SecretReconciler<'s, B> {
        SecretReconciler { account: self.account, context: self.context, user: self.owner.user, channel }
    }

    /// Corrects the resource's row if the name or the endpoint in AWS differs from the row, so that the
    /// application reads the right one.
    async fn correct_row(&self, status: &ResourceStatus) -> Result<(), Blocker> {
        let (store, owner) = (self.context.backends.store(), self.owner);
        if store.correct(owner.user, &owner.username, status).await? {
            let (arn, kind) = (status.arn(), status.kind());
            tracing::warn!(arn, %kind, "corrected a row whose name or endpoint differed from AWS");
        }
        Ok(())
    }

    /// Compares the Secret with AWS even if AWS rejects the channel's settings, because the key may have been
    /// rotated in the meantime.
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
        let (context, spec) = (self.context, &self.account.spec);
        let mut recorded = self.recorded[K::KIND].clone();
        self.record_late_update(K::KIND, &mut recorded).await?;
        let settings = K::Settings::of(spec);
        let calls = SharedCalls::of_apply(kind, &context.shared_waits, &self.owner.account, settings);
        let desired = DesiredResource {
            owner: self.owner,
            settings,
            tags: &spec.tags,
            recreate: spec.recreate_policy.unwrap_or_default(),
            status: self.account.status.as_ref().and_then(K::Status::of),
            inventory_arn: self.basis.inventory.arn(self.owner, K::KIND),
            listed: self.basis.inventory.of_user(self.owner.user, K::KIND),
            is_known_user: self.is_user_known(),
            is_settled: self.is_settled(K::KIND),
            was_sent: !self.resend && self.is_applied(K::KIND),
            was_applied: self.is_applied(K::KIND),
            reports_drift: self.reports_drift(K::KIND),
            is_dirty: self.dirty,
        };
        let decision_context = context.decision_context(K::KIND, self.basis);
        let converged =
            converge(&calls, context.backends.store(), &decision_context, &desired, recorded).await;
        let waits_with_others = calls.end_pass();
        if let Err(provision::Error::LateUpdateNotRecorded { fields, .. }) = &converged {
            // Another reconcile may have set Ready in the meantime, and forgotten fields that the update
            // sets.
            let account = self.owner.account.clone();
            self.context.unrecorded_updates.add(account.clone(), K::KIND, fields.clone());
            self.context.mark_dirty(account);
        }
        let converged = converged.map_err(Blocker::from);
        match converged.map_err(|blocker| if waits_with_others { blocker.shared() } else { blocker })? {
            Outcome::Ready(provisioned) => Ok(provisioned.into_any_kind()),
            Outcome::Waiting(wait) => Err(wait.into()),
        }
    }

    /// Records an update that was sent after its deadline and could not be recorded then.
    async fn record_late_update(
        &self,
        kind: ResourceKind,
        recorded: &mut ResourceRecord,
    ) -> Result<(), Blocker> {
        let (unrecorded, owner) = (&self.context.unrecorded_updates, self.owner);
        let Some(fields) = unrecorded.get(&owner.account, kind) else { return Ok(()) };
        let lasts = self.context.timing.update_deadline();
        let begun = self.context.backends.store().begin_update(owner.user, kind, lasts, 0, &fields).await?;
        unrecorded.remove(&owner.account, kind);
        recorded.applied_fields.extend(fields);
        recorded.pending_update = begun.map(|nonce| {
            let in_flight = InFlight::until(nonce, lasts, Duration::ZERO);
            PendingUpdate { in_flight, repeats: 0 }
        });
        Ok(())
    }

    /// Returns true if status or the tags seen by the latest resync named the user before this reconcile.
    fn is_user_known(&self) -> bool {
        let in_tags = || self.basis.inventory.user(&self.owner.account, &self.owner.username);
        self.account.user_in_status().or_else(in_tags) == Some(self.owner.user)
    }

    /// Returns true if status says that the resource is ready for this generation, and neither is the account
    /// dirty nor the resource unverified.
    fn is_settled(&self, kind: ResourceKind) -> bool {
        !self.dirty
            && self.unverified[kind as usize].is_none()
            && self.observed(kind.condition()).is_some_and(|found| found.status == "True")
    }

    /// Returns true if status says that AWS has accepted this generation, whatever has failed since.
    fn is_applied(&self, kind: ResourceKind) -> bool {
        let is_sent = |found: &Condition| {
            found.status == "True" || Reason::parse(&found.reason).is_some_and(Reason::is_drift)
        };
        let generation = self.account.metadata.generation;
        self.account.status.as_ref().is_some_and(|status| {
            // An account that was suspended and resumed has another generation of the same spec.
            let is_resumed = |generation| status.has_applied(generation, &self.account.spec.hash());
            status.applied_generation.is_some()
                && (status.applied_generation == generation || generation.is_some_and(is_resumed))
        }) || self.observed(kind.condition()).is_some_and(is_sent)
    }

    /// Returns true if AWS has accepted this generation, and drift is to be reported only.
    fn reports_drift(&self, kind: ResourceKind) -> bool {
        let policies = self.account.spec.effective_policies(self.context.drift_policy);
        policies.drift_policy == DriftPolicy::Report && self.is_applied(kind)
    }

    /// Returns the condition of this type, if it describes the current generation.
    fn observed(&self, condition: &str) -> Option<&Condition> {
        let is_current = |found: &&Condition| found.observed_generation == self.account.metadata.generation;
        self.account.conditions().iter().filter(|found| found.type_ == condition).find(is_current)
    }
}

/// Combines drift with another blocker. Keeps the reason of the drift, because the next reconcile infers from
/// it that the spec was sent.
fn both(drift: Option<Blocker>, other: Option<Blocker>) -> Option<Blocker> {
    match (drift, other) {
        (Some(drift), Some(other)) => Some(drift.and(&other)),
        (drift, other) => drift.or(other),
    }
}
