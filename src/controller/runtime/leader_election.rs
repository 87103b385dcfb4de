//! Leader election: one of several controllers works while the others stand by.
//!
//! It only avoids duplicate work. Two leaders at once do no harm, because of the attempts in the database and
//! the preconditions of every write.

mod decide;
mod elector;
#[cfg(test)]
mod fake_lease;
mod lease;

use tokio_util::sync::CancellationToken;

use self::lease::LeaseApi;
use crate::{admin::Gates, controller::gates, messages, shutdown, store::RenewalTokens, telemetry::Metrics};

pub(super) use self::{elector::Elector, lease::KubernetesLease};

/// Runs `work` whenever this process leads, until `stop`. Each term gets its own cancellation token, which is
/// cancelled when the term ends, and starts with no state from the previous one. The Lease is released after
/// the last call is recorded, not before.
pub(super) async fn while_leading<L: LeaseApi, S: RenewalTokens, W: Future>(
    mut elector: Elector<L, S>,
    gates: &Gates,
    metrics: &Metrics,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> W,
) {
    loop {
        metrics.set_leading(elector.name(), false);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = elector.acquire(|tried| stand_by(gates, tried)) => {}
        }
        metrics.set_leading(elector.name(), true);
        start_term(gates);
        let term = stop.child_token();
        let work = shutdown::within_grace(&term, work(term.clone()));
        tokio::pin!(work);
        tokio::select! {
            finished = &mut work => {
                // Calls that did not finish may still be in flight. The rest of the Lease leaves them some
                // time.
                if finished.is_some() {
                    elector.release().await;
                }
                return;
            }
            () = elector.renew_until_lost() => {}
        }
        metrics.set_leading(elector.name(), false);
        term.cancel();
        work.await;
    }
}

/// Opens the gates of a standby that can read the Lease: it needs nothing more to take over.
fn stand_by(gates: &Gates, tried: Result<(), String>) {
    match tried {
        Ok(()) => [gates::KUBERNETES, gates::AWS].into_iter().for_each(|gate| gates.open(gate)),
        Err(error) => gates::close(gates, gates::KUBERNETES, error),
    }
}

/// Closes the gates of a new leader until it has listed the accounts and AWS.
fn start_term(gates: &Gates) {
    for gate in [gates::KUBERNETES, gates::AWS] {
        gates.close(gate, messages::readiness::NOT_CHECKED_YET);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::sleep;

    use super::{
        fake_lease::{FakeLease, LEASE_DURATION, elector},
        *,
    };

    /// Duration of the last call: longer than the Lease, so that the Lease must be renewed during it.
    const LAST_CALL: Duration = LEASE_DURATION.saturating_add(Duration::from_secs(1));

    #[tokio::test(start_paused = true)]
    async fn the_lease_is_released_on_shutdown_after_the_last_call() {
        let (lease, stop, recorded) = (FakeLease::default(), CancellationToken::new(), Cell::new(false));
        let work = async |term: CancellationToken| {
            stop.cancel();
            term.cancelled().await;
            let mut rival = elector(&lease);
            let waited = tokio::time::timeout(LAST_CALL, rival.acquire(drop)).await;
            assert!(waited.is_err(), "two lead");
            recorded.set(true);
        };
        while_leading(elector(&lease), &Gates::default(), &Metrics::default(), &stop, work).await;
        assert!(recorded.get() && lease.exists());
        assert_eq!(lease.holder(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_is_not_released_while_a_call_hangs() {
        let (lease, stop) = (FakeLease::default(), CancellationToken::new());
        let work = |_| {
            stop.cancel();
            std::future::pending::<()>()
        };
        while_leading(elector(&lease), &Gates::default(), &Metrics::default(), &stop, work).await;
        assert!(lease.holder().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_loses_the_lease_stops_and_competes_again() {
        let (lease, stop, terms) = (FakeLease::default(), CancellationToken::new(), Cell::new(0));
        let (readiness, metrics) = (Gates::default(), Metrics::default());
        let leads = |leads: u8| {
            metrics.text().contains(&format!(r#"leader_election_master_status{{name="lease"}} {leads}"#))
        };
        let work = async |term: CancellationToken| {
            terms.set(terms.get() + 1);
            assert!(leads(1) && readiness.closed().contains_key(gates::AWS));
            if terms.get() == 2 {
                return stop.cancel();
            }
            lease.steal("somebody");
            term.cancelled().await;
            assert!(leads(0) && lease.holder().as_deref() == Some("somebody"));
        };
        let frees = async {
            sleep(Duration::from_mins(1)).await;
            assert_eq!((terms.get(), readiness.closed().len()), (1, 0), "a standby is ready");
            lease.free();
        };
        tokio::join!(while_leading(elector(&lease), &readiness, &metrics, &stop, work), frees);
        assert_eq!((terms.get(), lease.holder()), (2, None));
    }
}
