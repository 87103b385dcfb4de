//! Accounts that hold no user, or not any more, and are deleted; and a second cluster.

use tokio::time::sleep;

use super::{A_WHILE, MIDWAY, Workload, edited, retained, spec};
use crate::person::Person;

impl Workload {
    /// Whether accounts without a claim come and go, and nothing of anybody is made or deleted.
    pub fn only_has_false_claims(self) -> bool {
        matches!(
            self,
            Self::RetainedOtherSpelling
                | Self::LostOtherSpelling
                | Self::RegisteredObjectLost
                | Self::RegisteredReplaced
                | Self::NewClusterDeletes
                | Self::TwoClusters
                | Self::TagsBesideARow
        )
    }

    /// What has a claim comes back to all that it had.
    pub(super) async fn claim(self, person: &Person) {
        match self {
            Self::RetainedOtherSpelling => {
                person.delete("todd");
                person.apply("todd", spec("Todd")).await;
                sleep(A_WHILE).await;
                person.delete("todd");
                person.apply("todd", retained("todd")).await;
            }
            Self::LostOtherSpelling => {
                person.lose_object("todd");
                person.apply("todd", spec("Todd")).await;
                sleep(A_WHILE).await;
                person.delete("todd");
                person.apply("todd", spec("todd")).await;
            }
            Self::RegisteredObjectLost => {
                person.lose_object("todd");
                person.apply("todd", spec("todd")).await;
                sleep(A_WHILE).await;
                person.delete("todd");
                person.until_gone("todd").await;
                person.apply_as_registered("todd").await;
            }
            Self::RegisteredReplaced => person.replace_without_annotations("todd", edited("todd")),
            // With its finalizer, as a backup of the cluster brings it back.
            Self::NewClusterDeletes => {
                person.rebuild_cluster();
                person.hold("todd");
                person.delete("todd");
                person.start_again().await;
                person.until_gone("todd").await;
                person.apply("todd", spec("todd")).await;
            }
            Self::TagsBesideARow => {
                person.lose_object("todd");
                person.start_again().await;
                person.apply("heir", spec("todd")).await;
                sleep(A_WHILE).await;
                person.delete("heir");
                person.until_gone("heir").await;
                person.apply("todd", spec("todd")).await;
            }
            _ => two_clusters(person).await,
        }
    }
}

/// The one before works on; then it stops for a while, and the new one takes its place.
async fn two_clusters(person: &Person) {
    person.open_another_cluster().await;
    sleep(A_WHILE).await;
    person.switch_elsewhere(false);
    person.until_ready("todd").await;
    person.switch_elsewhere(true);
    sleep(MIDWAY).await;
    person.delete_elsewhere("todd");
    sleep(A_WHILE).await;
    person.close_elsewhere();
}
