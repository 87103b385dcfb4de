//! What people do: the state they start from, and what they do while calls fail.

use std::{fmt, str::FromStr, time::Duration};

use serde_json::json;
use streamcat_operator::api::{DeletionPolicy, ResourceKind, StreamerAccountSpec};
use tokio::time::sleep;

use super::{controller::RESYNC, database::Database, person::Person};

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    Create,
    CreateEdit,
    Edit,
    EditTwice,
    CreateDelete,
    Delete,
    Recreate,
    EndNamespace,
    CreateEndNamespace,
    Rivals,
    Heir,
    Retain,
    RetainWithoutDatabase,
    LetGo,
    LetGoAgain,
    Three,
    Vanish,
    VanishUnready,
    LoseCluster,
    LoseClusterAndDatabase,
    LoseClusterAndTags,
    LoseDatabaseAndTags,
    DatabaseOfYesterday,
    DatabaseOfYesterdayAndNoCluster,
    DatabaseFromBeforeADeletion,
    LoseStatus,
    EarlierLife,
    ForeignRecord,
    DeleteWithoutTags,
}

/// A workload's name in a line that replays a run.
const NAMES: [(Workload, &str); 29] = [
    (Workload::Create, "create"),
    (Workload::CreateEdit, "create-edit"),
    (Workload::Edit, "edit"),
    (Workload::EditTwice, "edit-twice"),
    (Workload::CreateDelete, "create-delete"),
    (Workload::Delete, "delete"),
    (Workload::Recreate, "recreate"),
    (Workload::EndNamespace, "end-namespace"),
    (Workload::CreateEndNamespace, "create-end-namespace"),
    (Workload::Rivals, "rivals"),
    (Workload::Heir, "heir"),
    (Workload::Retain, "retain"),
    (Workload::RetainWithoutDatabase, "retain-without-database"),
    (Workload::LetGo, "let-go"),
    (Workload::LetGoAgain, "let-go-again"),
    (Workload::Three, "three"),
    (Workload::Vanish, "vanish"),
    (Workload::VanishUnready, "vanish-unready"),
    (Workload::LoseCluster, "lose-cluster"),
    (Workload::LoseClusterAndDatabase, "lose-cluster-and-database"),
    (Workload::LoseClusterAndTags, "lose-cluster-and-tags"),
    (Workload::LoseDatabaseAndTags, "lose-database-and-tags"),
    (Workload::DatabaseOfYesterday, "database-of-yesterday"),
    (Workload::DatabaseOfYesterdayAndNoCluster, "database-of-yesterday-and-no-cluster"),
    (Workload::DatabaseFromBeforeADeletion, "database-from-before-a-deletion"),
    (Workload::LoseStatus, "lose-status"),
    (Workload::EarlierLife, "earlier-life"),
    (Workload::ForeignRecord, "foreign-record"),
    (Workload::DeleteWithoutTags, "delete-without-tags"),
];

impl Workload {
    /// Whether all that happens is that records are lost: then nothing is made, and nothing goes.
    pub fn only_loses_records(self) -> bool {
        matches!(
            self,
            Self::LoseCluster
                | Self::LoseClusterAndDatabase
                | Self::LoseClusterAndTags
                | Self::LoseDatabaseAndTags
                | Self::DatabaseOfYesterday
                | Self::DatabaseOfYesterdayAndNoCluster
                | Self::LoseStatus
                | Self::EarlierLife
                | Self::RetainWithoutDatabase
        )
    }

    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(workload, _)| workload)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(workload, _)| workload == self).map_or("?", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(workload, _)| *workload);
        found.ok_or_else(|| format!("no workload {text:?}"))
    }
}

/// Long enough for everything that was asked for, when nothing fails.
const A_WHILE: Duration = Duration::from_secs(30);

/// In the middle of the three Creates.
const MIDWAY: Duration = Duration::from_millis(150);

/// Where an edited account has its stage recorded.
const STORAGE: &str = "arn:aws:ivs:eu-west-1:1:storage-configuration/a";
const STORAGE_AGAIN: &str = "arn:aws:ivs:eu-west-1:1:storage-configuration/b";

pub fn spec(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC" },
        "chatRoom": { "maximumMessageLength": 200 },
        "tags": { "team": "a", "old": "o" },
    });
    serde_json::from_value(spec).expect("a spec")
}

pub fn edited(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC", "latencyMode": "NORMAL" },
        "chatRoom": { "maximumMessageLength": 300 },
        "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": STORAGE } },
        "tags": { "team": "b", "new": "n" },
    });
    serde_json::from_value(spec).expect("a spec")
}

/// The next edit changes the same settings and tags.
fn edited_again(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC", "latencyMode": "LOW" },
        "chatRoom": { "maximumMessageLength": 400 },
        "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": STORAGE_AGAIN } },
        "tags": { "team": "c", "newer": "n" },
    });
    serde_json::from_value(spec).expect("a spec")
}

impl Workload {
    /// What is there before.
    pub async fn prepare(self, person: &Person) {
        person.others_have_the_same_names();
        let retained = || StreamerAccountSpec { deletion_policy: DeletionPolicy::Retain, ..spec("todd") };
        match self {
            Self::Create
            | Self::CreateEdit
            | Self::CreateDelete
            | Self::CreateEndNamespace
            | Self::Rivals
            | Self::Three => {}
            Self::Heir => {
                person.apply("todd", spec("todd")).await;
                sleep(A_WHILE).await;
                person.apply("heir", spec("todd")).await;
            }
            Self::Retain | Self::RetainWithoutDatabase => person.apply("todd", retained()).await,
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
            Self::EndNamespace | Self::LoseCluster | Self::LoseClusterAndDatabase => {
                person.apply("todd", spec("todd")).await;
                person.apply("ann", spec("ann")).await;
            }
            _ => person.apply("todd", spec("todd")).await,
        }
        sleep(A_WHILE).await;
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
                person.apply("todd", edited_again("todd")).await;
            }
            Self::CreateDelete => {
                person.apply("todd", spec("todd")).await;
                sleep(MIDWAY).await;
                person.delete("todd");
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
            Self::Retain => {
                person.delete("todd");
                person.apply("todd", spec("todd")).await;
            }
            Self::RetainWithoutDatabase => {
                person.world.act("the database is empty", |state, now, _| {
                    state.replace_database(now, Database::default());
                });
                person.delete("todd");
                // The sweep sees what stays.
                sleep(RESYNC).await;
            }
            Self::ForeignRecord => {
                person.record_a_foreign_one();
                person.delete("todd");
            }
            Self::LetGo => {
                person.let_go("todd");
                person.delete("todd");
            }
            Self::LetGoAgain => {
                person.let_go("todd");
                person.delete("todd");
                sleep(A_WHILE).await;
                // The first look of a new process sees what was left.
                person.start_again().await;
                person.apply("todd", edited("todd")).await;
            }
            Self::DeleteWithoutTags => {
                person.lose_tags();
                person.delete("todd");
            }
            Self::Three => person.three_at_once().await,
            Self::Vanish | Self::VanishUnready => {
                person.vanish(ResourceKind::ChatRoom);
                sleep(RESYNC).await;
            }
            _ => self.restore(person).await,
        }
    }

    /// What is lost, and what is restored of it.
    async fn restore(self, person: &Person) {
        match self {
            Self::LoseCluster => {
                person.world.act("the cluster is made again from Git", |state, _, time| {
                    state.cluster.rebuild(&time);
                });
                person.start_again().await;
            }
            Self::LoseClusterAndDatabase => {
                person.world.act(
                    "the cluster is made again from Git, the database is empty",
                    |state, now, time| {
                        state.cluster.rebuild(&time);
                        state.replace_database(now, Database::default());
                    },
                );
                person.start_again().await;
            }
            Self::LoseClusterAndTags => {
                person.lose_tags();
                person.world.act("the cluster is made again from Git", |state, _, time| {
                    state.cluster.rebuild(&time);
                });
                person.start_again().await;
            }
            Self::LoseDatabaseAndTags => {
                person.lose_tags();
                person.world.act("the database is empty", |state, now, _| {
                    state.replace_database(now, Database::default());
                });
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
                person.world.act("the cluster is made again from Git", |state, _, time| {
                    state.cluster.rebuild(&time);
                });
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
                person.world.act("status is lost", |state, _, _| state.cluster.clear_status());
                // No watch tells of it; the next sweep does.
                sleep(RESYNC).await;
            }
        }
    }
}
