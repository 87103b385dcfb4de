//! The API server behind the operator's own trait, reached through the fault injector.

use k8s_openapi::api::core::v1::Secret;
use kube::{Error, ResourceExt};
use streamcat_operator::{
    api::{
        AccountRef, FINALIZER, ObservedAccount, Reason, StreamerAccount, StreamerAccountStatus, are_alike,
    },
    controller::{self, CachedAccounts},
};

use super::{Result, api_error, reference};
use crate::{
    fault_injector::FaultInjector,
    faults::{Failure, FromFailure, Operation, Service},
    oracle::effects,
    world::State,
};

const fn read(name: &'static str) -> Operation {
    Operation::read(Service::Kubernetes, name)
}

const fn write(name: &'static str) -> Operation {
    Operation::write(Service::Kubernetes, name)
}

impl FaultInjector {
    async fn patch_finalizers(
        &self,
        account: &StreamerAccount,
        finalizers: Vec<String>,
        name: &'static str,
    ) -> Result<StreamerAccount> {
        let named = account.clone();
        let effect = move |state: &mut State, now| {
            let patched = state.cluster.patch_finalizers(now, &named, finalizers);
            if let Ok(account) = &patched
                && !account.finalizers().iter().any(|name| name == FINALIZER)
            {
                effects::check_finalizer_removed(state, now, account);
            }
            patched
        };
        self.call(write(name), &account.name_any(), effect).await
    }
}

impl controller::Kubernetes for FaultInjector {
    fn cache(&self) -> &CachedAccounts {
        &self.cache
    }

    async fn current(&self, account: &AccountRef, uid: &str) -> Result<Option<ObservedAccount>> {
        let (key, uid) = (account.clone(), uid.to_owned());
        let effect = move |state: &mut State, _| {
            let found = state.cluster.current(&key, &uid);
            Ok(found.map(|found| ObservedAccount::clone(found)))
        };
        self.call(read("current"), &account.name, effect).await
    }

    async fn claims_username(&self, account: &AccountRef, username: &str) -> Result<bool> {
        let (key, username) = (account.clone(), username.to_owned());
        let effect = move |state: &mut State, _| {
            let found = state.cluster.accounts.get(&key);
            Ok(found.is_some_and(|found| are_alike(&found.spec.username, &username)))
        };
        self.call(read("claims_username"), &account.name, effect).await
    }

    async fn is_namespace_terminating(&self, account: &AccountRef) -> Result<bool> {
        let namespace = account.namespace.clone();
        let effect = move |state: &mut State, _| Ok(state.cluster.terminating.contains(&namespace));
        self.call(read("is_namespace_terminating"), &account.name, effect).await
    }

    async fn add_finalizer(&self, account: &StreamerAccount) -> Result<StreamerAccount> {
        let mut finalizers = account.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        self.patch_finalizers(account, finalizers, "add_finalizer").await
    }

    async fn remove_finalizer(&self, account: &StreamerAccount) -> Result<()> {
        let uid = account.uid().unwrap_or_default();
        let Some(current) = self.current(&reference(account), &uid).await? else { return Ok(()) };
        let others = current.finalizers().iter().filter(|name| *name != FINALIZER).cloned().collect();
        match self.patch_finalizers(&current, others, "remove_finalizer").await {
            Err(Error::Api(status)) if status.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn write_status(
        &self,
        account: &StreamerAccount,
        status: &StreamerAccountStatus,
    ) -> Result<StreamerAccount> {
        let (named, status) = (account.clone(), status.clone());
        let effect = move |state: &mut State, now| {
            let before = state.cluster.accounts.get(&reference(&named)).cloned();
            let written = state.cluster.write_status(&named, &status);
            if let (Some(before), Ok(after)) = (before, &written) {
                effects::check_status_written(state, now, &before, after);
            }
            written
        };
        self.call(write("write_status"), &account.name_any(), effect).await
    }

    async fn secret(&self, account: &StreamerAccount, name: &str) -> Result<Option<Secret>> {
        let key = (account.namespace().unwrap_or_default(), name.to_owned());
        let effect = move |state: &mut State, _| Ok(state.cluster.secrets.get(&key).cloned());
        self.call(read("secret"), name, effect).await
    }

    async fn write_secret(
        &self,
        account: &StreamerAccount,
        found: Option<&Secret>,
        secret: Secret,
    ) -> Result<()> {
        let found = found.cloned();
        let effect = move |state: &mut State, now| {
            effects::check_secret_written(state, &secret);
            let written = state.cluster.write_secret(now, found.as_ref(), secret.clone());
            if let (Some(found), Ok(())) = (&found, &written) {
                effects::check_secret_replaced(state, found, &secret);
            }
            written
        };
        self.call(write("write_secret"), &account.name_any(), effect).await
    }

    async fn publish_event(&self, account: &StreamerAccount, event: &controller::EventDraft) -> Result<()> {
        let (namespace, note) = (account.namespace().unwrap_or_default(), event.note.clone());
        let (key, changes_arn) =
            (reference(account), matches!(event.reason, Reason::Recreated | Reason::ArnChanged));
        if changes_arn {
            let ends = [self.term.clone(), self.process.dead.clone()];
            self.world.lock().attempted_reports.push((key.clone(), ends));
        }
        let effect = move |state: &mut State, _| {
            effects::check_no_stream_key(state, &note);
            if state.cluster.refuses_events {
                return Err(api_error(403, "Forbidden", "events are refused"));
            }
            if changes_arn {
                state.reported_arn_changes.insert(key);
            }
            if state.cluster.terminating.contains(&namespace) {
                return Err(api_error(403, "Forbidden", "the namespace is being terminated"));
            }
            Ok(())
        };
        self.call(write("publish_event"), event.reason.as_str(), effect).await
    }
}

impl FromFailure for Error {
    fn from_failure(_: Operation, failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Service("connection refused".into()),
            Failure::Reset => Self::Service("connection reset".into()),
            Failure::TimedOut => Self::Service("no response".into()),
            Failure::TooMany => api_error(429, "TooManyRequests", "too many requests"),
            Failure::Internal => api_error(500, "InternalError", "internal error"),
            Failure::Forbidden => api_error(403, "Forbidden", "forbidden"),
        }
    }
}
