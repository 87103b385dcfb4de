//! The world as the database: one user's attempts and one kind of resource.

use std::time::Duration;

use uuid::Uuid;

use super::{State, World};
use crate::{
    api::{ResourceKind, ResourceStatus},
    store::{self, AttemptEnd, Edit, Journal, Missing, Recorded, Resources, Unsettled, UserRecord},
};

impl World {
    /// An effect on the database.
    fn on_database<T>(&self, happens: impl FnOnce(&mut State) -> T) -> store::Result<T> {
        self.perform(sqlx::Error::PoolTimedOut.into(), happens)
    }
}

impl Journal for World {
    async fn open(
        &self,
        _: Uuid,
        _: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
    ) -> store::Result<Option<Uuid>> {
        self.on_database(|state| {
            let recorded = state.record.as_ref().map(|(arn, _)| arn.as_str());
            if state.attempts.values().any(|(open, _)| *open) || recorded != known {
                return None;
            }
            let nonce = Uuid::from_u128(state.attempts.len() as u128 + 100);
            state.attempts.insert(nonce, (true, state.now + lasts));
            Some(nonce)
        })
    }

    async fn attempts(&self, _: Uuid, _: ResourceKind) -> store::Result<Vec<Uuid>> {
        self.on_database(|state| state.attempts.keys().copied().collect())
    }

    async fn end(&self, nonce: Uuid, _: AttemptEnd) -> store::Result<()> {
        self.on_database(|state| {
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
        self.on_database(|state| match state.attempts.get_mut(&nonce) {
            Some((open, _)) if *open => {
                *open = false;
                record(state, resource);
                true
            }
            _ => false,
        })
    }
}

impl Resources for World {
    async fn recorded(&self, _: Uuid, _: ResourceKind) -> store::Result<Recorded> {
        self.on_database(|state| {
            let open = state.attempts.iter().find(|(_, (open, _))| *open);
            Recorded {
                arn: state.record.clone().map(|(arn, _)| arn),
                age: state.record.as_ref().map(|(_, at)| state.now.saturating_sub(*at)).unwrap_or_default(),
                is_tried: !state.attempts.is_empty(),
                is_let_go: false,
                attempt: open.map(|(nonce, (_, deadline))| Unsettled::until(*nonce, *deadline, state.now)),
                missing: state
                    .missing
                    .clone()
                    .map(|(arn, since)| Missing { arn, age: state.now.saturating_sub(since) }),
                edit: state.edit.map(|(nonce, deadline, repeats)| Edit {
                    note: Unsettled::until(nonce, deadline, state.now),
                    repeats,
                }),
            }
        })
    }

    async fn record(
        &self,
        _: Uuid,
        _: &str,
        known: &Recorded,
        resource: &ResourceStatus,
    ) -> store::Result<bool> {
        let nonce = known.attempt.as_ref().map(|attempt| attempt.nonce);
        self.on_database(|state| {
            let open = state.attempts.iter().find(|(_, (open, _))| *open).map(|(nonce, _)| *nonce);
            let is_known = state.record.as_ref().map(|(arn, _)| arn) == known.arn.as_ref() && open == nonce;
            if is_known {
                record(state, resource);
                state.attempts.values_mut().for_each(|(open, _)| *open = false);
            }
            is_known
        })
    }

    /// No pass over one kind asks for it.
    async fn correct(&self, _: Uuid, _: &str, _: &ResourceStatus) -> store::Result<bool> {
        Ok(false)
    }

    async fn note_missing(&self, _: Uuid, _: ResourceKind, arn: &str) -> store::Result<()> {
        self.on_database(|state| {
            if state.missing.as_ref().is_none_or(|(missing, _)| missing != arn) {
                state.missing = Some((arn.to_owned(), state.now));
            }
        })
    }

    async fn note_seen(&self, _: Uuid, _: ResourceKind) -> store::Result<()> {
        self.on_database(|state| state.missing = None)
    }

    async fn begin_edit(
        &self,
        _: Uuid,
        _: ResourceKind,
        lasts: Duration,
        repeats: u32,
    ) -> store::Result<Option<Uuid>> {
        self.on_database(|state| {
            let nonce = Uuid::from_u128(state.effects as u128 + 1000);
            state.edit = Some((nonce, state.now + lasts, repeats));
            Some(nonce)
        })
    }

    async fn end_edit(&self, nonce: Uuid) -> store::Result<()> {
        self.on_database(|state| {
            state.edit.take_if(|(noted, ..)| *noted == nonce);
        })
    }

    async fn all_recorded(&self) -> store::Result<Vec<UserRecord>> {
        Ok(Vec::new())
    }
}

fn record(state: &mut State, resource: &ResourceStatus) {
    state.record = Some((resource.arn().to_owned(), state.now));
    state.missing = None;
}
