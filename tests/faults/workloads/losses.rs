//! What is lost, of the cluster, the database and the tags, and what is restored of it.

use streamcat_operator::api::ResourceKind;
use tokio::time::sleep;

use super::{SETTLE_TIME, Workload, edited, spec};
use crate::{actor::Actor, controller::RESYNC, database::Database};

impl Workload {
    /// Whether all that happens is that records are lost: then nothing is made, and nothing goes.
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

    /// What is lost, and what is restored of it.
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
            // What was sent to the one before may come to the empty one.
            Self::CreateLoseDatabase => {
                actor.apply("todd", spec("todd")).await;
                actor.until_ready("todd").await;
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
                // No watch tells of it; the next sweep does.
                sleep(RESYNC).await;
            }
        }
    }
}
