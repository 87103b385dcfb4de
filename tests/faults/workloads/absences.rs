//! What AWS does not show: for a moment or for long, of one account or of many, and what people do about it.

use streamcat_operator::{api::ResourceKind, provision::BrakeLimits};
use tokio::time::sleep;

use super::{A_WHILE, Workload, spec};
use crate::{controller::RESYNC, person::Person};

/// As the settings have it by default.
const LIMITS: BrakeLimits = BrakeLimits { resources: 5, percent: 2.0 };

/// Small enough for two accounts.
const SMALL: BrakeLimits = BrakeLimits { resources: 1, percent: 2.0 };

/// Where a controller is started by mistake.
const ELSEWHERE: &str = "us-west-2";

impl Workload {
    /// The limits of the brake.
    pub fn limits(self) -> BrakeLimits {
        if matches!(self, Self::Braked | Self::BrakeReleased) { SMALL } else { LIMITS }
    }

    /// Returns true if all that happens is that AWS does not show what is there: then nothing of it goes.
    pub fn only_hides(self) -> bool {
        matches!(
            self,
            Self::Hidden
                | Self::HiddenForAMoment
                | Self::HiddenAfterARefusal
                | Self::HiddenInUse
                | Self::Renamed
        )
    }

    /// AWS shows less than there is, and then all again.
    pub(super) async fn hide(self, person: &Person) {
        match self {
            Self::HiddenForAMoment | Self::HiddenAfterARefusal => {
                if self == Self::HiddenAfterARefusal {
                    person.world.act("a deletion was asked for long ago", |state, _, _| {
                        state.database.ask_for_deletions();
                    });
                }
                person.hide(ResourceKind::Channel);
                // Long enough for one list, and for a look.
                sleep(RESYNC).await;
                person.ask_for_a_look("todd");
                sleep(A_WHILE).await;
                person.show();
            }
            Self::Hidden | Self::HiddenInUse => {
                person.hide(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                if self == Self::HiddenInUse {
                    person.use_channels();
                }
                person.show();
                sleep(RESYNC).await;
            }
            Self::Braked => {
                person.brake();
                person.hide(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                person.delete("ann");
                sleep(RESYNC).await;
                person.show();
            }
            Self::BrakeReleased => {
                person.brake();
                person.vanish(ResourceKind::Channel);
                person.vanish(ResourceKind::Channel);
                sleep(RESYNC * 3).await;
                person.release_brake();
                sleep(RESYNC).await;
            }
            Self::Blind => {
                person.start_elsewhere(None).await;
                sleep(RESYNC).await;
                person.delete("ann");
                person.apply("bea", spec("bea")).await;
                sleep(A_WHILE).await;
                person.start_here().await;
            }
            Self::OtherRegion => {
                person.start_elsewhere(Some(ELSEWHERE)).await;
                sleep(RESYNC * 2).await;
                person.delete("ann");
                person.apply("bea", spec("bea")).await;
                sleep(RESYNC).await;
                person.start_here().await;
            }
            Self::Renamed => {
                person.rename(ResourceKind::Channel);
                person.rebuild_cluster();
                person.empty_database();
                person.start_again().await;
            }
            _ => {
                person.forget_message_length();
                person.apply("todd", spec("todd")).await;
                sleep(RESYNC).await;
                person.ask_for_a_look("todd");
            }
        }
    }
}
