//! A candidate for the Lease: it acquires, renews and releases it.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime, jiff::Timestamp,
};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use uuid::Uuid;

use super::{
    decide::{LeaseStep, ObservedLease, held, next, released},
    lease::LeaseApi,
};
use crate::{
    config::LeaderElectionSettings,
    controller::{continuity::TokenRotation, kubernetes::api_message},
    messages,
    store::RenewalTokens,
};

/// Result of a try to acquire or renew the Lease.
#[derive(Debug, PartialEq, Eq)]
enum TryResult {
    Held,
    /// Another candidate holds it, for this long unless it is renewed.
    HeldByOther(Duration),
    /// Another candidate wrote it between our read and our write.
    Conflict,
}

/// Annotation of the Lease with the renewal token.
const TOKEN_ANNOTATION: &str = "streamcat.dev/renewal-token";

/// A candidate for the Lease.
#[derive(Debug)]
pub(in crate::controller) struct Elector<L, S> {
    lease: L,
    rotation: TokenRotation<S>,
    settings: LeaderElectionSettings,
    identity: String,
    observed: Option<ObservedLease>,
    /// The time at which the latest successful acquisition or renewal began.
    renewed: Instant,
}

impl<L: LeaseApi, S: RenewalTokens> Elector<L, S> {
    /// Returns a candidate for this Lease. Its identity is the name of the pod and a random id.
    pub fn new(
        lease: L,
        rotation: TokenRotation<S>,
        settings: LeaderElectionSettings,
        pod: Option<&str>,
    ) -> Self {
        let identity = format!("{}_{}", pod.unwrap_or("streamcat-operator"), Uuid::new_v4());
        Self { lease, rotation, settings, identity, observed: None, renewed: Instant::now() }
    }

    /// Waits until the Lease is acquired. Calls `report` with the result of each try that did not acquire it.
    pub async fn acquire(&mut self, report: impl Fn(Result<(), String>)) {
        let retry = self.settings.retry_period;
        loop {
            let tried = self.try_once(Instant::now() + self.try_timeout()).await;
            let pause = match &tried {
                Ok(TryResult::Held) => break,
                Ok(TryResult::HeldByOther(left)) => retry.min(*left),
                Ok(TryResult::Conflict) | Err(_) => retry,
            };
            report(tried.map(drop));
            sleep(pause).await;
        }
        self.rotation.begin_term(self.observed.as_ref().and_then(|observed| token(&observed.lease)));
        tracing::info!(identity = self.identity, "acquired the Lease: leading");
    }

    /// Renews the Lease. Returns when this process must no longer lead.
    pub async fn renew_until_lost(&mut self) {
        loop {
            let deadline = self.renewed + self.settings.renew_deadline;
            tokio::select! {
                biased;
                () = sleep_until(deadline.min(Instant::now() + self.settings.retry_period)) => {}
                () = self.rotation.until_ready() => {}
            }
            match self.try_once(deadline.min(Instant::now() + self.try_timeout())).await {
                Ok(TryResult::Held) => continue,
                Ok(TryResult::HeldByOther(_)) => {
                    let holder = self.observed.as_ref().and_then(ObservedLease::holder);
                    tracing::warn!(holder, "lost the Lease to another candidate: no longer leading");
                    return;
                }
                Ok(TryResult::Conflict) => {}
                Err(error) => tracing::warn!("the Lease could not be renewed: {error}"),
            }
            if Instant::now() >= deadline {
                tracing::warn!("the Lease was not renewed in time: no longer leading");
                return;
            }
        }
    }

    /// Releases the Lease, so that another candidate need not wait until it expires.
    pub async fn release(&mut self) {
        match timeout_at(Instant::now() + self.try_timeout(), self.clear_holder()).await {
            Ok(Ok(())) => tracing::info!("released the Lease"),
            Ok(Err(error)) => {
                tracing::warn!("the Lease could not be released and will expire: {}", api_message(&error));
            }
            Err(_) => tracing::warn!("the Lease could not be released in time and will expire"),
        }
    }

    /// Removes the holder. Retries on a conflict: a renewal that timed out may have changed the Lease.
    async fn clear_holder(&mut self) -> kube::Result<()> {
        while let Some(lease) = self.lease.get().await? {
            let spec = lease.spec.clone().unwrap_or_default();
            if spec.holder_identity.as_ref() != Some(&self.identity) {
                break;
            }
            let released = Lease { spec: Some(released(&spec, now())), ..lease };
            if self.lease.write(&released).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the name of the Lease.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Tries once to acquire or renew the Lease.
    async fn try_once(&mut self, deadline: Instant) -> Result<TryResult, String> {
        match timeout_at(deadline, self.read_and_write()).await {
            Ok(result) => result.map_err(|error| api_message(&error)),
            Err(_) => Err(messages::readiness::LEASE_TIMED_OUT.to_owned()),
        }
    }

    async fn read_and_write(&mut self) -> kube::Result<TryResult> {
        let found = self.lease.get().await?;
        let read_at = Instant::now();
        let before = self.observed.take();
        self.observed = found.map(|lease| ObservedLease::new(before, lease, read_at));
        let duration = self.settings.lease_duration;
        let step = next(self.observed.as_ref(), &self.identity, duration, read_at);
        if let LeaseStep::Wait(left) = step {
            return Ok(TryResult::HeldByOther(left));
        }
        let mut lease = self.observed.as_ref().map(|observed| observed.lease.clone()).unwrap_or_default();
        // PostgreSQL gets the next token before the Lease does.
        let next_token =
            if step == LeaseStep::Renew { self.rotation.replace(token(&lease)).await } else { None };
        if let Some(next) = next_token {
            let annotations = lease.metadata.annotations.get_or_insert_default();
            annotations.insert(TOKEN_ANNOTATION.to_owned(), next.to_string());
        }
        lease.spec = Some(held(&lease.spec.unwrap_or_default(), &self.identity, duration, now()));
        let Some(written) = self.lease.write(&lease).await? else { return Ok(TryResult::Conflict) };
        self.observed = Some(ObservedLease::new(None, written, read_at));
        self.renewed = read_at;
        if let Some(next) = next_token {
            self.rotation.written(next);
        }
        Ok(TryResult::Held)
    }

    /// Returns the timeout of one try. It leaves time for another try before the deadline.
    fn try_timeout(&self) -> Duration {
        self.settings.renew_deadline / 2
    }
}

/// Returns the renewal token in a Lease.
fn token(lease: &Lease) -> Option<Uuid> {
    lease.metadata.annotations.as_ref()?.get(TOKEN_ANNOTATION)?.parse().ok()
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::{
        super::fake_lease::{FakeLease, LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD, elector},
        *,
    };

    fn ignore(_: Result<(), String>) {}

    #[tokio::test(start_paused = true)]
    async fn a_renewed_lease_is_kept_and_an_expired_one_is_taken_over() {
        let lease = FakeLease::default();
        let (mut first, mut second) = (elector(&lease), elector(&lease));
        first.acquire(ignore).await;
        let renewed = first.renew_until_lost();
        let waits = tokio::time::timeout(Duration::from_mins(5), second.acquire(ignore));
        tokio::select! {
            () = renewed => panic!("it was lost"),
            waited = waits => assert!(waited.is_err(), "two lead"),
        }
        // The first candidate is gone without a release.
        second.acquire(ignore).await;
        assert!(second.renewed >= first.renewed + LEASE_DURATION);
        assert_eq!(lease.holder(), Some(second.identity));
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_lease_is_acquired_at_the_next_try() {
        let lease = FakeLease::default();
        let (mut first, mut second) = (elector(&lease), elector(&lease));
        first.acquire(ignore).await;
        assert!(tokio::time::timeout(Duration::from_secs(3), second.acquire(ignore)).await.is_err());
        first.release().await;
        assert_eq!(lease.holder(), None);
        let start = Instant::now();
        second.acquire(ignore).await;
        assert!(start.elapsed() <= RETRY_PERIOD);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_cannot_renew_stops_before_another_may_lead() {
        for hangs in [true, false] {
            let lease = FakeLease::default();
            let mut leader = elector(&lease);
            leader.acquire(ignore).await;
            let renewed = leader.renewed;
            lease.disconnect(hangs);
            leader.renew_until_lost().await;
            let stopped = Instant::now();
            assert_eq!(stopped - renewed, RENEW_DEADLINE);
            assert_eq!(lease.holder(), Some(leader.identity.clone()), "nobody released it");

            lease.reconnect();
            leader.acquire(ignore).await;
            assert_eq!(stopped.elapsed(), Duration::ZERO, "a candidate need not wait for its own Lease");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_occasional_failure_does_not_stop_the_leader() {
        let lease = FakeLease::default();
        let mut leader = elector(&lease);
        leader.acquire(ignore).await;
        let reconnects = async {
            for _ in 0..20 {
                lease.disconnect(false);
                sleep(Duration::from_secs(5)).await;
                lease.reconnect();
                sleep(Duration::from_secs(3)).await;
            }
        };
        tokio::select! {
            () = leader.renew_until_lost() => panic!("it was lost"),
            () = reconnects => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_two_candidates_that_write_at_once_leads() {
        let lease = FakeLease::default();
        let (mut first, mut second) = (elector(&lease), elector(&lease));
        lease.synchronize_two_reads();
        let (one, other) = tokio::join!(first.try_once(far()), second.try_once(far()));
        let results = [one, other];
        let has = |result| results.contains(&Ok(result));
        assert!(has(TryResult::Held) && has(TryResult::Conflict), "{results:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_another_candidate_took_is_lost_at_once() {
        let lease = FakeLease::default();
        let mut leader = elector(&lease);
        leader.acquire(ignore).await;
        lease.steal("somebody");
        let start = Instant::now();
        leader.renew_until_lost().await;
        assert_eq!(start.elapsed(), RETRY_PERIOD);
        assert_eq!(lease.holder().as_deref(), Some("somebody"));
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }
}
