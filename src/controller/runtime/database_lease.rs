//! The lease on the database: it keeps the controllers of two Kubernetes clusters from working on one
//! database.
//!
//! An account that is missing in this cluster may exist in another one. Therefore only one of the
//! clusters that share a database is active. The others change nothing until its lease has expired.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::Gates,
    controller::gates,
    lanes::Origin,
    messages, shutdown,
    store::{ClusterIdentity, Clusters, OtherCluster},
};

/// Interval at which the holder renews the lease, and at which the other clusters check it.
pub(super) const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// Runs `work` whenever this cluster holds the lease, until `stop`.
///
/// A term is the time during which the lease is held. Each term gets its own cancellation token and starts
/// with no state from the previous one. The token is cancelled when another cluster has taken over.
pub async fn while_holding_database_lease<C: Clusters, W: Future>(
    clusters: &C,
    cluster: &ClusterIdentity,
    renew_interval: Duration,
    gates: &Gates,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> W,
) {
    // Renew at least four times per lease duration, so that one failure does not let the lease expire.
    let renew_interval = renew_interval.min(cluster.takeover_after / 4);
    while !stop.is_cancelled() {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = acquire(clusters, cluster, renew_interval, gates) => {}
        }
        let term = stop.child_token();
        let work = work(term.clone());
        tokio::pin!(work);
        tokio::select! {
            _ = &mut work => break,
            () = renew_until_lost(clusters, cluster, renew_interval) => {}
        }
        term.cancel();
        shutdown::within_grace(&term, work).await;
    }
    // After stopping, leave the gate open: a standby counts as ready.
    gates.open(gates::CLUSTER);
}

/// Waits until this cluster has acquired the lease.
async fn acquire<C: Clusters>(
    clusters: &C,
    cluster: &ClusterIdentity,
    renew_interval: Duration,
    gates: &Gates,
) {
    loop {
        let pause = match Origin::of_renewal().scope(clusters.hold_database(cluster)).await {
            Ok(None) => break,
            Ok(Some(other)) => {
                gates::close(gates, gates::CLUSTER, held_by(&other, cluster));
                renew_interval.min(other.expires_in)
            }
            // Does not close the gate: an unavailable database closes its own.
            Err(error) => {
                tracing::warn!(%error, "the lease on the database could not be acquired and is retried");
                renew_interval
            }
        };
        sleep(pause.max(Duration::from_millis(100))).await;
    }
    gates.open(gates::CLUSTER);
    tracing::info!(cluster = cluster.id, "acquired the lease on the database");
}

/// Returns the text about the cluster that holds the lease.
fn held_by(other: &OtherCluster, cluster: &ClusterIdentity) -> String {
    messages::database::held_by_other_cluster(&other.id, &other.seen_at, &cluster.id, cluster.takeover_after)
}

/// Renews the lease until another cluster has taken over, or may have. Then the work must stop.
async fn renew_until_lost<C: Clusters>(clusters: &C, cluster: &ClusterIdentity, renew_interval: Duration) {
    let mut renewed = Instant::now();
    loop {
        sleep(renew_interval).await;
        let begun = Instant::now();
        // A dead connection must not hide that another cluster has taken over.
        let renewal = Origin::of_renewal().scope(clusters.hold_database(cluster));
        let held = timeout(cluster.takeover_after, renewal).await;
        match held.map_or_else(
            |_| Err("no answer in time".to_owned()),
            |held| held.map_err(|error| error.to_string()),
        ) {
            Ok(None) => renewed = begun,
            Ok(Some(other)) => {
                tracing::warn!(other = other.id, seen = other.seen_at, "another cluster has taken over");
                return;
            }
            Err(error) if renewed.elapsed() >= cluster.takeover_after => {
                tracing::warn!(
                    error,
                    "the lease on the database has expired: another cluster may have taken over"
                );
                return;
            }
            Err(error) => tracing::warn!(error, "the lease on the database could not be renewed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Mutex};

    use super::*;
    use crate::store::Result;

    const TAKEOVER: Duration = Duration::from_mins(1);

    /// A table `clusters` in memory.
    #[derive(Default)]
    struct FakeClusters(Mutex<Vec<(String, Instant)>>);

    impl FakeClusters {
        fn see(&self, id: &str) {
            let mut seen = self.0.lock().expect("no test panics with the lock held");
            seen.retain(|(known, _)| known != id);
            seen.push((id.to_owned(), Instant::now()));
        }
    }

    impl Clusters for FakeClusters {
        async fn hold_database(&self, cluster: &ClusterIdentity) -> Result<Option<OtherCluster>> {
            let seen = self.0.lock().expect("no test panics with the lock held").clone();
            let other = seen
                .iter()
                .find(|(id, at)| *id != cluster.id && at.elapsed() < cluster.takeover_after)
                .map(|(id, at)| OtherCluster {
                    id: id.clone(),
                    seen_at: "then".to_owned(),
                    expires_in: cluster.takeover_after.saturating_sub(at.elapsed()),
                });
            if other.is_none() {
                self.see(&cluster.id);
            }
            Ok(other)
        }
    }

    fn here() -> ClusterIdentity {
        ClusterIdentity { id: "here".to_owned(), takeover_after: TAKEOVER }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_waits_until_the_lease_of_another_has_expired() {
        let (clusters, gates, stop) = (FakeClusters::default(), Gates::default(), CancellationToken::new());
        clusters.see("there");
        let began = Instant::now();
        let work = async |_| {
            assert!(began.elapsed() >= TAKEOVER && gates.closed().is_empty());
            stop.cancel();
        };
        let check = async {
            sleep(TAKEOVER / 2).await;
            let closed = gates.closed();
            assert!(closed["cluster"].contains("Cluster there holds") && closed["cluster"].contains("60 s"));
        };
        let cluster = here();
        tokio::join!(
            while_holding_database_lease(&clusters, &cluster, RENEW_INTERVAL, &gates, &stop, work),
            check
        );
        assert!(began.elapsed() < TAKEOVER + RENEW_INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_cluster_stops_once_another_has_taken_over() {
        let (clusters, gates, stop) = (FakeClusters::default(), Gates::default(), CancellationToken::new());
        let terms = Cell::new(0);
        let work = async |term: CancellationToken| {
            terms.set(terms.get() + 1);
            if terms.get() == 2 {
                return stop.cancel();
            }
            clusters.see("there");
            term.cancelled().await;
        };
        let (began, cluster) = (Instant::now(), here());
        let works = while_holding_database_lease(&clusters, &cluster, RENEW_INTERVAL, &gates, &stop, work);
        timeout(TAKEOVER * 10, works).await.expect("the first term ends");
        assert_eq!(terms.get(), 2);
        assert!(began.elapsed() >= TAKEOVER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_renewed_is_never_taken_over() {
        let (clusters, gates, stop) = (FakeClusters::default(), Gates::default(), CancellationToken::new());
        let (first, second) = (here(), ClusterIdentity { id: "there".to_owned(), takeover_after: TAKEOVER });
        let works = while_holding_database_lease(
            &clusters,
            &first,
            RENEW_INTERVAL,
            &gates,
            &stop,
            |term| async move {
                term.cancelled().await;
            },
        );
        let waits = async {
            sleep(Duration::from_secs(1)).await;
            let acquired = acquire(&clusters, &second, RENEW_INTERVAL, &gates);
            assert!(tokio::time::timeout(TAKEOVER * 10, acquired).await.is_err(), "both clusters are active");
            stop.cancel();
        };
        tokio::join!(works, waits);
    }
}
