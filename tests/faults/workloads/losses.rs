//! Losses of the cluster, the database, and the tags, and restores.

use streamcat_operator::api::ResourceKind;
use tokio::time::sleep;

use super::{SETTLE_TIME, Workload, edited, spec};
use crate::{actor::Actor, controller::RESYNC, database::Database};

impl Workload {
    /// Returns true if the workload only loses records, so that no resource may be created or deleted.
    pub fn only_loses_records(self) -> bool {
        matches!(
            self,
            Self::LoseCluster
                | Self::LoseClusterAndDatabase
                | Self::LoseClusterAndDatabaseInConflict
                | Self::LoseClusterAndUserTag
                | Self::LoseClusterAndTags
                | Self::LoseDatabaseAndTags
                | Self::RestoreDatabase
                | Self::RestoreDatabaseLoseCluster
                | Self::LoseStatus
                | Self::DatabaseOfEarlierAccount
                | Self::RetainWithoutDatabase
        )
    }

    /// Loses records and restores some of them.
    pub(super) async fn lose(self, actor: &Actor) {
        match self {
            Self::LoseCluster => {
                actor.rebuild_cluster();
                actor.restart_controllers().await;
            }
            Self::LoseClusterAndDatabase | Self::LoseClusterAndDatabaseInConflict => {
                actor.rebuild_cluster();
                actor.empty_database();
                actor.restart_controllers().await;
            }
            Self::LoseClusterAndUserTag => {
                actor.lose_user_tag(ResourceKind::Channel);
                actor.rebuild_cluster();
                actor.empty_database();
                actor.restart_controllers().await;
            }
            // Calls sent to the previous database may reach the empty one.
            Self::CreateLoseDatabase => {
                actor.apply("todd", spec("todd")).await;
                actor.wait_until_ready("todd").await;
                actor.empty_database();
                sleep(RESYNC).await;
            }
            Self::LoseClusterAndTags => {
                actor.lose_tags();
                actor.rebuild_cluster();
                actor.restart_controllers().await;
            }
            Self::LoseDatabaseAndTags => {
                actor.lose_tags();
                actor.empty_database();
                actor.restart_controllers().await;
            }
            Self::RestoreDatabase => {
                actor.back_up();
                actor.apply("ann", spec("ann")).await;
                actor.apply("todd", edited("todd")).await;
                sleep(SETTLE_TIME).await;
                actor.restore();
                actor.restart_controllers().await;
            }
            Self::RestoreDatabaseLoseCluster => {
                actor.restore();
                actor.rebuild_cluster();
                actor.restart_controllers().await;
            }
            Self::RestoreDatabaseFromBeforeDeletion => {
                actor.back_up();
                actor.delete("todd");
                sleep(SETTLE_TIME).await;
                actor.restore();
                actor.restart_controllers().await;
                actor.apply("other", spec("todd")).await;
            }
            Self::DatabaseOfEarlierAccount => {
                actor.world.act("the database is that of an earlier account", |state, now, _| {
                    state.replace_database(now, Database::of_earlier_account(now, "todd"));
                });
                actor.restart_controllers().await;
            }
            _ => {
                actor.lose_status();
                // No watch event reports it; the next resync notices it.
                sleep(RESYNC).await;
            }
        }
    }
}
