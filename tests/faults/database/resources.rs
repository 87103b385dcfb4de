//! `create_attempts`, and the three tables of resources.

use std::time::Duration;

use streamcat_operator::{
    api::{AppliedFields, ByKind, CompactId, FieldDifference, ResourceKind, ResourceStatus},
    store::{AttemptOutcome, Journal, RecordedResource, RecordedUser, ResourceRecord, Resources, Result},
};
use uuid::Uuid;

use super::{Attempt, Row, new_id, read, without_fields, write};
use crate::{fault_injector::FaultInjector, oracle::effects, world::State};

impl Journal for FaultInjector {
    async fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        timeout: Duration,
        renewal_token: Option<Uuid>,
        fields: &AppliedFields,
    ) -> Result<Option<Uuid>> {
        let (known, has_lease) = (known.map(str::to_owned), self.process.has_lease());
        let fields = fields.clone();
        let effect = move |state: &mut State, now| {
            let nonce = new_id(&mut state.rng);
            effects::check_has_token(state, has_lease, renewal_token);
            let database = &mut state.database;
            database.check_token(renewal_token)?;
            let is_present = database.users.get(&user).is_some_and(|user| !user.deleting);
            if !is_present
                || database.open_attempt(user, kind).is_some()
                || database.arn(user, kind) != known.as_deref()
            {
                return Ok(None);
            }
            let attempt = Attempt { user, kind, is_open: true, started: now, deadline: now + timeout };
            database.attempts.insert(nonce, attempt);
            database.applied_fields.entry((user, kind)).or_default().extend(fields);
            Ok(Some(nonce))
        };
        self.call(write("open"), kind.noun(), effect).await
    }

    async fn attempts(&self, user: Uuid, kind: ResourceKind) -> Result<Vec<Uuid>> {
        let effect = move |state: &mut State, _| {
            let all = state.database.attempts.iter();
            let mut found: Vec<_> =
                all.filter(|(_, attempt)| attempt.user == user && attempt.kind == kind).collect();
            found.sort_by_key(|(nonce, attempt)| (attempt.started, **nonce));
            Ok(found.into_iter().map(|(nonce, _)| *nonce).collect())
        };
        self.call(read("attempts"), kind.noun(), effect).await
    }

    async fn end(&self, nonce: Uuid, how: AttemptOutcome) -> Result<()> {
        let effect = move |state: &mut State, _| {
            if let Some(attempt) = state.database.attempts.get_mut(&nonce) {
                attempt.is_open = false;
            }
            Ok(())
        };
        self.call(write("end"), &format!("{how:?}"), effect).await
    }

    async fn record_made(
        &self,
        nonce: Uuid,
        user: Uuid,
        name: &str,
        resource: &ResourceStatus,
    ) -> Result<bool> {
        let (name, made) = (name.to_owned(), resource.clone());
        let effect = move |state: &mut State, now| {
            let database = &mut state.database;
            if !database.attempts.get(&nonce).is_some_and(|attempt| attempt.is_open) {
                return Ok(false);
            }
            database.write(now, user, &name, &made)?;
            database.attempts.entry(nonce).and_modify(|attempt| attempt.is_open = false);
            Ok(true)
        };
        self.call(write("record_made"), resource.arn(), effect).await
    }
}

impl Resources for FaultInjector {
    async fn recorded(&self, user: Uuid) -> Result<ByKind<ResourceRecord>> {
        let effect =
            move |state: &mut State, now| Ok(ByKind::new(|kind| state.database.recorded(now, user, kind)));
        self.call(read("recorded"), "", effect).await
    }

    async fn record(
        &self,
        user: Uuid,
        name: &str,
        known: &ResourceRecord,
        resource: &ResourceStatus,
    ) -> Result<bool> {
        let (name, known, found) = (name.to_owned(), known.clone(), resource.clone());
        let effect = move |state: &mut State, now| {
            let (database, kind) = (&mut state.database, found.kind());
            let open = database.open_attempt(user, kind).map(|(nonce, _)| nonce);
            let nonce = known.attempt.as_ref().map(|attempt| attempt.nonce);
            if database.arn(user, kind) != known.arn.as_deref() || open != nonce {
                return Ok(false);
            }
            database.write(now, user, &name, &found)?;
            if let Some(attempt) = open.and_then(|nonce| database.attempts.get_mut(&nonce)) {
                attempt.is_open = false;
            }
            Ok(true)
        };
        self.call(write("record"), resource.arn(), effect).await
    }

    async fn correct(&self, user: Uuid, name: &str, resource: &ResourceStatus) -> Result<bool> {
        let (name, shown) = (name.to_owned(), resource.clone());
        let effect = move |state: &mut State, _| {
            let row = state.database.rows.get_mut(&(user, shown.kind()));
            let Some(row) = row.filter(|row| row.resource.arn() == shown.arn()) else { return Ok(false) };
            let shown = without_fields(shown);
            let is_other = row.name != name || row.resource != shown;
            (row.name, row.resource) = (name, shown);
            Ok(is_other)
        };
        self.call(write("correct"), resource.arn(), effect).await
    }

    async fn is_anothers(&self, user: Uuid, arn: &str) -> Result<bool> {
        let of = arn.to_owned();
        let effect = move |state: &mut State, _| {
            let mut others = state.database.rows.iter().filter(|((owner, _), _)| *owner != user);
            Ok(others.any(|(_, row)| row.resource.arn() == of))
        };
        self.call(read("is_anothers"), arn, effect).await
    }

    async fn begin_update(
        &self,
        user: Uuid,
        kind: ResourceKind,
        timeout: Duration,
        repeats: u32,
        fields: &AppliedFields,
    ) -> Result<Option<Uuid>> {
        let fields = fields.clone();
        let effect = move |state: &mut State, now| {
            if !state.database.users.contains_key(&user) {
                return Ok(None);
            }
            let nonce = new_id(&mut state.rng);
            state.database.pending_updates.insert((user, kind), (nonce, now + timeout, repeats));
            state.database.applied_fields.entry((user, kind)).or_default().extend(fields);
            Ok(Some(nonce))
        };
        self.call(write("begin_update"), kind.noun(), effect).await
    }

    async fn replace_applied_fields(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: &AppliedFields,
        fields: &AppliedFields,
    ) -> Result<bool> {
        let (known, fields) = (known.clone(), fields.clone());
        let effect = move |state: &mut State, _| {
            let (database, key) = (&mut state.database, (user, kind));
            let is_known = database.applied_fields.get(&key).cloned().unwrap_or_default() == known;
            let is_quiet =
                !database.pending_updates.contains_key(&key) && database.open_attempt(user, kind).is_none();
            let is_replaced = database.users.contains_key(&user) && is_known && is_quiet;
            if is_replaced {
                database.applied_fields.insert(key, fields);
            }
            Ok(is_replaced)
        };
        self.call(write("replace_applied_fields"), kind.noun(), effect).await
    }

    async fn note_drift(
        &self,
        user: Uuid,
        kind: ResourceKind,
        _: &[FieldDifference],
        is_corrected: bool,
    ) -> Result<()> {
        let effect = move |state: &mut State, _| {
            *state.database.corrections.entry((user, kind)).or_default() += u32::from(is_corrected);
            Ok(())
        };
        self.call(write("note_drift"), kind.noun(), effect).await
    }

    async fn end_update(&self, nonce: Uuid) -> Result<()> {
        let effect = move |state: &mut State, _| {
            state.database.pending_updates.retain(|_, (pending, ..)| *pending != nonce);
            Ok(())
        };
        self.call(write("end_update"), "", effect).await
    }

    async fn all_recorded(&self, handle: impl FnMut(RecordedResource) + Send) -> Result<()> {
        let effect = |state: &mut State, now: Duration| {
            let database = &state.database;
            let record = |((id, kind), row): (&(Uuid, ResourceKind), &Row)| {
                let user = database.users.get(id)?;
                let owner = RecordedUser {
                    user: *id,
                    account: user.account.clone(),
                    uid: user.uid.as_deref().map(CompactId::from),
                    retained: user.retained,
                    deleting: user.deleting,
                };
                Some(RecordedResource {
                    owner: owner.into(),
                    kind: *kind,
                    arn: row.resource.arn().into(),
                    age: now.saturating_sub(row.created),
                    pending_update: database.pending_update(now, *id, *kind).map(Box::new),
                })
            };
            Ok(database.rows.iter().filter_map(record).collect())
        };
        let all: Result<Vec<_>> = self.call(read("all_recorded"), "", effect).await;
        all?.into_iter().for_each(handle);
        Ok(())
    }
}
