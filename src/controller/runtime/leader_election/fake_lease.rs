//! A Lease in memory for tests, with an API server that can be unreachable.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Result, core::Status};
use tokio::sync::Barrier;

use super::{elector::Elector, lease::LeaseApi};
use crate::{
    config::LeaderElectionSettings,
    controller::continuity::{Continuity, TokenRotation, tests::FakeTokens},
};

pub const LEASE_DURATION: Duration = Duration::from_secs(15);
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
pub const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// A Lease in memory, and the state of its API server.
#[derive(Clone, Debug, Default)]
pub struct FakeLease(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lease: Option<Lease>,
    writes: u64,
    outage: Option<Outage>,
    barrier: Option<Arc<Barrier>>,
}

#[derive(Clone, Copy, Debug)]
enum Outage {
    Hangs,
    Fails,
}

impl FakeLease {
    /// Makes the API server unreachable: calls hang, or fail.
    pub fn disconnect(&self, hangs: bool) {
        self.state().outage = Some(if hangs { Outage::Hangs } else { Outage::Fails });
    }

    /// Makes the API server reachable again.
    pub fn reconnect(&self) {
        self.state().outage = None;
    }

    /// Makes the next two reads return together, so that neither candidate writes before the other has read.
    pub fn synchronize_two_reads(&self) {
        self.state().barrier = Some(Arc::new(Barrier::new(2)));
    }

    /// Makes another candidate the holder.
    pub fn steal(&self, identity: &str) {
        let spec = LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: Some(3600),
            ..LeaseSpec::default()
        };
        self.state().store(Lease { spec: Some(spec), ..Lease::default() });
    }

    /// Removes the holder.
    pub fn free(&self) {
        self.state().store(Lease::default());
    }

    /// Returns true if the Lease was ever written.
    pub fn exists(&self) -> bool {
        self.state().lease.is_some()
    }

    /// Returns the holder.
    pub fn holder(&self) -> Option<String> {
        self.state().lease.as_ref()?.spec.as_ref()?.holder_identity.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds this")
    }

    async fn reach(&self) -> Result<()> {
        let outage = self.state().outage;
        match outage {
            None => Ok(()),
            Some(Outage::Fails) => {
                Err(kube::Error::Api(Status::failure("unreachable", "Unavailable").boxed()))
            }
            Some(Outage::Hangs) => std::future::pending().await,
        }
    }
}

impl State {
    fn store(&mut self, mut lease: Lease) -> Lease {
        self.writes += 1;
        lease.metadata.resource_version = Some(self.writes.to_string());
        self.lease.insert(lease).clone()
    }
}

impl LeaseApi for FakeLease {
    async fn get(&self) -> Result<Option<Lease>> {
        self.reach().await?;
        let found = self.state().lease.clone();
        let barrier = self.state().barrier.clone();
        if let Some(barrier) = barrier
            && barrier.wait().await.is_leader()
        {
            self.state().barrier = None;
        }
        Ok(found)
    }

    async fn write(&self, lease: &Lease) -> Result<Option<Lease>> {
        self.reach().await?;
        let mut state = self.state();
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        let stored = state.lease.as_ref().and_then(version);
        Ok((stored == version(lease)).then(|| state.store(lease.clone())))
    }
}

/// Returns a candidate for the Lease.
pub fn elector(lease: &FakeLease) -> Elector<FakeLease, FakeTokens> {
    let settings = LeaderElectionSettings {
        enabled: true,
        name: "lease".to_owned(),
        namespace: None,
        lease_duration: LEASE_DURATION,
        renew_deadline: RENEW_DEADLINE,
        retry_period: RETRY_PERIOD,
    };
    let rotation = TokenRotation::new(
        Continuity::with_lease(),
        FakeTokens::default(),
        "cluster".to_owned(),
        "namespace/lease".to_owned(),
    );
    Elector::new(lease.clone(), rotation, settings, None)
}
