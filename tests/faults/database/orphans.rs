//! `orphans`: the list of resources that belong to no account.

use std::time::Duration;

use streamcat_operator::{
    api::AccountRef,
    store::{Abandonment, Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans, Result},
};
use uuid::Uuid;

use super::{Database, new_id, read, write};
use crate::{fault_injector::FaultInjector, world::State};

/// A row of `orphans`.
#[derive(Clone, Debug)]
pub struct ListedOrphan {
    pub orphan: Orphan,
    /// Time since which no resync has found the resource. If only an attempt is known, the time until which
    /// it may create a resource.
    unseen_since: Option<Duration>,
}

/// An [`Abandonment`] that outlives its caller.
struct OwnedAbandonment {
    account: AccountRef,
    uid: String,
    user: Uuid,
    elsewhere: Vec<Orphan>,
}

impl Database {
    /// Adds an orphan to the list. The reason `Abandoned` replaces any other.
    fn list(&mut self, id: Uuid, orphan: Orphan, unseen_since: Option<Duration>) {
        let is_same = |listed: &&mut ListedOrphan| match (&orphan.arn, &listed.orphan.arn) {
            (Some(arn), Some(listed)) => arn == listed,
            (None, None) => orphan.attempt == listed.orphan.attempt,
            _ => false,
        };
        match self.orphans.values_mut().find(is_same) {
            Some(listed) if orphan.reason == OrphanReason::Abandoned => {
                listed.orphan.reason = OrphanReason::Abandoned;
            }
            Some(_) => {}
            None => drop(self.orphans.insert(id, ListedOrphan { orphan, unseen_since })),
        }
    }

    /// Returns all known resources of a user, and attempts whose outcome is unknown.
    fn all_of(&self, user: Uuid) -> Vec<(Orphan, Option<Duration>)> {
        let Some(row) = self.users.get(&user) else { return Vec::new() };
        let orphan = |kind, arn: Option<&str>, attempt| Orphan {
            kind,
            arn: arn.map(str::to_owned),
            attempt,
            user: Some(user),
            account: Some(row.account.clone()),
            username: Some(row.username.clone()),
            reason: OrphanReason::Abandoned,
        };
        let rows = self.rows.iter().filter(|((of, _), _)| *of == user);
        let rows = rows.map(|((_, kind), row)| (orphan(*kind, Some(row.resource.arn()), None), None));
        let attempts = self.attempts.iter().filter(|(_, attempt)| attempt.user == user && attempt.is_open);
        let attempts = attempts
            .map(|(nonce, attempt)| (orphan(attempt.kind, None, Some(*nonce)), Some(attempt.deadline)));
        rows.chain(attempts).collect()
    }

    fn abandon(
        &mut self,
        now: Duration,
        abandonment: OwnedAbandonment,
        mut new_id: impl FnMut() -> Uuid,
    ) -> Option<Vec<Orphan>> {
        let user = self.users.get(&abandonment.user);
        user.filter(|row| row.uid.as_deref() == Some(&abandonment.uid))?;
        for (orphan, unseen_since) in self.all_of(abandonment.user) {
            self.list(new_id(), orphan, unseen_since);
        }
        self.delete_user(now, abandonment.user, &abandonment.uid, true);
        for orphan in abandonment.elsewhere {
            self.list(new_id(), orphan, None);
        }
        let is_whose = |orphan: &&Orphan| {
            orphan.account.as_ref() == Some(&abandonment.account)
                && orphan.user == Some(abandonment.user)
                && orphan.reason == OrphanReason::Abandoned
        };
        Some(self.orphans.values().map(|listed| &listed.orphan).filter(is_whose).cloned().collect())
    }

    fn change(&mut self, now: Duration, changes: OrphanChanges, mut new_id: impl FnMut() -> Uuid) {
        for orphan in changes.added {
            self.list(new_id(), orphan, None);
        }
        for (id, arn) in changes.named {
            let is_listed = self.orphans.values().any(|listed| listed.orphan.arn.as_ref() == Some(&arn));
            if let Some(listed) = self.orphans.get_mut(&id).filter(|_| !is_listed) {
                listed.orphan.arn = Some(arn);
                listed.unseen_since = None;
            }
        }
        for (ids, unseen_since) in [(changes.seen, None), (changes.unseen, Some(now))] {
            for id in ids {
                self.orphans.entry(id).and_modify(|listed| listed.unseen_since = unseen_since);
            }
        }
        self.orphans.retain(|id, _| !changes.gone.contains(id));
    }
}

impl Orphans for FaultInjector {
    async fn orphans(&self, namespace: Option<&str>) -> Result<Vec<OrphanRow>> {
        let namespace = namespace.map(str::to_owned);
        let effect = move |state: &mut State, now: Duration| {
            let is_in = |listed: &ListedOrphan| {
                let of = listed.orphan.account.as_ref().map(|account| &account.namespace);
                namespace.as_ref().is_none_or(|namespace| of == Some(namespace))
            };
            let all = state.database.orphans.iter().filter(|(_, listed)| is_in(listed));
            Ok(all
                .map(|(id, listed)| OrphanRow {
                    id: *id,
                    orphan: listed.orphan.clone(),
                    first_seen: String::new(),
                    unseen: listed.unseen_since.map(|since| now.saturating_sub(since)),
                })
                .collect())
        };
        self.call(read("orphans"), "", effect).await
    }

    async fn change_orphans(&self, changes: &OrphanChanges) -> Result<()> {
        let changes = changes.clone();
        let effect = move |state: &mut State, now: Duration| {
            let rng = &mut state.rng;
            state.database.change(now, changes, || new_id(rng));
            Ok(())
        };
        self.call(write("change_orphans"), "", effect).await
    }

    async fn abandon(&self, abandonment: &Abandonment<'_>) -> Result<Option<Vec<Orphan>>> {
        let abandonment = OwnedAbandonment {
            account: abandonment.account.clone(),
            uid: abandonment.uid.to_owned(),
            user: abandonment.user,
            elsewhere: abandonment.elsewhere.clone(),
        };
        let effect = move |state: &mut State, now| {
            let rng = &mut state.rng;
            Ok(state.database.abandon(now, abandonment, || new_id(rng)))
        };
        self.call(write("abandon"), "", effect).await
    }
}
