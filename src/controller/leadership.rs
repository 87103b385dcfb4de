//! Works while we lead, and only then.

use tokio_util::sync::CancellationToken;

use super::{
    lease::{Elector, Leases},
    run::{KUBERNETES_GATE, shut},
    sweeper::AWS_GATE,
};
use crate::{admin::Gates, shutdown, telemetry::Metrics};

/// Works whenever we lead, until `stop`. Each term has a token of its own, which is cancelled when it ends, and begins
/// with nothing that an earlier one knew. The Lease is given up after the last call is recorded, not before.
pub(super) async fn while_leading<L: Leases, W: Future>(
    mut elector: Elector<L>,
    gates: &Gates,
    metrics: &Metrics,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> W,
) {
    loop {
        metrics.leads(elector.name(), false);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = elector.acquire(|looked| stand_by(gates, looked)) => {}
        }
        metrics.leads(elector.name(), true);
        begin(gates);
        let term = stop.child_token();
        let work = shutdown::within_grace(&term, work(term.clone()));
        tokio::pin!(work);
        tokio::select! {
            finished = &mut work => {
                // What did not finish may still be under way: a Lease that runs out leaves it some time.
                if finished.is_some() {
                    elector.give_up().await;
                }
                return;
            }
            () = elector.keep() => {}
        }
        metrics.leads(elector.name(), false);
        term.cancel();
        work.await;
    }
}

/// A standby is ready when it sees the Lease: it needs nothing more to take over.
fn stand_by(gates: &Gates, looked: Result<(), String>) {
    match looked {
        Ok(()) => [KUBERNETES_GATE, AWS_GATE].into_iter().for_each(|gate| gates.open(gate)),
        Err(problem) => shut(gates, KUBERNETES_GATE, problem),
    }
}

/// Whoever leads is ready when it has seen the accounts and AWS.
fn begin(gates: &Gates) {
    for gate in [KUBERNETES_GATE, AWS_GATE] {
        gates.close(gate, "not checked yet");
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::sleep;

    use super::{
        super::lease::world::{LEASE_DURATION, Wall, elector},
        *,
    };

    /// Longer than the Lease lasts, so that it must be renewed meanwhile.
    const LAST_CALL: Duration = LEASE_DURATION.saturating_add(Duration::from_secs(1));

    #[tokio::test(start_paused = true)]
    async fn the_lease_is_kept_until_the_last_call_is_recorded_and_then_given_up() {
        let (wall, stop, recorded) = (Wall::default(), CancellationToken::new(), Cell::new(false));
        let work = async |term: CancellationToken| {
            stop.cancel();
            term.cancelled().await;
            let mut rival = elector(&wall);
            let waited = tokio::time::timeout(LAST_CALL, rival.acquire(drop)).await;
            assert!(waited.is_err(), "two lead");
            recorded.set(true);
        };
        while_leading(elector(&wall), &Gates::default(), &Metrics::default(), &stop, work).await;
        assert!(recorded.get() && wall.is_there());
        assert_eq!(wall.holder(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_call_hangs_the_lease_is_not_given_up() {
        let (wall, stop) = (Wall::default(), CancellationToken::new());
        let work = |_| {
            stop.cancel();
            std::future::pending::<()>()
        };
        while_leading(elector(&wall), &Gates::default(), &Metrics::default(), &stop, work).await;
        assert!(wall.holder().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_loses_the_lease_stops_and_competes_again() {
        let (wall, stop, terms) = (Wall::default(), CancellationToken::new(), Cell::new(0));
        let (gates, metrics) = (Gates::default(), Metrics::default());
        let leads = |leads: u8| {
            metrics.text().contains(&format!(r#"leader_election_master_status{{name="lease"}} {leads}"#))
        };
        let work = async |term: CancellationToken| {
            terms.set(terms.get() + 1);
            assert!(leads(1) && gates.closed().contains_key(AWS_GATE));
            if terms.get() == 2 {
                return stop.cancel();
            }
            wall.steal("somebody");
            term.cancelled().await;
            assert!(leads(0) && wall.holder().as_deref() == Some("somebody"));
        };
        let frees = async {
            sleep(Duration::from_mins(1)).await;
            assert_eq!((terms.get(), gates.closed().len()), (1, 0), "a standby is ready");
            wall.free();
        };
        tokio::join!(while_leading(elector(&wall), &gates, &metrics, &stop, work), frees);
        assert_eq!((terms.get(), wall.holder()), (2, None));
    }
}
