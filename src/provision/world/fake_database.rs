//! The database in memory: one user's attempts, and the records of one kind of resource.

use std::time::Duration;

use uuid::Uuid;

use super::{Shared, State};
use crate::{
    api::{AppliedFields, ByKind, FieldDifference, ResourceKind, ResourceStatus},
    store::{
        self, Abandonment, AbsenceChanges, Absences, AttemptOutcome, Evidence, InFlight, Journal, Missing,
        Orphan, OrphanChanges, OrphanRow, Orphans, PendingUpdate, RecordedResource, ResourceRecord,
        Resources,
    },
};

/// The database.
#[derive(Debug)]
pub struct FakeDatabase(pub(super) Shared);

impl FakeDatabase {
    fn perform<T>(&self, effect: impl FnOnce(&mut State) -> T) -> store::Result<T> {
        self.0.perform(sqlx::Error::PoolTimedOut.into(), effect)
    }
}

impl Journal for FakeDatabase {
    async fn open(
        &self,
        _: Uuid,
        _: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
        _: Option<Uuid>,
        fields: &AppliedFields,
    ) -> store::Result<Option<Uuid>> {
        self.perform(|state| {
            let recorded = state.record.as_ref().map(|(arn, _)| arn.as_str());
            if state.attempts.values().any(|(open, _)| *open) || recorded != known {
                return None;
            }
            let nonce = Uuid::from_u128(state.attempts.len() as u128 + 100);
            state.attempts.insert(nonce, (true, state.now + lasts));
            state.applied_fields.extend(fields.clone());
            Some(nonce)
        })
    }

    async fn attempts(&self, _: Uuid, _: ResourceKind) -> store::Result<Vec<Uuid>> {
        self.perform(|state| state.attempts.keys().copied().collect())
    }

    async fn end(&self, nonce: Uuid, _: AttemptOutcome) -> store::Result<()> {
        self.perform(|state| {
            state.attempts.entry(nonce).and_modify(|(open, _)| *open = false);
        })
    }

    async fn record_made(
        &self,
        nonce: Uuid,
        _: Uuid,
        _: &str,
        resource: &ResourceStatus,
    ) -> store::Result<bool> {
        self.perform(|state| match state.attempts.get_mut(&nonce) {
            Some((open, _)) if *open => {
                *open = false;
                record(state, resource);
                true
            }
            _ => false,
        })
    }
}

impl Resources for FakeDatabase {
    async fn recorded(&self, _: Uuid) -> store::Result<ByKind<ResourceRecord>> {
        self.perform(|state| ByKind::new(|_| recorded(state)))
    }

    async fn record(
        &self,
        _: Uuid,
        _: &str,
        known: &ResourceRecord,
        resource: &ResourceStatus,
    ) -> store::Result<bool> {
        let nonce = known.attempt.as_ref().map(|attempt| attempt.nonce);
        self.perform(|state| {
            let open = state.attempts.iter().find(|(_, (open, _))| *open).map(|(nonce, _)| *nonce);
            let is_known = state.record.as_ref().map(|(arn, _)| arn) == known.arn.as_ref() && open == nonce;
            if is_known {
                record(state, resource);
                state.attempts.values_mut().for_each(|(open, _)| *open = false);
            }
            is_known
        })
    }

    /// Unused: only the controller calls it.
    async fn correct(&self, _: Uuid, _: &str, _: &ResourceStatus) -> store::Result<bool> {
        Ok(false)
    }

    async fn is_anothers(&self, _: Uuid, arn: &str) -> store::Result<bool> {
        Ok(self.0.lock().anothers.contains(arn))
    }

    async fn begin_update(
        &self,
        _: Uuid,
        _: ResourceKind,
        lasts: Duration,
        repeats: u32,
        fields: &AppliedFields,
    ) -> store::Result<Option<Uuid>> {
        self.perform(|state| {
            state.applied_fields.extend(fields.clone());
            let nonce = Uuid::from_u128(state.effects as u128 + 1000);
            state.pending_update = Some((nonce, state.now + lasts, repeats));
            Some(nonce)
        })
    }

    async fn replace_applied_fields(
        &self,
        _: Uuid,
        _: ResourceKind,
        _: &AppliedFields,
        fields: &AppliedFields,
    ) -> store::Result<bool> {
        self.perform(|state| {
            state.applied_fields.clone_from(fields);
            true
        })
    }

    async fn note_drift(
        &self,
        _: Uuid,
        _: ResourceKind,
        _: &[FieldDifference],
        _: bool,
    ) -> store::Result<()> {
        Ok(())
    }

    async fn end_update(&self, nonce: Uuid) -> store::Result<()> {
        self.perform(|state| {
            state.pending_update.take_if(|(noted, ..)| *noted == nonce);
        })
    }

    async fn all_recorded(&self, _: impl FnMut(RecordedResource) + Send) -> store::Result<()> {
        Ok(())
    }
}

impl Evidence for FakeDatabase {
    async fn absences(&self) -> store::Result<Absences> {
        Ok(Absences::default())
    }

    async fn note_absences(&self, _: &AbsenceChanges, _: Duration) -> store::Result<()> {
        Ok(())
    }

    async fn note_deletion(
        &self,
        _: Uuid,
        _: ResourceKind,
        arn: &str,
        is_requested: bool,
    ) -> store::Result<()> {
        self.perform(|state| state.deletion_requested = is_requested.then(|| arn.to_owned()))
    }
}

impl Orphans for FakeDatabase {
    async fn orphans(&self, _: Option<&str>) -> store::Result<Vec<OrphanRow>> {
        Ok(Vec::new())
    }

    async fn change_orphans(&self, changes: &OrphanChanges) -> store::Result<()> {
        self.perform(|state| state.orphans.extend(changes.added.clone()))
    }

    async fn abandon(&self, _: &Abandonment<'_>) -> store::Result<Option<Vec<Orphan>>> {
        Ok(None)
    }
}

/// Returns what the database knows about the resource.
fn recorded(state: &State) -> ResourceRecord {
    let open = state.attempts.iter().find(|(_, (open, _))| *open);
    ResourceRecord {
        arn: state.record.clone().map(|(arn, _)| arn),
        age: state.record.as_ref().map(|(_, at)| state.now.saturating_sub(*at)).unwrap_or_default(),
        is_tried: !state.attempts.is_empty(),
        is_abandoned: false,
        attempt: open.map(|(nonce, (_, deadline))| InFlight::until(*nonce, *deadline, state.now)),
        former: state.former.iter().map(|(arn, _)| arn.clone()).collect(),
        missing: missing(state),
        pending_update: state.pending_update.map(|(nonce, deadline, repeats)| PendingUpdate {
            in_flight: InFlight::until(nonce, deadline, state.now),
            repeats,
        }),
        corrections: 0,
        applied_fields: state.applied_fields.clone(),
    }
}

/// Returns the evidence of absences.
fn missing(state: &State) -> Vec<Missing> {
    let unlisted = state.unlisted.iter().map(|(arn, since, until)| Missing {
        arn: arn.clone(),
        unlisted_for: Some(until.saturating_sub(*since)),
        ..Missing::default()
    });
    let deleted = state.deletion_requested.iter().map(|arn| Missing {
        arn: arn.clone(),
        deletion_requested: true,
        ..Missing::default()
    });
    deleted.chain(unlisted).collect()
}

fn record(state: &mut State, resource: &ResourceStatus) {
    let now = state.now;
    let arn = resource.arn().to_owned();
    let first = state.former.iter().find(|(former, _)| *former == arn).map_or(now, |(_, at)| *at);
    let before = state.record.replace((arn.clone(), first));
    state.former.extend(before.filter(|(before, _)| *before != arn));
    state.former.retain(|(former, at)| *former != arn && *at < first);
    state.unlisted = None;
    state.applied_fields.clone_from(resource.applied_fields());
}
