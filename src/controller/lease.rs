//! The Lease by which one of several controllers works while the others stand by. It only saves work: whoever leads,
//! the attempt in the database and the preconditions on every write are what keeps two from doing the same.

mod decide;
mod record;
#[cfg(test)]
pub(super) mod world;

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime, jiff::Timestamp,
};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use uuid::Uuid;

use self::decide::{Seen, Step, given_up, held, next};
pub(super) use self::record::{KubeLease, Leases};
use super::problem::words;
use crate::config::LeaderElectionSettings;

/// Whose the Lease is after a try to get it, or to keep it.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Ours,
    /// Another's, for this long if it is not renewed.
    Theirs(Duration),
    /// Somebody else wrote it between our read and our write.
    Raced,
}

/// One who wants the Lease.
#[derive(Debug)]
pub(super) struct Elector<L> {
    leases: L,
    settings: LeaderElectionSettings,
    identity: String,
    seen: Option<Seen>,
    /// When we last began a write that made or kept it ours.
    renewed: Instant,
}

impl<L: Leases> Elector<L> {
    /// One who wants this Lease, under the name of its pod and something that no other start of it has.
    pub fn new(leases: L, settings: LeaderElectionSettings, pod: Option<&str>) -> Self {
        let identity = format!("{}_{}", pod.unwrap_or("streamcat-operator"), Uuid::new_v4());
        Self { leases, settings, identity, seen: None, renewed: Instant::now() }
    }

    /// Waits until the Lease is ours. `looked` hears how each look at it went that did not make it so.
    pub async fn acquire(&mut self, looked: impl Fn(Result<(), String>)) {
        let retry = self.settings.retry_period;
        loop {
            let tried = self.attempt(Instant::now() + self.patience()).await;
            let pause = match &tried {
                Ok(Turn::Ours) => break,
                Ok(Turn::Theirs(left)) => retry.min(*left),
                Ok(Turn::Raced) | Err(_) => retry,
            };
            looked(tried.map(drop));
            sleep(pause).await;
        }
        tracing::info!(identity = self.identity, "the Lease is ours: leading");
    }

    /// Renews the Lease for as long as it can; returns when we must not lead any more.
    pub async fn keep(&mut self) {
        loop {
            let deadline = self.renewed + self.settings.renew_deadline;
            sleep_until(deadline.min(Instant::now() + self.settings.retry_period)).await;
            match self.attempt(deadline.min(Instant::now() + self.patience())).await {
                Ok(Turn::Ours) => continue,
                Ok(Turn::Theirs(_)) => {
                    let holder = self.seen.as_ref().and_then(Seen::holder);
                    tracing::warn!(holder, "the Lease is another's now: leading no longer");
                    return;
                }
                Ok(Turn::Raced) => {}
                Err(problem) => tracing::warn!("the Lease could not be renewed: {problem}"),
            }
            if Instant::now() >= deadline {
                tracing::warn!("the Lease was not renewed in time: leading no longer");
                return;
            }
        }
    }

    /// Leaves the Lease to nobody, so that another need not wait until it has run out.
    pub async fn give_up(&mut self) {
        match timeout_at(Instant::now() + self.patience(), self.leave()).await {
            Ok(Ok(())) => tracing::info!("the Lease is given up"),
            Ok(Err(error)) => tracing::warn!("the Lease was not given up and runs out: {}", words(&error)),
            Err(_) => tracing::warn!("the Lease was not given up in time and runs out"),
        }
    }

    /// It is read again, and again: a renewal that we no longer waited for may have changed it.
    async fn leave(&mut self) -> kube::Result<()> {
        while let Some(lease) = self.leases.get().await? {
            let spec = lease.spec.clone().unwrap_or_default();
            if spec.holder_identity.as_ref() != Some(&self.identity) {
                break;
            }
            let nobodys = Lease { spec: Some(given_up(&spec, now())), ..lease };
            if self.leases.write(&nobodys).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The name of the Lease.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// One look at the Lease, and a write where it may be ours.
    async fn attempt(&mut self, deadline: Instant) -> Result<Turn, String> {
        match timeout_at(deadline, self.get_or_keep()).await {
            Ok(turn) => turn.map_err(|error| words(&error)),
            Err(_) => Err("the API server did not answer in time".to_owned()),
        }
    }

    async fn get_or_keep(&mut self) -> kube::Result<Turn> {
        let found = self.leases.get().await?;
        let looked = Instant::now();
        let before = self.seen.take();
        self.seen = found.map(|lease| Seen::now(before, lease, looked));
        let lasts = self.settings.lease_duration;
        if let Step::Wait(left) = next(self.seen.as_ref(), &self.identity, lasts, looked) {
            return Ok(Turn::Theirs(left));
        }
        let mut lease = self.seen.as_ref().map(|seen| seen.lease.clone()).unwrap_or_default();
        lease.spec = Some(held(&lease.spec.unwrap_or_default(), &self.identity, lasts, now()));
        let Some(written) = self.leases.write(&lease).await? else { return Ok(Turn::Raced) };
        self.seen = Some(Seen::now(None, written, looked));
        self.renewed = looked;
        Ok(Turn::Ours)
    }

    /// How long one try may take: there must be time for another before the deadline.
    fn patience(&self) -> Duration {
        self.settings.renew_deadline / 2
    }
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::{
        world::{LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD, Wall, elector},
        *,
    };

    fn ignore(_: Result<(), String>) {}

    #[tokio::test(start_paused = true)]
    async fn one_that_is_renewed_stays_and_one_that_is_not_is_followed_when_it_has_run_out() {
        let wall = Wall::default();
        let (mut first, mut second) = (elector(&wall), elector(&wall));
        first.acquire(ignore).await;
        let kept = first.keep();
        let waits = tokio::time::timeout(Duration::from_mins(5), second.acquire(ignore));
        tokio::select! {
            () = kept => panic!("it was lost"),
            waited = waits => assert!(waited.is_err(), "two lead"),
        }
        // The first is gone without a word.
        second.acquire(ignore).await;
        assert!(second.renewed >= first.renewed + LEASE_DURATION);
        assert_eq!(wall.holder(), Some(second.identity));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_given_up_is_taken_at_the_next_look() {
        let wall = Wall::default();
        let (mut first, mut second) = (elector(&wall), elector(&wall));
        first.acquire(ignore).await;
        assert!(tokio::time::timeout(Duration::from_secs(3), second.acquire(ignore)).await.is_err());
        first.give_up().await;
        assert_eq!(wall.holder(), None);
        let start = Instant::now();
        second.acquire(ignore).await;
        assert!(start.elapsed() <= RETRY_PERIOD);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_cannot_renew_stops_before_another_may_lead() {
        for hangs in [true, false] {
            let wall = Wall::default();
            let mut leader = elector(&wall);
            leader.acquire(ignore).await;
            let renewed = leader.renewed;
            wall.break_off(hangs);
            leader.keep().await;
            let stopped = Instant::now();
            assert_eq!(stopped - renewed, RENEW_DEADLINE);
            assert_eq!(wall.holder(), Some(leader.identity.clone()), "nobody gave it up");

            wall.mend();
            leader.acquire(ignore).await;
            assert_eq!(stopped.elapsed(), Duration::ZERO, "its own is no other's: it need not wait");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_now_and_then_is_no_reason_to_stop() {
        let wall = Wall::default();
        let mut leader = elector(&wall);
        leader.acquire(ignore).await;
        let mends = async {
            for _ in 0..20 {
                wall.break_off(false);
                sleep(Duration::from_secs(5)).await;
                wall.mend();
                sleep(Duration::from_secs(3)).await;
            }
        };
        tokio::select! {
            () = leader.keep() => panic!("it was lost"),
            () = mends => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_that_write_at_once_one_leads() {
        let wall = Wall::default();
        let (mut first, mut second) = (elector(&wall), elector(&wall));
        wall.answer_two_reads_together();
        let (one, other) = tokio::join!(first.attempt(far()), second.attempt(far()));
        let turns = [one, other];
        assert!(turns.contains(&Ok(Turn::Ours)) && turns.contains(&Ok(Turn::Raced)), "{turns:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_another_took_is_lost_at_once() {
        let wall = Wall::default();
        let mut leader = elector(&wall);
        leader.acquire(ignore).await;
        wall.steal("somebody");
        let start = Instant::now();
        leader.keep().await;
        assert_eq!(start.elapsed(), RETRY_PERIOD);
        assert_eq!(wall.holder().as_deref(), Some("somebody"));
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }
}
