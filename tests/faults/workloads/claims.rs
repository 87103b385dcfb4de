//! Accounts that own no user, or no longer own one, and are deleted; and a second cluster.

use tokio::time::sleep;

use super::{DURING_CREATES, SETTLE_TIME, Workload, edited, retained, spec};
use crate::actor::Actor;

impl Workload {
    /// Returns true if the workload only creates and deletes accounts whose claims are refused, so that no
    /// resource may be created or deleted.
    pub fn only_has_refused_claims(self) -> bool {
        matches!(
            self,
            Self::RetainedOtherSpelling
                | Self::LostOtherSpelling
                | Self::RegisteredObjectLost
                | Self::RegisteredReplaced
                | Self::NewClusterDeletes
                | Self::TwoClusters
                | Self::TagsConflictWithRow
        )
    }

    /// Performs the actions. At the end, the account with the claim has everything it had before.
    pub(super) async fn claim(self, actor: &Actor) {
        match self {
            Self::RetainedOtherSpelling => {
                actor.delete("todd");
                actor.apply("todd", spec("Todd")).await;
                sleep(SETTLE_TIME).await;
                actor.delete("todd");
                actor.apply("todd", retained("todd")).await;
            }
            Self::LostOtherSpelling => {
                actor.lose_object("todd");
                actor.apply("todd", spec("Todd")).await;
                sleep(SETTLE_TIME).await;
                actor.delete("todd");
                actor.apply("todd", spec("todd")).await;
            }
            Self::RegisteredObjectLost => {
                actor.lose_object("todd");
                actor.apply("todd", spec("todd")).await;
                sleep(SETTLE_TIME).await;
                actor.delete("todd");
                actor.wait_until_gone("todd").await;
                actor.apply_as_registered("todd").await;
            }
            Self::RegisteredReplaced => actor.replace_without_annotations("todd", edited("todd")),
            // With its finalizer, as restored from a backup of the cluster.
            Self::NewClusterDeletes => {
                actor.rebuild_cluster();
                actor.add_finalizer("todd");
                actor.delete("todd");
                actor.restart_controllers().await;
                actor.wait_until_gone("todd").await;
                actor.apply("todd", spec("todd")).await;
            }
            Self::TagsConflictWithRow => {
                actor.lose_object("todd");
                actor.restart_controllers().await;
                actor.apply("other", spec("todd")).await;
                sleep(SETTLE_TIME).await;
                actor.delete("other");
                actor.wait_until_gone("other").await;
                actor.apply("todd", spec("todd")).await;
            }
            _ => two_clusters(actor).await,
        }
    }
}

/// The previous cluster stays active. Then it stops for a while, and the new one takes over.
async fn two_clusters(actor: &Actor) {
    actor.open_other_cluster().await;
    sleep(SETTLE_TIME).await;
    actor.set_other_cluster_running(false);
    actor.wait_until_ready("todd").await;
    actor.set_other_cluster_running(true);
    sleep(DURING_CREATES).await;
    actor.delete_in_other_cluster("todd");
    sleep(SETTLE_TIME).await;
    actor.remove_other_cluster();
}
