//! Workloads: the initial state, and the actions of people while calls fail.

mod absences;
mod claims;
mod drift;
mod keys;
mod losses;
mod pace;
mod quota;
mod scenario;
mod specs;
mod suspend;

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;
use streamcat_operator::api::ResourceKind;
use tokio::time::sleep;

use super::{actor::Actor, controller::RESYNC};

pub use specs::{edited, retained, spec};

/// A workload. A replay line names it in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Workload {
    Create,
    CreateEdit,
    Edit,
    EditTwice,
    EditAndBack,
    CreateDelete,
    CreateExternalDelete,
    CreateLoseDatabase,
    Delete,
    Recreate,
    RemovedEarly,
    RemovedEarlyRecreate,
    DeleteNamespace,
    CreateDeleteNamespace,
    UsernameConflict,
    WaiterDeleted,
    WaiterSucceeds,
    Retain,
    RetainWithoutDatabase,
    Abandon,
    AbandonAgain,
    AbandonToOtherAccount,
    ThreeAccounts,
    ExternalDelete,
    ExternalDeleteUnready,
    LoseCluster,
    LoseClusterAndDatabase,
    LoseClusterAndDatabaseInConflict,
    LoseClusterAndUserTag,
    LoseClusterAndTags,
    LoseDatabaseAndTags,
    RestoreDatabase,
    RestoreDatabaseLoseCluster,
    RestoreDatabaseFromBeforeDeletion,
    LoseStatus,
    DatabaseOfEarlierAccount,
    ForeignRecord,
    DeleteWithoutTags,
    CreateRotateKey,
    RotateKey,
    RotateKeyMidway,
    DeleteKey,
    OverwriteSecret,
    OrphanSecret,
    RetainedOtherSpelling,
    LostOtherSpelling,
    RegisteredObjectLost,
    RegisteredReplaced,
    NewClusterDeletes,
    TwoClusters,
    TagsConflictWithRow,
    OverwriteRows,
    HiddenBriefly,
    HiddenAfterDeleteRequest,
    Hidden,
    HiddenInUse,
    Braked,
    BrakeReleased,
    AwsShowsNothing,
    OtherRegion,
    Renamed,
    SettingNotKept,
    /// Somebody changes each resource in AWS.
    Drift,
    /// Fields are taken out of the spec.
    RemoveFields,
    /// Somebody changes the resources and the spec of a suspended account, which is resumed later.
    Suspend,
    ListsDenied,
    EventsRefused,
    NotUnderstood,
    NotUnderstoodDelete,
    QuotaUsedUp,
    /// The Creates wait for their call budgets while the Lease is renewed several times.
    CreateInBacklog,
    PacedResync,
    /// A scenario generated from the seed. Each seed has a final state of its own.
    Scenario,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("each has a name").get_name())
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ValueEnum::from_str(text, false).map_err(|_| format!("no workload {text:?}"))
    }
}

/// Long enough for everything requested to finish if nothing fails.
const SETTLE_TIME: Duration = Duration::from_secs(30);

/// Pause that ends in the middle of the three Creates.
const DURING_CREATES: Duration = Duration::from_millis(150);

impl Workload {
    /// Returns the workloads whose final state does not depend on the seed.
    pub fn fixed() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied().filter(|workload| *workload != Self::Scenario)
    }

    /// Establishes the initial state.
    pub async fn prepare(self, actor: &Actor) {
        actor.create_foreign_resources();
        let retained = || retained("todd");
        match self {
            Self::Create
            | Self::CreateEdit
            | Self::CreateDelete
            | Self::CreateExternalDelete
            | Self::CreateRotateKey
            | Self::CreateLoseDatabase
            | Self::CreateDeleteNamespace
            | Self::RemovedEarly
            | Self::RemovedEarlyRecreate
            | Self::SettingNotKept
            | Self::UsernameConflict
            | Self::Scenario
            | Self::ThreeAccounts => {}
            Self::WaiterSucceeds | Self::LoseClusterAndDatabaseInConflict => {
                actor.apply("todd", spec("todd")).await;
                sleep(SETTLE_TIME).await;
                actor.apply("other", spec("todd")).await;
            }
            Self::RegisteredObjectLost | Self::RegisteredReplaced => actor.register("todd").await,
            Self::Retain | Self::RetainWithoutDatabase | Self::RetainedOtherSpelling => {
                actor.apply("todd", retained()).await;
            }
            // The resources that an earlier account left name another user of the same username.
            Self::TagsConflictWithRow => {
                actor.apply("other", retained()).await;
                sleep(SETTLE_TIME).await;
                actor.empty_database();
                actor.delete("other");
                actor.wait_until_gone("other").await;
                actor.apply("todd", spec("todd")).await;
            }
            Self::ExternalDeleteUnready => {
                actor.create_foreign_secret("todd");
                actor.apply("todd", spec("todd")).await;
            }
            Self::RestoreDatabaseLoseCluster => {
                actor.apply("todd", spec("todd")).await;
                sleep(SETTLE_TIME).await;
                actor.back_up();
                // Another user of the same name.
                actor.delete("todd");
                actor.apply("todd", edited("todd")).await;
            }
            Self::DeleteNamespace
            | Self::LoseCluster
            | Self::LoseClusterAndDatabase
            | Self::Braked
            | Self::BrakeReleased
            | Self::AwsShowsNothing
            | Self::NotUnderstood
            | Self::NotUnderstoodDelete
            | Self::PacedResync
            | Self::OtherRegion => {
                actor.apply("todd", spec("todd")).await;
                actor.apply("ann", spec("ann")).await;
            }
            Self::EditAndBack | Self::Drift | Self::RemoveFields => actor.apply("todd", edited("todd")).await,
            _ => actor.apply("todd", spec("todd")).await,
        }
        sleep(SETTLE_TIME).await;
        if self.only_has_refused_claims() {
            // The controllers have then seen the tags of all resources.
            sleep(RESYNC).await;
        }
    }

    /// Performs the actions, during which calls fail.
    pub async fn act(self, actor: &Actor) {
        match self {
            Self::Create => actor.apply("todd", spec("todd")).await,
            Self::CreateEdit => {
                actor.apply("todd", spec("todd")).await;
                sleep(DURING_CREATES).await;
                actor.apply("todd", edited("todd")).await;
            }
            Self::Edit | Self::EditTwice | Self::EditAndBack | Self::RemoveFields => self.edit(actor).await,
            Self::CreateDelete => {
                actor.apply("todd", spec("todd")).await;
                sleep(DURING_CREATES).await;
                actor.delete("todd");
            }
            // The controller that created the channel may not have written its Secret yet when another has
            // created the next channel.
            Self::CreateExternalDelete => {
                actor.apply("todd", spec("todd")).await;
                actor.wait_until_ready("todd").await;
                actor.delete_in_aws(ResourceKind::Channel);
                actor.apply("todd", edited("todd")).await;
            }
            Self::Delete | Self::WaiterSucceeds => actor.delete("todd"),
            Self::Recreate => {
                actor.delete("todd");
                actor.apply("todd", edited("todd")).await;
            }
            Self::RemovedEarly | Self::RemovedEarlyRecreate => self.remove_early(actor).await,
            Self::DeleteNamespace => actor.delete_namespace(),
            Self::CreateDeleteNamespace => {
                actor.apply("todd", spec("todd")).await;
                sleep(DURING_CREATES).await;
                actor.delete_namespace();
            }
            Self::UsernameConflict => {
                actor.apply("todd", spec("todd")).await;
                sleep(Duration::from_secs(1)).await;
                actor.apply("other", spec("Todd")).await;
            }
            // The waiting account has nothing and is deleted. Then the username becomes free.
            Self::WaiterDeleted => {
                actor.apply("other", spec("Todd")).await;
                sleep(Duration::from_secs(1)).await;
                actor.delete("other");
                sleep(DURING_CREATES).await;
                actor.delete("todd");
            }
            Self::Retain => {
                actor.delete("todd");
                actor.apply("todd", spec("todd")).await;
            }
            Self::RetainWithoutDatabase => {
                actor.empty_database();
                actor.delete("todd");
                // The resync reports what stays.
                sleep(RESYNC).await;
            }
            Self::ForeignRecord => {
                actor.record_foreign_channel();
                actor.delete("todd");
            }
            Self::Abandon | Self::AbandonAgain | Self::AbandonToOtherAccount => self.abandon(actor).await,
            Self::DeleteWithoutTags => {
                actor.lose_tags();
                actor.delete("todd");
            }
            _ if self.touches_keys() => self.touch_keys(actor).await,
            Self::ThreeAccounts => actor.three_accounts().await,
            Self::ExternalDelete | Self::ExternalDeleteUnready => {
                actor.delete_in_aws(ResourceKind::ChatRoom);
                sleep(RESYNC).await;
            }
            Self::HiddenBriefly
            | Self::HiddenAfterDeleteRequest
            | Self::Hidden
            | Self::HiddenInUse
            | Self::Braked
            | Self::BrakeReleased
            | Self::AwsShowsNothing
            | Self::OtherRegion
            | Self::Renamed
            | Self::ListsDenied
            | Self::EventsRefused
            | Self::SettingNotKept => self.hide(actor).await,
            Self::NotUnderstood | Self::NotUnderstoodDelete => self.apply_unknown_value(actor).await,
            Self::Drift => drift::act(actor).await,
            Self::Suspend => suspend::act(actor).await,
            Self::QuotaUsedUp => quota::act(actor).await,
            Self::CreateInBacklog => quota::create_in_backlog(actor).await,
            Self::PacedResync => pace::act(actor).await,
            Self::Scenario => scenario::act(actor).await,
            _ if self.only_has_refused_claims() => self.claim(actor).await,
            _ => self.lose(actor).await,
        }
    }

    /// Edits an account, in most cases twice: the second time while the first edit is applied.
    async fn edit(self, actor: &Actor) {
        let (first, second) = match self {
            Self::EditTwice => (edited("todd"), specs::edited_again("todd")),
            // The final spec is already in effect. Only the pending update of the first edit tells that it
            // may still take effect.
            Self::EditAndBack => (specs::edited_again("todd"), edited("todd")),
            Self::RemoveFields => (specs::edited_again("todd"), specs::plain("todd")),
            _ => return actor.apply("todd", edited("todd")).await,
        };
        actor.apply("todd", first).await;
        sleep(DURING_CREATES).await;
        actor.apply("todd", second).await;
    }

    /// Deletes an account while its finalizer is being added, and applies it again.
    async fn remove_early(self, actor: &Actor) {
        actor.apply("todd", spec("todd")).await;
        actor.delete_while_finalizer_is_added("todd").await;
        if self == Self::RemovedEarly {
            sleep(SETTLE_TIME).await;
            actor.check_gone("todd");
        }
        // Whatever a crash has left belongs to the same account.
        actor.apply("todd", edited("todd")).await;
    }

    /// Gives an account a value that this version does not know, and perhaps deletes it. Another is edited.
    async fn apply_unknown_value(self, actor: &Actor) {
        actor.apply_unknown_value("todd");
        actor.apply("ann", edited("ann")).await;
        if self == Self::NotUnderstoodDelete {
            sleep(DURING_CREATES).await;
            actor.delete("todd");
        }
    }

    /// Abandons an account, and perhaps claims its username again.
    async fn abandon(self, actor: &Actor) {
        actor.abandon("todd");
        actor.delete("todd");
        if self == Self::AbandonAgain {
            sleep(SETTLE_TIME).await;
            // The first resync of a new process lists what was left.
            actor.restart_controllers().await;
            actor.apply("todd", edited("todd")).await;
        } else if self == Self::AbandonToOtherAccount {
            actor.apply("other", spec("todd")).await;
            actor.wait_until_ready("other").await;
            actor.apply("todd", spec("todd")).await;
            // Abandoned resources stay on the list although an account has the name again.
            sleep(RESYNC * 2).await;
        }
    }
}
