//! The database of the fake backend.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use secrecy::SecretString;
use uuid::Uuid;

use super::FakeBackend;
use crate::{
    api::are_alike,
    store::{
        self, Addition, Audit, AuditEntry, AuditEvent, KeyHash, NewRegistrant, Registrant, Registrants,
        Sessions, TokenHash,
    },
};

impl Registrants for Arc<FakeBackend> {
    async fn registrant(&self, username: &str) -> store::Result<Option<Registrant>> {
        let same = |row: &&Registrant| are_alike(&row.username, username);
        self.sql(|state| state.rows.iter().find(same).cloned()).await
    }

    async fn username_by_key(&self, key: &KeyHash) -> store::Result<Option<String>> {
        let same = |row: &&Registrant| row.key.as_deref() == Some(key);
        self.sql(|state| state.rows.iter().find(same).map(|row| row.username.clone())).await
    }

    async fn add(&self, new: &NewRegistrant<'_>) -> store::Result<Addition> {
        self.sql(|state| {
            if state.rows.iter().any(|row| are_alike(&row.username, new.username)) {
                return Addition::Exists;
            }
            if new.held_back.is_some() && state.held_back.iter().any(|name| are_alike(name, new.username)) {
                return Addition::HeldBack;
            }
            let key = new.key.map(|key| key.to_vec());
            if key.is_some() && state.rows.iter().any(|row| row.key == key) {
                return Addition::KeyUsed;
            }
            let row = Registrant {
                id: Uuid::new_v4(),
                username: new.username.to_owned(),
                password_hash: Some(new.password_hash.clone()),
                account_namespace: new.account_namespace.to_owned(),
                account_name: new.account_name.to_owned(),
                account_uid: None,
                key,
                open: true,
                delete_requested: false,
                fencing_token: 1,
            };
            state.rows.push(row.clone());
            state.audit.push((AuditEvent::Registered, Some(row.id), Some(new.address)));
            Addition::Added(row)
        })
        .await
    }

    async fn lease(&self, registrant: &Registrant) -> store::Result<Option<Registrant>> {
        self.sql(|state| {
            let is_unwanted = state.rows.iter().any(|row| row.id == registrant.id && row.delete_requested);
            if is_unwanted { None } else { state.lease(registrant.id) }
        })
        .await
    }

    async fn lease_due(&self, _: i64) -> store::Result<Vec<Registrant>> {
        self.sql(|state| {
            let due: Vec<_> = state.rows.iter().filter(|row| row.open).map(|row| row.id).collect();
            due.into_iter().filter_map(|id| state.lease(id)).collect()
        })
        .await
    }

    async fn complete_registration(&self, registrant: &Registrant) -> store::Result<()> {
        self.sql(|state| {
            if let Some(row) = state.with_current_lease(registrant) {
                (row.open, row.delete_requested) = (false, false);
            }
        })
        .await
    }

    async fn reschedule(&self, _: &Registrant) -> store::Result<()> {
        self.sql(|_| ()).await
    }

    async fn request_deletion(&self, registrant: &Registrant) -> store::Result<()> {
        self.sql(|state| {
            if let Some(row) = state.rows.iter_mut().find(|row| row.id == registrant.id) {
                (row.fencing_token, row.open, row.delete_requested) = (row.fencing_token + 1, true, true);
            }
        })
        .await
    }

    async fn rollback_registration(&self, registrant: &Registrant) -> store::Result<bool> {
        self.sql(|state| {
            let ours = state.with_current_lease(registrant).is_some();
            if ours {
                state.audit.push((AuditEvent::RegistrationRolledBack, Some(registrant.id), None));
            }
            state.rows.retain(|row| !ours || row.id != registrant.id);
            ours
        })
        .await
    }

    async fn pending(&self) -> store::Result<i64> {
        self.sql(|state| state.rows.iter().map(|row| i64::from(row.open)).sum()).await
    }
}

impl Audit for Arc<FakeBackend> {
    async fn note(&self, entry: &AuditEntry<'_>) -> store::Result<()> {
        let fault = self.state().on_audit.take();
        if let Some(fault) = fault {
            self.fail(0, fault);
        }
        self.sql(|state| {
            let same = |row: &&Registrant| are_alike(&row.username, entry.username);
            let user = state.rows.iter().find(same).map(|row| row.id);
            state.audit.push((entry.event, user, Some(entry.address)));
        })
        .await
    }

    async fn next_try(
        &self,
        user: Uuid,
        stranger: Option<IpAddr>,
        most: NonZeroU32,
    ) -> store::Result<Option<u64>> {
        self.sql(|state| state.next_try(user, stranger, most.get() as usize)).await
    }

    async fn forget_addresses(&self, _: Duration) -> store::Result<i64> {
        self.sql(|_| 0).await
    }
}

impl Sessions for Arc<FakeBackend> {
    async fn begin_session(
        &self,
        user: Uuid,
        verified_hash: &SecretString,
        token: &TokenHash,
        _: Duration,
        address: IpAddr,
    ) -> store::Result<bool> {
        self.sql(|state| {
            let is_superseded = std::mem::take(&mut state.password_changes_first);
            let has_hash = !is_superseded && state.with_hash(user, verified_hash).is_some();
            if has_hash {
                state.sessions.insert(*token, user);
                state.audit.push((AuditEvent::SignedIn, Some(user), Some(address)));
            }
            has_hash
        })
        .await
    }

    async fn sign_out(&self, token: &TokenHash, address: IpAddr) -> store::Result<()> {
        self.sql(|state| {
            if let Some(user) = state.sessions.remove(token) {
                state.audit.push((AuditEvent::SignedOut, Some(user), Some(address)));
            }
        })
        .await
    }

    async fn session_user(&self, token: &TokenHash) -> store::Result<Option<Uuid>> {
        self.sql(|state| state.sessions.get(token).copied()).await
    }

    async fn session_username(&self, token: &TokenHash) -> store::Result<Option<String>> {
        self.sql(|state| {
            let user = state.sessions.get(token)?;
            state.rows.iter().find(|row| row.id == *user).map(|row| row.username.clone())
        })
        .await
    }

    async fn end_session(&self, token: &TokenHash) -> store::Result<()> {
        self.sql(|state| state.sessions.retain(|other, _| other != token)).await
    }

    async fn change_password(
        &self,
        user: Uuid,
        old: &SecretString,
        new: &SecretString,
    ) -> store::Result<bool> {
        self.sql(|state| {
            let is_changed = state.replace_hash(user, old, new);
            state.sessions.retain(|_, other| !is_changed || *other != user);
            is_changed
        })
        .await
    }

    async fn rehash(&self, user: Uuid, old: &SecretString, new: &SecretString) -> store::Result<bool> {
        self.sql(|state| state.replace_hash(user, old, new)).await
    }
}
