//! The store against a real database: constraints and concurrency.

mod claims;
mod failures;
mod registrants;
mod renewal_tokens;
mod resources;
mod round_trips;
mod sessions;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::LazyLock,
    time::Duration,
};

use secrecy::SecretString;
use sqlx::PgPool;
use streamcat_operator::{
    api::{
        AccountRef, AppliedFields, ChannelStatus, ChatRoomStatus, ResourceKind, ResourceStatus,
        StageEndpoints, StageStatus, username_key,
    },
    store::{
        Abandonment, AbsenceChanges, Addition, AttemptOutcome, Claim, ClaimRefusal, Claimant,
        ClusterIdentity, Clusters, Evidence, Journal, KeyHash, NewRegistrant, Orphan, OrphanChanges,
        OrphanReason, Orphans, Postgres, Registrant, Registrants, ResourceRecord, Resources, Sessions,
        Transfer, Users,
    },
};
use testbed::{ScratchDatabase, Tenant};
use uuid::Uuid;

use crate::support::tenant;

/// The fields of a spec that names none.
const NO_FIELDS: &AppliedFields = &AppliedFields::new();

pub fn store(tenant: &Tenant) -> Postgres {
    Postgres::new(&SecretString::from(tenant.database_url()), 4).unwrap()
}

pub const MINUTE: Duration = Duration::from_mins(1);

/// Returns the store in a scratch database.
pub fn store_of(database: &ScratchDatabase) -> Postgres {
    Postgres::new(&SecretString::from(database.url()), 4).unwrap()
}

/// Returns connections to a scratch database, for what the store does not do.
pub async fn pool(database: &ScratchDatabase) -> PgPool {
    PgPool::connect(database.url()).await.unwrap()
}

pub fn account(name: &str) -> AccountRef {
    AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
}

pub async fn claim(store: &Postgres, username: &str, name: &str, registration: Option<Uuid>) -> Claim {
    store.claim(Claimant { registration, ..claimant(username, &account(name), name) }).await.unwrap()
}

/// Returns the transfer of a user to the object `uid`. The latest try of an interrupted deletion must have
/// begun a minute ago.
pub fn transfer<'a>(user: Uuid, from: Option<&'a str>, uid: &'a str, cluster: &'a str) -> Transfer<'a> {
    Transfer { user, from, uid, cluster, min_deletion_age: Duration::from_mins(1) }
}

/// Cluster of the objects in these tests.
pub fn here() -> &'static ClusterIdentity {
    static HERE: LazyLock<ClusterIdentity> = LazyLock::new(|| cluster("here"));
    &HERE
}

/// Returns a cluster that takes over from another one after a minute.
pub fn cluster(id: &str) -> ClusterIdentity {
    ClusterIdentity { id: id.to_owned(), takeover_after: Duration::from_mins(1) }
}

/// Returns an object that claims a username.
pub fn claimant<'a>(username: &'a str, account: &'a AccountRef, uid: &'a str) -> Claimant<'a> {
    let (known, registration) = (None, None);
    Claimant {
        username,
        account,
        uid,
        known,
        registration,
        cluster: here(),
        is_deleted: false,
        renewal_token: None,
        is_aws_listed: true,
    }
}

pub async fn held(store: &Postgres, username: &str) -> Uuid {
    match claim(store, username, username, None).await {
        Claim::Held(owner) => owner.user,
        Claim::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// Returns what the database knows about one kind of a user's resources.
pub async fn record_of(store: &Postgres, user: Uuid, kind: ResourceKind) -> ResourceRecord {
    store.recorded(user).await.unwrap()[kind].clone()
}

/// Adds a user who registers on the page, with an Idempotency-Key. Usernames of deleted accounts are held
/// back for a minute.
pub async fn add(store: &Postgres, username: &str, key: Option<&KeyHash>) -> Addition {
    let password_hash = &SecretString::from("canary");
    let new = NewRegistrant {
        username,
        password_hash,
        account_namespace: "default",
        account_name: "todd",
        key,
        held_back: Some(Duration::from_mins(1)),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    store.add(&new).await.unwrap()
}

pub async fn register(store: &Postgres, username: &str) -> Option<Registrant> {
    match add(store, username, None).await {
        Addition::Added(registrant) => Some(registrant),
        Addition::Exists => None,
        other => panic!("{other:?}"),
    }
}
