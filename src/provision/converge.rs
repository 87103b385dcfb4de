//! One pass that brings one kind of a user's resources to what the spec says.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    Change, DecisionContext, DesiredResource, Drift, DriftCause, Error, Outcome, Provisioned, Result,
    TaggedResource, Wait,
    applied::{fields_not_at_default, fields_without_default, named_fields, owned_fields},
    create::{Attempt, create},
    decide::{
        Observed, ObservedOwnership,
        converge::{ConvergeStep, ConvergeWait, DecisionInput, is_resent_too_often, next, rank, recheck_in},
    },
    describe_orphan,
    differences::Differences,
    observe::observe,
};
use crate::{
    api::{AppliedFields, FieldDifference, Reason, Status, tags},
    ivs::{Created, Kind, Listed, Live, Properties, Tags},
    messages,
    store::{
        AttemptOutcome, InFlight, Journal, OrphanChanges, OrphanReason, Orphans, PendingUpdate,
        ResourceRecord, Resources,
    },
};

/// Brings one kind of resource to what the spec says. `recorded`: what the database knows about it.
///
/// # Errors
/// The first failed call. Whatever was created before it is recorded, or is found again by its attempt.
pub async fn converge<K, S>(
    kind: &K,
    store: &S,
    context: &DecisionContext,
    desired: &DesiredResource<'_, K>,
    recorded: ResourceRecord,
) -> Result<Outcome<K::Status>>
where
    K: Kind,
    S: Journal + Resources + Orphans,
{
    let owned = owned_fields(desired, &recorded.applied_fields);
    let convergence = Convergence {
        kind,
        store,
        context,
        desired,
        initial_arn: recorded.arn.clone(),
        recorded,
        observed: Observed::default(),
        compared: BTreeMap::new(),
        change: Change::Unchanged,
        corrected: Vec::new(),
        stream_key: None,
        owned,
    };
    convergence.run().await
}

/// The resource as AWS returned it, compared with the desired state.
struct Compared<K: Kind> {
    live: Live<K::Status>,
    differences: Differences<K>,
}

/// The state of one pass.
struct Convergence<'a, K: Kind, S> {
    kind: &'a K,
    store: &'a S,
    context: &'a DecisionContext,
    desired: &'a DesiredResource<'a, K>,
    /// The ARN recorded in the database at the start of the pass.
    initial_arn: Option<String>,
    /// The records in the database.
    recorded: ResourceRecord,
    /// The state of AWS.
    observed: Observed,
    /// Resources that AWS has returned in this pass, by ARN.
    compared: BTreeMap<String, Compared<K>>,
    /// The change made so far.
    change: Change,
    /// Fields that something else had changed, and that this pass has changed back.
    corrected: Vec<FieldDifference>,
    /// The stream key of the resource that this pass created.
    stream_key: Option<SecretString>,
    /// The fields that the spec names or has named.
    owned: AppliedFields,
}

impl<K, S> Convergence<'_, K, S>
where
    K: Kind,
    S: Journal + Resources + Orphans,
{
    /// Takes one step after another until a final one.
    async fn run(mut self) -> Result<Outcome<K::Status>> {
        let kind = K::KIND;
        loop {
            match next(&self.decision_input(), &self.recorded, &self.observed, self.context) {
                ConvergeStep::Ready(arn) => {
                    self.note_applied(&arn).await?;
                    return Ok(self.ready(&arn, None));
                }
                ConvergeStep::DriftPersists(arn) => {
                    return Ok(self.ready(&arn, self.drift(&arn, self.persistence())));
                }
                ConvergeStep::DriftDetected(arn) => {
                    return Ok(self.ready(&arn, self.drift(&arn, DriftCause::ReportedOnly)));
                }
                ConvergeStep::Wait(event) => return Ok(Outcome::Waiting(self.wait_for(event))),
                ConvergeStep::Foreign(arn) => return Err(Error::Foreign { kind, arn }),
                ConvergeStep::Gone(arn) => return Err(Error::Gone { kind, arn }),
                ConvergeStep::Braked(arn) => return Err(self.context.braked(kind, arn)),
                ConvergeStep::RecordedElsewhere(arn) => {
                    return Err(self.context.recorded_elsewhere(kind, arn));
                }
                ConvergeStep::OtherInstallation(arn) => return Err(Error::OtherInstallation { kind, arn }),
                ConvergeStep::Create(change) => {
                    let recorded_arn = self.recorded.arn.as_deref();
                    match create(self.kind, self.store, self.context, self.desired, recorded_arn).await? {
                        Attempt::Recorded(created, tags) => self.add_created(created, tags, change),
                        Attempt::Waiting(wait) => return Ok(Outcome::Waiting(wait)),
                    }
                }
                ConvergeStep::Get(arn) => self.get(arn).await?,
                ConvergeStep::ListOwned => self.list_owned().await?,
                ConvergeStep::EndAttempt(nonce) => {
                    self.store.end(nonce, AttemptOutcome::GivenUp).await?;
                    self.recorded.attempt = None;
                }
                ConvergeStep::Record(arn) if self.record(&arn).await? => {}
                ConvergeStep::Update(arn) if self.update(&arn).await? => {}
                ConvergeStep::Record(_) | ConvergeStep::Update(_) => {
                    return Ok(Outcome::Waiting(Wait::for_peer(kind)));
                }
                ConvergeStep::EndUpdate(nonce) => {
                    self.store.end_update(nonce).await?;
                    self.recorded.pending_update = None;
                }
                ConvergeStep::DeleteDuplicate(arn) => self.delete_duplicate(arn).await?,
            }
        }
    }

    fn decision_input(&self) -> DecisionInput<'_> {
        DecisionInput {
            status_arn: self.desired.status.map(Status::arn),
            inventory_arn: self.desired.inventory_arn.as_deref(),
            is_known_user: self.desired.is_known_user,
            is_settled: self.desired.is_settled,
            was_sent: self.desired.was_sent,
            reports_drift: self.desired.reports_drift,
            is_dirty: self.desired.is_dirty,
            recreate: self.desired.recreate,
        }
    }

    fn wait_for(&self, event: ConvergeWait) -> Wait {
        let timing = self.context.timing;
        match event {
            ConvergeWait::CreateOutcome(remaining) => Wait::for_create_outcome(K::KIND, remaining),
            ConvergeWait::NextList(arn) => Wait::for_next_list(K::KIND, &arn, timing.resync),
            ConvergeWait::Get => {
                let message = messages::account::not_returned_yet(K::KIND);
                Wait { wait: timing.grace, reason: Reason::Progressing, message }
            }
        }
    }

    /// Returns the outcome for an existing resource that is as the spec says, apart from `drift`.
    fn ready(&self, arn: &str, drift: Option<Drift>) -> Outcome<K::Status> {
        let observed = self.compared.get(arn).map(|compared| &compared.live.status);
        let Some(mut status) = observed.or(self.desired.status).cloned() else {
            return Outcome::Waiting(Wait::for_peer(K::KIND));
        };
        status.set_applied_fields(self.recorded.applied_fields.clone());
        let is_another = self.initial_arn.as_ref().is_some_and(|initial| initial != arn);
        let change = match self.change {
            Change::Created | Change::Recreated => self.change,
            _ if is_another => Change::Corrected,
            change => change,
        };
        let recheck_in = self.recorded.pending_update.as_ref().and_then(|update| self.recheck_in(update));
        let (stream_key, observed) = (self.stream_key.clone(), self.compared.contains_key(arn));
        let kept = fields_without_default(self.desired, &self.owned);
        let corrected = self.corrected.clone();
        Outcome::Ready(Provisioned {
            status,
            stream_key,
            observed,
            change,
            recheck_in,
            corrected,
            drift,
            kept,
        })
    }

    /// Records the fields that the spec names, in place of those that it has named, of a resource that was
    /// read and has AWS's defaults for these. Of one that was not read, only adds fields. While an update is
    /// pending, an earlier one could still set one of them again.
    async fn note_applied(&mut self, arn: &str) -> Result<()> {
        let applied = match self.compared.get(arn) {
            Some(compared) => {
                let live = &compared.live.properties.settings;
                let left = fields_not_at_default(self.desired, &self.owned, live);
                named_fields(self.desired).union(&left).cloned().collect()
            }
            None => self.owned.clone(),
        };
        if self.recorded.pending_update.is_some() || self.recorded.applied_fields == applied {
            return Ok(());
        }
        let (user, known) = (self.desired.owner.user, &self.recorded.applied_fields);
        if self.store.replace_applied_fields(user, K::KIND, known, &applied).await? {
            self.recorded.applied_fields = applied;
        }
        Ok(())
    }

    fn recheck_in(&self, update: &PendingUpdate) -> Option<Duration> {
        recheck_in(update, self.context.timing.grace)
    }

    /// Returns the drift of a resource that is left as it is.
    fn drift(&self, arn: &str, cause: DriftCause) -> Option<Drift> {
        let fields = self.compared.get(arn)?.differences.fields().to_vec();
        Some(Drift { fields, cause })
    }

    /// Returns the reason why drift is left after an update.
    fn persistence(&self) -> DriftCause {
        let Some(update) = &self.recorded.pending_update else { return DriftCause::Contested };
        let resent_in = self.recheck_in(update).filter(|_| !is_resent_too_often(update));
        resent_in.map_or(DriftCause::NotKept, DriftCause::SentAgainIn)
    }

    async fn get(&mut self, arn: String) -> Result<()> {
        let (ownership, live) =
            observe(self.kind, self.store, self.desired.owner, &self.recorded, &arn).await?;
        if let Some(live) = live {
            self.compare(&arn, live);
        }
        self.observed.ownership.insert(arn, ownership);
        Ok(())
    }

    /// Compares a resource, as AWS returned it, with the desired state.
    fn compare(&mut self, arn: &str, live: Live<K::Status>) {
        let differences = Differences::between(self.desired, &live, &self.owned);
        if differences.is_empty() {
            self.observed.differing.remove(arn);
        } else {
            self.observed.differing.insert(arn.to_owned());
        }
        self.compared.insert(arn.to_owned(), Compared { live, differences });
    }

    /// Adds a resource that this pass has created and recorded, and compares it as AWS's response contains
    /// it.
    fn add_created(&mut self, created: Created<K::Status>, tags: Tags, change: Change) {
        let Created { status, properties, stream_key } = created;
        let arn = status.arn().to_owned();
        let live = Live { status, properties, tags };
        self.compare(&arn, live);
        self.observed.ownership.insert(arn.clone(), ObservedOwnership::Owned);
        self.observed.owned.get_or_insert_with(|| vec![arn.clone()]);
        let applied_fields = named_fields(self.desired);
        self.owned.clone_from(&applied_fields);
        self.recorded = ResourceRecord { arn: Some(arn), applied_fields, ..ResourceRecord::default() };
        (self.stream_key, self.change) = (stream_key, change);
    }

    /// Lists the user's resources, the one to keep first.
    async fn list_owned(&mut self) -> Result<()> {
        let owner = self.desired.owner;
        // Without a record, another resource would be created if the list lacked one.
        let is_complete = self.recorded.arn.is_some() && self.context.are_all_known(&self.recorded);
        let mut found = owner.list_owned(self.kind, &self.desired.listed, is_complete).await?;
        if found.len() > 1 {
            let attempts = self.store.attempts(owner.user, K::KIND).await?;
            rank(&mut found, &self.decision_input(), &self.recorded, &attempts);
        }
        self.observed.owned = Some(found.into_iter().map(|listed| listed.arn).collect());
        Ok(())
    }

    /// Records an existing resource. Returns false if another controller has recorded one first.
    async fn record(&mut self, arn: &str) -> Result<bool> {
        let Some(compared) = self.compared.get(arn) else { return Ok(false) };
        let (owner, mut status) = (self.desired.owner, compared.live.status.clone());
        status.set_applied_fields(self.owned.clone());
        if !self.store.record(owner.user, &owner.username, &self.recorded, &status.into()).await? {
            return Ok(false);
        }
        let is_known =
            self.recorded.attempt.is_some() || self.recorded.arn.is_some() || self.desired.status.is_some();
        if !is_known {
            self.change = Change::Recovered;
        } else if self.observed.owned.iter().flatten().any(|owned| owned == arn) {
            self.change = Change::Adopted;
        }
        let mut recorded = std::mem::take(&mut self.recorded);
        recorded.former = match recorded.former.iter().position(|former| former == arn) {
            Some(position) => recorded.former.drain(..position).collect(),
            None => recorded.former.into_iter().chain(recorded.arn).collect(),
        };
        self.recorded = ResourceRecord {
            arn: Some(arn.to_owned()),
            pending_update: recorded.pending_update,
            former: recorded.former,
            applied_fields: self.owned.clone(),
            ..ResourceRecord::default()
        };
        Ok(true)
    }

    /// Deletes a duplicate if the journal has its attempt and it is idle; otherwise puts it on the orphan
    /// list. Leaves it alone if it has been recorded in the meantime.
    async fn delete_duplicate(&mut self, arn: String) -> Result<()> {
        let user = self.desired.owner.user;
        let now = self.store.recorded(user).await?;
        if now[K::KIND].arn.as_ref() != Some(&arn) && !self.delete_own_duplicate(&arn).await? {
            // The next resync finds a duplicate that could not be put on the list.
            if let Err(error) = self.report_duplicate(&arn).await {
                tracing::warn!(arn, %error, "a duplicate could not be added to the orphan list yet");
            }
        }
        self.observed.deleted.insert(arn);
        Ok(())
    }

    /// Deletes a duplicate. Returns false, and deletes nothing, if the journal does not have its attempt or
    /// if it is in use.
    async fn delete_own_duplicate(&self, arn: &str) -> Result<bool> {
        let attempt = self.compared.get(arn).and_then(|compared| compared.live.tags.get(tags::ATTEMPT));
        let attempts = self.store.attempts(self.desired.owner.user, K::KIND).await?;
        if !attempts.iter().any(|nonce| Some(&nonce.to_string()) == attempt) {
            return Ok(false);
        }
        tracing::warn!(arn, kind = %K::KIND, "deleting a duplicate resource unless it is in use");
        Ok(self.kind.delete_if_idle(arn).await?)
    }

    /// Puts a duplicate on the orphan list.
    async fn report_duplicate(&self, arn: &str) -> Result<()> {
        let Some(compared) = self.compared.get(arn) else { return Ok(()) };
        tracing::warn!(arn, kind = %K::KIND, "adding a duplicate resource to the orphan list");
        let (name, tags) = (self.desired.owner.username.clone(), compared.live.tags.clone());
        let listed = Listed { arn: arn.to_owned(), name, tags, ..Listed::default() };
        let added = vec![describe_orphan(&TaggedResource::new(K::KIND, &listed), OrphanReason::Duplicate)];
        Ok(self.store.change_orphans(&OrphanChanges { added, ..OrphanChanges::default() }).await?)
    }

    /// Sends the settings and tags that differ. Returns false if the user is gone. The update is recorded as
    /// pending before it is sent, because an earlier update may take effect after it: a re-check must confirm
    /// it. The settings in AWS's response are compared at once.
    async fn update(&mut self, arn: &str) -> Result<bool> {
        let Some(compared) = self.compared.get(arn) else { return Ok(false) };
        let (user, begun) = (self.desired.owner.user, Instant::now());
        let deadline = self.context.timing.update_deadline();
        let resends = self.resends();
        let (is_drift, found) = (self.is_drift(), compared.differences.fields().to_vec());
        let record = || self.store.begin_update(user, K::KIND, deadline, resends, &self.owned);
        let Some(pending) = record().await? else { return Ok(false) };
        let sent = compared.differences.send(self.kind, arn).await;
        // A process that was suspended, or waited long for the budget, may have sent the update after its
        // deadline, when another controller has already re-checked the resource.
        let pending = if begun.elapsed() < deadline {
            Some(pending)
        } else {
            let not_recorded = |source| Error::LateUpdateNotRecorded { source, fields: self.owned.clone() };
            record().await.map_err(not_recorded)?
        };
        let sent = sent?;
        self.recorded.applied_fields.clone_from(&self.owned);
        let note = |nonce| InFlight::until(nonce, deadline, Duration::ZERO);
        self.recorded.pending_update =
            pending.map(|nonce| PendingUpdate { in_flight: note(nonce), repeats: resends });
        self.confirm(arn, sent);
        if is_drift && !self.observed.differing.contains(arn) {
            self.note_correction(found).await;
        } else if self.change == Change::Unchanged {
            self.change = Change::Updated;
        }
        Ok(true)
    }

    /// Returns true if a difference is something else's change. What a re-check finds may be an earlier
    /// update of our own.
    fn is_drift(&self) -> bool {
        self.desired.was_applied && self.recorded.pending_update.is_none()
    }

    /// Notes that drift was corrected.
    async fn note_correction(&mut self, found: Vec<FieldDifference>) {
        if let Err(error) = self.store.note_drift(self.desired.owner.user, K::KIND, &found, true).await {
            tracing::warn!(%error, kind = %K::KIND, "corrected drift could not be added to the history");
        }
        if self.change == Change::Unchanged {
            self.change = Change::DriftCorrected;
        }
        self.corrected.extend(found);
    }

    /// Returns the number of consecutive times that this update, including the current one, was sent again.
    fn resends(&self) -> u32 {
        let previous = self.recorded.pending_update.as_ref().filter(|_| self.desired.was_sent);
        previous.map_or(0, |previous| previous.repeats.saturating_add(1))
    }

    /// Compares the desired state with AWS's response, if there is one. AWS does not return tags: they count
    /// as set.
    fn confirm(&mut self, arn: &str, properties: Option<Properties>) {
        let Some(Compared { mut live, differences }) = self.compared.remove(arn) else { return };
        differences.apply_tags(&mut live.tags);
        if let Some(properties) = properties {
            live.properties = properties;
            self.compare(arn, live);
        } else {
            self.observed.differing.remove(arn);
            let differences = Differences::default();
            self.compared.insert(arn.to_owned(), Compared { live, differences });
        }
        if self.observed.differing.contains(arn) {
            self.observed.unconfirmed.insert(arn.to_owned());
        }
    }
}
