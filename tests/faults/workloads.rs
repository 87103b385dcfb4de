//! What people do: the state they start from, and what they do while calls fail.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use serde_json::json;
use streamcat_operator::api::{AccountRef, LET_GO_ANNOTATION, ResourceKind, StreamerAccountSpec, tags};
use tokio::time::sleep;

use super::{aws::Resource, controller::RESYNC, database::Database, world::World};

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    Create,
    CreateEdit,
    Edit,
    CreateDelete,
    Delete,
    Recreate,
    EndNamespace,
    CreateEndNamespace,
    Rivals,
    Heir,
    Retain,
    LetGo,
    Three,
    Vanish,
    LoseCluster,
    LoseClusterAndDatabase,
    LoseClusterAndTags,
    LoseDatabaseAndTags,
    DatabaseOfYesterday,
    LoseStatus,
    ForeignRecord,
}

/// A workload's name in a line that replays a run.
const NAMES: [(Workload, &str); 21] = [
    (Workload::Create, "create"),
    (Workload::CreateEdit, "create-edit"),
    (Workload::Edit, "edit"),
    (Workload::CreateDelete, "create-delete"),
    (Workload::Delete, "delete"),
    (Workload::Recreate, "recreate"),
    (Workload::EndNamespace, "end-namespace"),
    (Workload::CreateEndNamespace, "create-end-namespace"),
    (Workload::Rivals, "rivals"),
    (Workload::Heir, "heir"),
    (Workload::Retain, "retain"),
    (Workload::LetGo, "let-go"),
    (Workload::Three, "three"),
    (Workload::Vanish, "vanish"),
    (Workload::LoseCluster, "lose-cluster"),
    (Workload::LoseClusterAndDatabase, "lose-cluster-and-database"),
    (Workload::LoseClusterAndTags, "lose-cluster-and-tags"),
    (Workload::LoseDatabaseAndTags, "lose-database-and-tags"),
    (Workload::DatabaseOfYesterday, "database-of-yesterday"),
    (Workload::LoseStatus, "lose-status"),
    (Workload::ForeignRecord, "foreign-record"),
];

impl Workload {
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

/// Someone with kubectl, the AWS console and the backups.
pub struct Person {
    pub world: Arc<World>,
}

fn key(name: &str) -> AccountRef {
    AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
}

fn spec(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC" },
        "chatRoom": { "maximumMessageLength": 200 },
        "tags": { "team": "a", "old": "o" },
    });
    serde_json::from_value(spec).expect("a spec")
}

fn edited(username: &str) -> StreamerAccountSpec {
    let spec = json!({
        "username": username,
        "channel": { "type": "BASIC", "latencyMode": "NORMAL" },
        "chatRoom": { "maximumMessageLength": 300 },
        "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": STORAGE } },
        "tags": { "team": "b", "new": "n" },
    });
    serde_json::from_value(spec).expect("a spec")
}

impl Workload {
    /// What is there before.
    pub async fn prepare(self, person: &Person) {
        person.others_have_the_same_names();
        let retained = || StreamerAccountSpec {
            deletion_policy: streamcat_operator::api::DeletionPolicy::Retain,
            ..spec("todd")
        };
        match self {
            Self::Create | Self::CreateEdit | Self::CreateDelete | Self::CreateEndNamespace => {}
            Self::Rivals | Self::Three => {}
            Self::Heir => {
                person.apply("todd", spec("todd")).await;
                sleep(A_WHILE).await;
                person.apply("heir", spec("todd")).await;
            }
            Self::Retain => person.apply("todd", retained()).await,
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
            Self::CreateDelete => {
                person.apply("todd", spec("todd")).await;
                sleep(MIDWAY).await;
                person.delete("todd");
            }
            Self::Delete => person.delete("todd"),
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
            Self::Heir => person.delete("todd"),
            Self::Retain => {
                person.delete("todd");
                person.apply("todd", spec("todd")).await;
            }
            Self::ForeignRecord => {
                person.record_a_foreign_one();
                person.delete("todd");
            }
            Self::LetGo => {
                person.world.act("let go of todd", |state, _, _| {
                    state.cluster.annotate(&key("todd"), LET_GO_ANNOTATION, "true");
                });
                person.delete("todd");
            }
            Self::Three => person.three_at_once().await,
            Self::Vanish => {
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
                    |state, _, time| {
                        state.cluster.rebuild(&time);
                        state.database = Database::default();
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
                person.world.act("the database is empty", |state, _, _| state.database = Database::default());
                person.start_again().await;
            }
            Self::DatabaseOfYesterday => {
                let yesterday = person.world.lock().database.clone();
                person.apply("ann", spec("ann")).await;
                person.apply("todd", edited("todd")).await;
                sleep(A_WHILE).await;
                person.world.act("the database is yesterday's", |state, _, _| state.database = yesterday);
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

impl Person {
    /// Resources of others that are called as ours are: they must survive everything.
    fn others_have_the_same_names(&self) {
        let foreign = |installation: Option<&str>| {
            let installation = installation.map(|id| (tags::INSTALLATION.to_owned(), id.to_owned()));
            let account = (tags::ACCOUNT.to_owned(), "team/todd".to_owned());
            installation.into_iter().chain([account]).collect()
        };
        self.world.act("others have resources of the same names", |state, now, _| {
            for kind in ResourceKind::ALL {
                for tags in [foreign(None), foreign(Some("elsewhere"))] {
                    let resource = Resource { kind, name: "todd".to_owned(), tags, settings: json!({}) };
                    state.aws.create(now, resource);
                }
            }
        });
    }

    /// Applies a manifest; while an object of that name is being deleted, again and again.
    async fn apply(&self, name: &str, spec: StreamerAccountSpec) {
        let apply = || {
            let (spec, what) = (spec.clone(), format!("apply {name}"));
            self.world.act(&what, |state, _, time| state.cluster.apply(&key(name), spec, time))
        };
        while apply().is_none() {
            sleep(Duration::from_millis(500)).await;
        }
    }

    fn delete(&self, name: &str) {
        self.world.act(&format!("delete {name}"), |state, now, time| {
            state.cluster.delete(&key(name), now, time);
        });
    }

    fn end_namespace(&self) {
        self.world.act("delete the namespace", |state, now, time| {
            state.cluster.end_namespace("team", now, &time);
        });
    }

    async fn three_at_once(&self) {
        for name in ["todd", "ann", "bea"] {
            self.apply(name, spec(name)).await;
        }
        sleep(Duration::from_secs(2)).await;
        self.apply("ann", edited("ann")).await;
        self.delete("bea");
    }

    /// Somebody deletes one of ours in the console.
    fn vanish(&self, kind: ResourceKind) {
        self.world.act(&format!("somebody deletes the {kind}"), |state, now, _| {
            let is_it = |resource: &Resource| resource.kind == kind && resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_it(resource));
            let arn = found.map(|(arn, _)| arn.clone()).expect("one of ours");
            state.aws.delete(now, &arn);
            state.aws.vanished.insert(arn);
        });
    }

    /// Somebody writes into the database that another's channel is ours.
    fn record_a_foreign_one(&self) {
        self.world.act("another's channel is recorded as ours", |state, now, _| {
            let kind = ResourceKind::Channel;
            let is_foreign =
                |resource: &Resource| resource.kind == kind && !resource.tags.contains_key(tags::USER);
            let found = state.aws.resources().iter().find(|(_, resource)| is_foreign(resource));
            let arn = found.map(|(arn, _)| arn.clone()).expect("another's channel");
            state.database.record_wrongly(now, "todd", &arn);
        });
    }

    /// Somebody removes all our tags from what is ours.
    fn lose_tags(&self) {
        self.world.act("our tags are lost", |state, now, _| {
            let resources = state.aws.resources().iter();
            let ours = resources.filter(|(_, resource)| resource.tags.contains_key(tags::USER));
            for arn in ours.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
                state.aws.alter(now, &arn, |resource| {
                    resource.tags.retain(|key, _| !tags::is_reserved(key));
                });
            }
        });
    }

    /// The controllers are started again.
    async fn start_again(&self) {
        self.world.act("the controllers are stopped", |state, _, _| state.is_on = false);
        sleep(Duration::from_millis(1)).await;
        self.world.act("the controllers are started", |state, _, _| state.is_on = true);
    }
}
