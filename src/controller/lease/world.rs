//! A Lease in memory for tests, with an API server that can be away.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Result, core::Status};
use tokio::sync::Barrier;

use super::{Elector, Leases};
use crate::config::LeaderElectionSettings;

pub const LEASE_DURATION: Duration = Duration::from_secs(15);
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
pub const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// The API server, as far as one Lease goes.
#[derive(Clone, Debug, Default)]
pub struct Wall(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lease: Option<Lease>,
    writes: u64,
    away: Option<Away>,
    together: Option<Arc<Barrier>>,
}

#[derive(Clone, Copy, Debug)]
enum Away {
    Hangs,
    Fails,
}

impl Wall {
    /// From now on nothing is answered: calls hang, or fail.
    pub fn break_off(&self, hangs: bool) {
        self.state().away = Some(if hangs { Away::Hangs } else { Away::Fails });
    }

    /// It is back.
    pub fn mend(&self) {
        self.state().away = None;
    }

    /// Two that read have both read before either goes on.
    pub fn answer_two_reads_together(&self) {
        self.state().together = Some(Arc::new(Barrier::new(2)));
    }

    /// Somebody writes himself into it, whoever holds it.
    pub fn steal(&self, identity: &str) {
        let spec = LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: Some(3600),
            ..LeaseSpec::default()
        };
        self.state().store(Lease { spec: Some(spec), ..Lease::default() });
    }

    /// Whoever holds it gives it up.
    pub fn free(&self) {
        self.state().store(Lease::default());
    }

    /// Whether it was ever written.
    pub fn is_there(&self) -> bool {
        self.state().lease.is_some()
    }

    /// Who holds it.
    pub fn holder(&self) -> Option<String> {
        self.state().lease.as_ref()?.spec.as_ref()?.holder_identity.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds this")
    }

    async fn reach(&self) -> Result<()> {
        let away = self.state().away;
        match away {
            None => Ok(()),
            Some(Away::Fails) => Err(kube::Error::Api(Status::failure("away", "Unavailable").boxed())),
            Some(Away::Hangs) => std::future::pending().await,
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

impl Leases for Wall {
    async fn get(&self) -> Result<Option<Lease>> {
        self.reach().await?;
        let found = self.state().lease.clone();
        let together = self.state().together.clone();
        if let Some(together) = together
            && together.wait().await.is_leader()
        {
            self.state().together = None;
        }
        Ok(found)
    }

    async fn write(&self, lease: &Lease) -> Result<Option<Lease>> {
        self.reach().await?;
        let mut state = self.state();
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        let stands = state.lease.as_ref().and_then(version);
        Ok((stands == version(lease)).then(|| state.store(lease.clone())))
    }
}

/// One who wants the Lease.
pub fn elector(wall: &Wall) -> Elector<Wall> {
    let settings = LeaderElectionSettings {
        enabled: true,
        name: "lease".to_owned(),
        namespace: None,
        lease_duration: LEASE_DURATION,
        renew_deadline: RENEW_DEADLINE,
        retry_period: RETRY_PERIOD,
    };
    Elector::new(wall.clone(), settings, None)
}
