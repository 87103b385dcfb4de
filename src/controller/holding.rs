//! Works while no other Kubernetes cluster works on the same database.
//!
//! That an account is not in this cluster says nothing about another one. So of several clusters with one database one works, and the
//! others change nothing until it has not been seen for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::run::shut;
use crate::{
    admin::Gates,
    shutdown,
    store::{ClusterIdentity, Clusters, OtherCluster},
};

/// How often the cluster that works says so, and how often the others check it.
pub(super) const RENEWAL: Duration = Duration::from_secs(5);

/// The gate that is shut while another cluster works.
const CLUSTER_GATE: &str = "cluster";

/// Works whenever this cluster holds the database, until `stop`. Each term has a token of its own, which is cancelled when another
/// cluster has taken over, and begins with nothing that an earlier one knew.
pub async fn while_holding_database<C: Clusters, W: Future>(
    clusters: &C,
    cluster: &ClusterIdentity,
    renewal: Duration,
    gates: &Gates,
    stop: &CancellationToken,
    work: impl Fn(CancellationToken) -> W,
) {
    // A cluster that is renewed this often is never taken for gone.
    let renewal = renewal.min(cluster.takeover_after / 4);
    while !stop.is_cancelled() {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = acquire(clusters, cluster, renewal, gates) => {}
        }
        let term = stop.child_token();
        let work = work(term.clone());
        tokio::pin!(work);
        tokio::select! {
            _ = &mut work => break,
            () = keep(clusters, cluster, renewal) => {}
        }
        term.cancel();
        shutdown::within_grace(&term, work).await;
    }
    // Whoever stands by is ready.
    gates.open(CLUSTER_GATE);
}

/// Waits until no other cluster works on the database.
async fn acquire<C: Clusters>(clusters: &C, cluster: &ClusterIdentity, renewal: Duration, gates: &Gates) {
    loop {
        let pause = match clusters.hold_database(cluster).await {
            Ok(None) => break,
            Ok(Some(other)) => {
                shut(gates, CLUSTER_GATE, waiting(&other, cluster));
                renewal.min(other.expires_in)
            }
            // The database has a gate of its own.
            Err(error) => {
                tracing::warn!(%error, "it is not known whether another cluster works on the database");
                renewal
            }
        };
        sleep(pause.max(Duration::from_millis(100))).await;
    }
    gates.open(CLUSTER_GATE);
    tracing::info!(cluster = cluster.id, "this cluster holds the database");
}

/// Renews until another cluster has taken over, or may have: then it must not be worked on.
async fn keep<C: Clusters>(clusters: &C, cluster: &ClusterIdentity, renewal: Duration) {
    let mut renewed = Instant::now();
    loop {
        sleep(renewal).await;
        let begun = Instant::now();
        // A connection that nobody answers on any more must not hide that another cluster has taken over.
        let held = timeout(cluster.takeover_after, clusters.hold_database(cluster)).await;
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
                tracing::warn!(error, "another cluster may have taken over");
                return;
            }
            Err(error) => tracing::warn!(error, "the cluster's hold on the database could not be renewed"),
        }
    }
}

fn waiting(other: &OtherCluster, cluster: &ClusterIdentity) -> String {
    format!(
        "the cluster {} works on this database and was last seen at {}: this one ({}) changes nothing, and takes over when the other has not been seen for {} s (--cluster-takeover-after)",
        other.id,
        other.seen_at,
        cluster.id,
        cluster.takeover_after.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Mutex};

    use super::*;
    use crate::store::Result;

    const TAKEOVER: Duration = Duration::from_mins(1);

    /// The table `clusters` in memory.
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
    async fn a_cluster_that_finds_another_waits_until_that_one_expires() {
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
            assert!(closed["cluster"].contains("the cluster there") && closed["cluster"].contains("60 s"));
        };
        let cluster = here();
        tokio::join!(while_holding_database(&clusters, &cluster, RENEWAL, &gates, &stop, work), check);
        assert!(began.elapsed() < TAKEOVER + RENEWAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_slept_stops_when_another_has_taken_over() {
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
        let began = Instant::now();
        while_holding_database(&clusters, &here(), RENEWAL, &gates, &stop, work).await;
        assert_eq!(terms.get(), 2);
        assert!(began.elapsed() >= TAKEOVER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_renews_is_never_followed() {
        let (clusters, gates, stop) = (FakeClusters::default(), Gates::default(), CancellationToken::new());
        let (first, second) = (here(), ClusterIdentity { id: "there".to_owned(), takeover_after: TAKEOVER });
        let works = while_holding_database(&clusters, &first, RENEWAL, &gates, &stop, |term| async move {
            term.cancelled().await;
        });
        let waits = async {
            sleep(Duration::from_secs(1)).await;
            let acquired = acquire(&clusters, &second, RENEWAL, &gates);
            assert!(tokio::time::timeout(TAKEOVER * 10, acquired).await.is_err(), "two work");
            stop.cancel();
        };
        tokio::join!(works, waits);
    }
}
