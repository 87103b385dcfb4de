//! What is lost, of the cluster, the database and the tags, and what is restored of it.

use streamcat_operator::api::ResourceKind;
use tokio::time::sleep;

use super::{A_WHILE, Workload, edited, spec};
use crate::{controller::RESYNC, database::Database, person::Person};

impl Workload {
    /// Whether all that happens is that records are lost: then nothing is made, and nothing goes.
    pub fn only_loses_records(self) -> bool {
        matches!(
            self,
            Self::LoseCluster
                | Self::LoseClusterAndDatabase
                | Self::LoseClusterAndDatabaseOfRivals
                | Self::LoseClusterAndATag
                | Self::LoseClusterAndTags
                | Self::LoseDatabaseAndTags
                | Self::DatabaseOfYesterday
                | Self::DatabaseOfYesterdayAndNoCluster
                | Self::LoseStatus
                | Self::EarlierLife
                | Self::RetainWithoutDatabase
        )
    }

    /// What is lost, and what is restored of it.
    pub(super) async fn lose(self, person: &Person) {
        match self {
            Self::LoseCluster => {
                person.rebuild_cluster();
                person.start_again().await;
            }
            Self::LoseClusterAndDatabase | Self::LoseClusterAndDatabaseOfRivals => {
                person.rebuild_cluster();
                person.empty_database();
                person.start_again().await;
            }
            Self::LoseClusterAndATag => {
                person.lose_the_users_tag(ResourceKind::Channel);
                person.rebuild_cluster();
                person.empty_database();
                person.start_again().await;
            }
            // What was sent to the one before may come to the empty one.
            Self::CreateLoseDatabase => {
                person.apply("todd", spec("todd")).await;
                person.until_ready("todd").await;
                person.empty_database();
                sleep(RESYNC).await;
            }
            Self::LoseClusterAndTags => {
                person.lose_tags();
                person.rebuild_cluster();
                person.start_again().await;
            }
            Self::LoseDatabaseAndTags => {
                person.lose_tags();
                person.empty_database();
                person.start_again().await;
            }
            Self::DatabaseOfYesterday => {
                person.back_up();
                person.apply("ann", spec("ann")).await;
                person.apply("todd", edited("todd")).await;
                sleep(A_WHILE).await;
                person.restore();
                person.start_again().await;
            }
            Self::DatabaseOfYesterdayAndNoCluster => {
                person.restore();
                person.rebuild_cluster();
                person.start_again().await;
            }
            Self::DatabaseFromBeforeADeletion => {
                person.back_up();
                person.delete("todd");
                sleep(A_WHILE).await;
                person.restore();
                person.start_again().await;
                person.apply("heir", spec("todd")).await;
            }
            Self::EarlierLife => {
                person.world.act("the database is that of an earlier account", |state, now, _| {
                    state.replace_database(now, Database::of_an_earlier_life(now, "todd"));
                });
                person.start_again().await;
            }
            _ => {
                person.lose_status();
                // No watch tells of it; the next sweep does.
                sleep(RESYNC).await;
            }
        }
    }
}
