//! What people do: the state they start from, and what they do while calls fail.

mod absences;
mod claims;
mod keys;
mod losses;
mod specs;
mod story;

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;
use streamcat_operator::api::ResourceKind;
use tokio::time::sleep;

use super::{controller::RESYNC, person::Person};

pub use specs::{edited, retained, spec};

/// What people do. A line that replays a run names it in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Workload {
    Create,
    CreateEdit,
    Edit,
    EditTwice,
    EditAndBack,
    CreateDelete,
    CreateVanish,
    CreateLoseDatabase,
    Delete,
    Recreate,
    EndNamespace,
    CreateEndNamespace,
    Rivals,
    RivalLeaves,
    Heir,
    Retain,
    RetainWithoutDatabase,
    Abandon,
    AbandonAgain,
    AbandonToARival,
    Three,
    Vanish,
    VanishUnready,
    LoseCluster,
    LoseClusterAndDatabase,
    LoseClusterAndDatabaseOfRivals,
    LoseClusterAndATag,
    LoseClusterAndTags,
    LoseDatabaseAndTags,
    DatabaseOfYesterday,
    DatabaseOfYesterdayAndNoCluster,
    DatabaseFromBeforeADeletion,
    LoseStatus,
    EarlierLife,
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
    TagsBesideARow,
    OverwriteRows,
    HiddenForAMoment,
    HiddenAfterARefusal,
    Hidden,
    HiddenInUse,
    Braked,
    BrakeReleased,
    Blind,
    OtherRegion,
    Renamed,
    NotKept,
    /// What the seed makes up; each comes to an end of its own.
    Story,
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

/// Long enough for everything that was asked for, when nothing fails.
const A_WHILE: Duration = Duration::from_secs(30);

/// In the middle of the three Creates.
const MIDWAY: Duration = Duration::from_millis(150);

impl Workload {
    /// Those that come to the same end whatever the seed.
    pub fn fixed() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied().filter(|workload| *workload != Self::Story)
    }

    /// What is there before.
    pub async fn prepare(self, person: &Person) {
        person.others_have_the_same_names();
        let retained = || retained("todd");
        match self {
            Self::Create
            | Self::CreateEdit
            | Self::CreateDelete
            | Self::CreateVanish
            | Self::CreateRotateKey
            | Self::CreateLoseDatabase
            | Self::CreateEndNamespace
            | Self::NotKept
            | Self::Rivals
            | Self::Story
            | Self::Three => {}
            Self::Heir | Self::LoseClusterAndDatabaseOfRivals => {
                person.apply("todd", spec("todd")).await;
                sleep(A_WHILE).await;
                person.apply("heir", spec("todd")).await;
            }
            Self::RegisteredObjectLost | Self::RegisteredReplaced => person.register("todd").await,
            Self::Retain | Self::RetainWithoutDatabase | Self::RetainedOtherSpelling => {
                person.apply("todd", retained()).await;
            }
            // What an earlier account has left names another user of the same username.
            Self::TagsBesideARow => {
                person.apply("heir", retained()).await;
                sleep(A_WHILE).await;
                person.empty_database();
                person.delete("heir");
                person.until_gone("heir").await;
                person.apply("todd", spec("todd")).await;
            }
            Self::VanishUnready => {
                person.put_a_secret("todd");
                person.apply("todd", spec("todd")).await;
            }
            Self::DatabaseOfYesterdayAndNoCluster => {
                person.apply("todd", spec("todd")).await;
                sleep(A_WHILE).await;
                person.back_up();
                // Another user of the same name.
                person.delete("todd");
                person.apply("todd", edited("todd")).await;
            }
            Self::EndNamespace
            | Self::LoseCluster
            | Self::LoseClusterAndDatabase
            | Self::Braked
            | Self::BrakeReleased
            | Self::Blind
            | Self::OtherRegion => {
                person.apply("todd", spec("todd")).await;
                person.apply("ann", spec("ann")).await;
            }
            Self::EditAndBack => person.apply("todd", edited("todd")).await,
            _ => person.apply("todd", spec("todd")).await,
        }
        sleep(A_WHILE).await;
        if self.only_has_false_claims() {
            // So that the controllers have seen the tags of all that there is.
            sleep(RESYNC).await;
        }
    }

    /// What is done while calls fail.
    pub async fn act(self, person: &Person) {
        match self {
            Self::Create => person.apply("todd", spec("todd")).await,
            Self::CreateEdit => {
                person.apply("todd", spec("todd")).await;
                sleep(MIDWAY).await;
                person.apply("todd", edited("todd")).await;
            }
            Self::Edit => person.apply("todd", edited("todd")).await,
            Self::EditTwice => {
                person.apply("todd", edited("todd")).await;
                sleep(MIDWAY).await;
                person.apply("todd", specs::edited_again("todd")).await;
            }
            // What is asked for in the end is there already: only the first edit's note tells that it may come yet.
            Self::EditAndBack => {
                person.apply("todd", specs::edited_again("todd")).await;
                sleep(MIDWAY).await;
                person.apply("todd", edited("todd")).await;
            }
            Self::CreateDelete => {
                person.apply("todd", spec("todd")).await;
                sleep(MIDWAY).await;
                person.delete("todd");
            }
            // Who made it may not have written its Secret yet when another has made the next one.
            Self::CreateVanish => {
                person.apply("todd", spec("todd")).await;
                person.until_ready("todd").await;
                person.vanish(ResourceKind::Channel);
                person.apply("todd", edited("todd")).await;
            }
            Self::Delete | Self::Heir => person.delete("todd"),
            Self::Recreate => {
                person.delete("todd");
                person.apply("todd", edited("todd")).await;
            }
            Self::EndNamespace => person.end_namespace(),
            Self::CreateEndNamespace => {
                person.apply("todd", spec("todd")).await;
                sleep(MIDWAY).await;
                person.end_namespace();
            }
            Self::Rivals => {
                person.apply("todd", spec("todd")).await;
                sleep(Duration::from_secs(1)).await;
                person.apply("rival", spec("Todd")).await;
            }
            // The one that waits has nothing, and goes; then the username is free.
            Self::RivalLeaves => {
                person.apply("rival", spec("Todd")).await;
                sleep(Duration::from_secs(1)).await;
                person.delete("rival");
                sleep(MIDWAY).await;
                person.delete("todd");
            }
            Self::Retain => {
                person.delete("todd");
                person.apply("todd", spec("todd")).await;
            }
            Self::RetainWithoutDatabase => {
                person.empty_database();
                person.delete("todd");
                // The sweep sees what stays.
                sleep(RESYNC).await;
            }
            Self::ForeignRecord => {
                person.record_a_foreign_one();
                person.delete("todd");
            }
            Self::Abandon | Self::AbandonAgain | Self::AbandonToARival => self.abandon(person).await,
            Self::DeleteWithoutTags => {
                person.lose_tags();
                person.delete("todd");
            }
            _ if self.touches_keys() => self.touch_keys(person).await,
            Self::Three => person.three_at_once().await,
            Self::Vanish | Self::VanishUnready => {
                person.vanish(ResourceKind::ChatRoom);
                sleep(RESYNC).await;
            }
            Self::HiddenForAMoment
            | Self::HiddenAfterARefusal
            | Self::Hidden
            | Self::HiddenInUse
            | Self::Braked
            | Self::BrakeReleased
            | Self::Blind
            | Self::OtherRegion
            | Self::Renamed
            | Self::NotKept => self.hide(person).await,
            Self::Story => story::act(person).await,
            _ if self.only_has_false_claims() => self.claim(person).await,
            _ => self.lose(person).await,
        }
    }

    /// An account is let go of, and its username may be wanted again.
    async fn abandon(self, person: &Person) {
        person.abandon("todd");
        person.delete("todd");
        if self == Self::AbandonAgain {
            sleep(A_WHILE).await;
            // The first look of a new process sees what was left.
            person.start_again().await;
            person.apply("todd", edited("todd")).await;
        } else if self == Self::AbandonToARival {
            person.apply("heir", spec("todd")).await;
            person.until_ready("heir").await;
            person.apply("todd", spec("todd")).await;
            // What was let go of stays on the list, though an account has the name again.
            sleep(RESYNC * 2).await;
        }
    }
}
