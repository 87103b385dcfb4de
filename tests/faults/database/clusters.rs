//! `clusters`.

use std::time::Duration;

use streamcat_operator::store::{ClusterIdentity, Clusters, OtherCluster, Result};

use super::{Database, write};
use crate::{
    fault_injector::FaultInjector,
    world::{LEASE_RENEWAL_CALL, State},
};

impl Database {
    /// Returns true if a cluster was seen within `takeover_after`.
    pub(super) fn is_live(&self, cluster: &str, now: Duration, takeover_after: Duration) -> bool {
        self.clusters.get(cluster).is_some_and(|seen| *seen + takeover_after > now)
    }

    fn hold(&mut self, cluster: &ClusterIdentity, now: Duration) -> Option<OtherCluster> {
        let is_live = |id: &str| id != cluster.id && self.is_live(id, now, cluster.takeover_after);
        let other = self.clusters.iter().filter(|(id, _)| is_live(id)).max_by_key(|(_, seen)| **seen);
        if let Some((id, seen)) = other {
            let expires_in = (*seen + cluster.takeover_after).saturating_sub(now);
            return Some(OtherCluster { id: id.clone(), seen_at: format!("{seen:?}"), expires_in });
        }
        if self.clusters.is_empty() {
            for user in self.users.values_mut().filter(|user| user.uid.is_some()) {
                user.cluster.get_or_insert_with(|| cluster.id.clone());
            }
        }
        self.clusters.insert(cluster.id.clone(), now);
        None
    }
}

impl Clusters for FaultInjector {
    async fn hold_database(&self, cluster: &ClusterIdentity) -> Result<Option<OtherCluster>> {
        let named = cluster.clone();
        let effect = move |state: &mut State, now| {
            let other = state.database.hold(&named, now);
            if other.is_none() {
                state.ownership.cluster_seen(&named.id, now);
            }
            Ok(other)
        };
        self.call(write(LEASE_RENEWAL_CALL), &cluster.id, effect).await
    }
}
