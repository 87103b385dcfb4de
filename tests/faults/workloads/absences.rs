//! Resources that AWS does not show: briefly or for long, of one account or of many, and how people react.

use streamcat_operator::{api::ResourceKind, provision::BrakeLimits};
use tokio::time::sleep;

use super::{SETTLE_TIME, Workload, spec};
use crate::{actor::Actor, controller::RESYNC};

/// The default settings.
const LIMITS: BrakeLimits = BrakeLimits { resources: 5, percent: 2.0 };

/// Limits that two accounts can exceed.
const SMALL: BrakeLimits = BrakeLimits { resources: 1, percent: 2.0 };

/// Region that a controller is started in by mistake.
const ELSEWHERE: &str = "us-west-2";

impl Workload {
    /// Returns the limits of the brake.
    pub fn limits(self) -> BrakeLimits {
        if matches!(self, Self::Braked | Self::BrakeReleased) { SMALL } else { LIMITS }
    }

    /// Returns true if AWS only hides existing resources, so that none of them may be deleted.
    pub fn only_hides(self) -> bool {
        matches!(
            self,
            Self::Hidden
                | Self::HiddenBriefly
                | Self::HiddenAfterDeleteRequest
                | Self::HiddenInUse
                | Self::Renamed
        )
    }

    /// Hides resources and shows them again.
    pub(super) async fn hide(self, actor: &Actor) {
        match self {
            Self::HiddenBriefly | Self::HiddenAfterDeleteRequest => {
                if self == Self::HiddenAfterDeleteRequest {
                    actor.world.act("deletions were requested long ago", |state, _, _| {
                        state.database.request_deletions();
                    });
                }
                actor.hide(ResourceKind::Channel);
                // Long enough for one list and one reconcile.
                sleep(RESYNC).await;
                actor.request_reconcile("todd");
                sleep(SETTLE_TIME).await;
                actor.show();
            }
            Self::Hidden | Self::HiddenInUse => {
                actor.hide(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                if self == Self::HiddenInUse {
                    actor.start_streams();
                }
                actor.show();
                sleep(RESYNC).await;
            }
            Self::Braked => {
                actor.engage_brake();
                actor.hide(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                actor.delete("ann");
                sleep(RESYNC).await;
                actor.show();
            }
            Self::BrakeReleased => {
                actor.engage_brake();
                actor.delete_in_aws(ResourceKind::Channel);
                actor.delete_in_aws(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                actor.release_brake();
                sleep(RESYNC).await;
            }
            Self::AwsShowsNothing => {
                actor.restart_elsewhere(None).await;
                sleep(RESYNC).await;
                actor.delete("ann");
                actor.apply("bea", spec("bea")).await;
                sleep(SETTLE_TIME).await;
                actor.restart_here().await;
            }
            Self::OtherRegion => {
                actor.restart_elsewhere(Some(ELSEWHERE)).await;
                sleep(RESYNC * 2).await;
                actor.delete("ann");
                actor.apply("bea", spec("bea")).await;
                sleep(RESYNC).await;
                actor.restart_here().await;
            }
            Self::EventsRefused => {
                actor.set_events_refused(true);
                actor.delete_in_aws(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                actor.check_ready("todd", true);
                actor.set_events_refused(false);
                sleep(SETTLE_TIME).await;
            }
            Self::ListsDenied => {
                actor.set_lists_denied(true);
                actor.delete_in_aws(ResourceKind::Channel);
                // Longer than three resyncs and the time of a list.
                sleep(RESYNC * 4).await;
                actor.check_ready("todd", false);
                actor.set_lists_denied(false);
                sleep(RESYNC * 2).await;
            }
            Self::Renamed => {
                actor.rename(ResourceKind::Channel);
                actor.rebuild_cluster();
                actor.empty_database();
                actor.restart_controllers().await;
            }
            _ => {
                actor.discard_message_length();
                actor.apply("todd", spec("todd")).await;
                sleep(RESYNC).await;
                actor.request_reconcile("todd");
            }
        }
    }
}
