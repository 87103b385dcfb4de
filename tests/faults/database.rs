//! PostgreSQL: its tables and their keys. Each transaction of `src/store` is one step that happens completely
//! or not at all.

mod absences;
mod clusters;
mod orphans;
mod renewal_tokens;
mod resources;
mod users;

use std::{collections::BTreeMap, time::Duration};

use streamcat_operator::{
    api::{
        AccountRef, AppliedFields, ChannelStatus, ChatRoomStatus, ResourceKind, ResourceStatus, StageStatus,
        are_alike,
    },
    store::{Error, InFlight, PendingUpdate, ResourceRecord, Result},
};
use uuid::Uuid;

use super::faults::{Failure, FromFailure, Operation, Service};

/// A row of `users`.
#[derive(Clone, Debug)]
pub struct User {
    pub username: String,
    pub account: AccountRef,
    pub uid: Option<String>,
    pub cluster: Option<String>,
    pub registered: bool,
    pub retained: bool,
    pub deleting: bool,
    /// Start of the latest try to delete the user.
    pub deletion_tried: Option<Duration>,
}

impl User {
    /// Returns a row that no object owns.
    fn new(username: &str, account: AccountRef) -> Self {
        let username = username.to_owned();
        let (retained, deleting, registered) = (false, false, false);
        Self {
            username,
            account,
            uid: None,
            cluster: None,
            registered,
            retained,
            deleting,
            deletion_tried: None,
        }
    }

    /// Returns the time since the latest try of an interrupted deletion.
    fn interrupted_deletion(&self, now: Duration) -> Option<Duration> {
        let tried = self.deletion_tried.filter(|_| self.deleting && !self.retained)?;
        Some(now.saturating_sub(tried))
    }
}

/// A row of one of the three tables of resources.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub resource: ResourceStatus,
    created: Duration,
}

/// A row of `create_attempts`.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub user: Uuid,
    pub kind: ResourceKind,
    pub is_open: bool,
    started: Duration,
    deadline: Duration,
}

/// All tables.
#[derive(Clone, Debug, Default)]
pub struct Database {
    pub users: BTreeMap<Uuid, User>,
    pub rows: BTreeMap<(Uuid, ResourceKind), Row>,
    pub attempts: BTreeMap<Uuid, Attempt>,
    /// `missing_resources`, by ARN.
    pub missing: BTreeMap<String, absences::MissingResource>,
    /// `former_resources`.
    former: BTreeMap<(Uuid, ResourceKind), Vec<absences::FormerResource>>,
    /// `brake_releases`.
    brake_releases: BTreeMap<ResourceKind, Duration>,
    /// `pending_updates`: nonce, deadline, and number of repeats.
    pub pending_updates: BTreeMap<(Uuid, ResourceKind), (Uuid, Duration, u32)>,
    /// The number of updates in `drift_history`. A run takes less than a day.
    corrections: BTreeMap<(Uuid, ResourceKind), u32>,
    /// `applied_fields`.
    pub applied_fields: BTreeMap<(Uuid, ResourceKind), AppliedFields>,
    /// `user_tombstones`, by user id and UID of the user's object: true if the resources were kept because a
    /// person abandoned the account.
    tombstones: BTreeMap<(Uuid, String), bool>,
    pub orphans: BTreeMap<Uuid, orphans::ListedOrphan>,
    /// `clusters`: the time at which each was last seen.
    clusters: BTreeMap<String, Duration>,
    /// `renewal_tokens`, by cluster.
    renewal_tokens: BTreeMap<String, renewal_tokens::RenewalToken>,
    /// Start of the process of PostgreSQL.
    server_started: Duration,
    /// Time of the latest tombstone of a user whose resources were kept.
    abandoned_at: Option<Duration>,
}

impl Database {
    /// Returns tables in which an earlier object of the same name owns the user.
    pub fn of_earlier_account(now: Duration, name: &str) -> Self {
        let (mut database, user) = (Self::default(), Uuid::from_u128(1));
        let account = AccountRef { namespace: "team".to_owned(), name: name.to_owned() };
        let uid = Some("before".to_owned());
        database.users.insert(user, User { uid, ..User::new(name, account) });
        database.record_channel(now, name, "arn:aws:ivs:eu-west-1:1:channel/before");
        database
    }

    /// Returns these tables in another process of PostgreSQL.
    pub fn restarted(self, now: Duration) -> Self {
        Self { server_started: now, ..self }
    }

    /// Returns the user of a username or of a look-alike, and its row.
    fn by_username(&self, username: &str) -> Option<(Uuid, &User)> {
        let found = self.users.iter().find(|(_, user)| are_alike(&user.username, username));
        found.map(|(id, user)| (*id, user))
    }

    /// Registers a username for an account of the same name in `team`.
    pub fn register(&mut self, user: Uuid, username: &str) {
        let account = AccountRef { namespace: "team".to_owned(), name: username.to_owned() };
        self.users.insert(user, User { registered: true, ..User::new(username, account) });
    }

    /// Returns the user of a registered person.
    pub fn registered(&self, username: &str) -> Option<Uuid> {
        self.by_username(username).filter(|(_, user)| user.registered).map(|(id, _)| id)
    }

    /// Deletes a user with all its rows.
    fn delete(&mut self, user: Uuid) {
        self.users.remove(&user);
        self.rows.retain(|(of, _), _| *of != user);
        self.attempts.retain(|_, attempt| attempt.user != user);
        self.missing.retain(|_, absent| absent.user != user);
        self.former.retain(|(of, _), _| *of != user);
        self.pending_updates.retain(|(of, _), _| *of != user);
        self.corrections.retain(|(of, _), _| *of != user);
        self.applied_fields.retain(|(of, _), _| *of != user);
    }

    /// Returns the recorded ARN of one kind of a user's resources.
    pub fn arn(&self, user: Uuid, kind: ResourceKind) -> Option<&str> {
        self.rows.get(&(user, kind)).map(|row| row.resource.arn())
    }

    /// Records another channel for a user.
    pub fn record_channel(&mut self, now: Duration, username: &str, arn: &str) {
        let (user, _) = self.by_username(username).expect("a row of this name");
        let channel = ChannelStatus { arn: arn.to_owned(), ..ChannelStatus::default() };
        self.write(now, user, username, &channel.into()).expect("nobody has this one");
    }

    /// Overwrites all names and addresses in the rows of a user.
    pub fn overwrite_addresses(&mut self, username: &str) {
        let Some((user, _)) = self.by_username(username) else { return };
        for ((_, kind), row) in self.rows.iter_mut().filter(|((of, _), _)| *of == user) {
            let arn = row.resource.arn().to_owned();
            "another".clone_into(&mut row.name);
            row.resource = match kind {
                ResourceKind::Channel => ChannelStatus { arn, ..ChannelStatus::default() }.into(),
                ResourceKind::ChatRoom => ChatRoomStatus { arn, ..ChatRoomStatus::default() }.into(),
                ResourceKind::Stage => StageStatus { arn, ..StageStatus::default() }.into(),
            };
        }
    }

    /// Returns true if the resource of this ARN has an update that was not re-checked yet.
    pub fn has_pending_update(&self, arn: &str) -> bool {
        self.rows.iter().any(|(key, row)| row.resource.arn() == arn && self.pending_updates.contains_key(key))
    }

    /// Returns the user for which an ARN is recorded.
    pub fn owner_of(&self, of: &str) -> Option<&User> {
        let (user, _) = self.rows.iter().find(|(_, row)| row.resource.arn() == of)?.0;
        self.users.get(user)
    }

    fn write(&mut self, now: Duration, user: Uuid, name: &str, resource: &ResourceStatus) -> Result<()> {
        if !self.users.contains_key(&user) {
            return Err(violates("a foreign key"));
        }
        let key = (user, resource.kind());
        if self.rows.iter().any(|(of, row)| *of != key && row.resource.arn() == resource.arn()) {
            return Err(violates("a unique key"));
        }
        self.replace(now, key, resource.arn());
        self.applied_fields.entry(key).or_default().extend(resource.applied_fields().clone());
        let row = Row { name: name.to_owned(), resource: without_fields(resource.clone()), created: now };
        self.rows.insert(key, row);
        Ok(())
    }

    fn open_attempt(&self, user: Uuid, kind: ResourceKind) -> Option<(Uuid, &Attempt)> {
        let is_match = |attempt: &Attempt| attempt.is_open && attempt.user == user && attempt.kind == kind;
        self.attempts.iter().find(|(_, attempt)| is_match(attempt)).map(|(nonce, attempt)| (*nonce, attempt))
    }

    /// Returns true if a user has anything to retain: a resource, or an attempt that may be creating one.
    fn has_any_resource(&self, user: Uuid) -> bool {
        self.rows.keys().any(|(of, _)| *of == user)
            || self.attempts.values().any(|attempt| attempt.is_open && attempt.user == user)
    }

    fn recorded(&self, now: Duration, user: Uuid, kind: ResourceKind) -> ResourceRecord {
        let row = self.rows.get(&(user, kind));
        let attempt = self
            .open_attempt(user, kind)
            .map(|(nonce, attempt)| InFlight::until(nonce, attempt.deadline, now));
        ResourceRecord {
            arn: row.map(|row| row.resource.arn().to_owned()),
            age: row.map(|row| now.saturating_sub(row.created)).unwrap_or_default(),
            is_tried: self.attempts.values().any(|attempt| attempt.user == user && attempt.kind == kind),
            is_abandoned: self.abandoned_users().any(|id| id == user),
            attempt,
            former: self.former_of(user, kind),
            missing: self.missing_of(user, kind),
            pending_update: self.pending_update(now, user, kind),
            corrections: self.corrections.get(&(user, kind)).copied().unwrap_or_default(),
            applied_fields: self.applied_fields.get(&(user, kind)).cloned().unwrap_or_default(),
        }
    }

    fn pending_update(&self, now: Duration, user: Uuid, kind: ResourceKind) -> Option<PendingUpdate> {
        let (nonce, deadline, repeats) = self.pending_updates.get(&(user, kind))?;
        Some(PendingUpdate { in_flight: InFlight::until(*nonce, *deadline, now), repeats: *repeats })
    }
}

/// Returns a resource without the fields that its spec names, which have a table of their own.
fn without_fields(mut resource: ResourceStatus) -> ResourceStatus {
    match &mut resource {
        ResourceStatus::Channel(channel) => channel.applied_fields.clear(),
        ResourceStatus::ChatRoom(room) => room.applied_fields.clear(),
        ResourceStatus::Stage(stage) => stage.applied_fields.clear(),
    }
    resource
}

const fn read(name: &'static str) -> Operation {
    Operation::read(Service::Postgres, name)
}

const fn write(name: &'static str) -> Operation {
    Operation::write(Service::Postgres, name)
}

fn new_id(rng: &mut fastrand::Rng) -> Uuid {
    Uuid::from_u128(rng.u128(..))
}

fn violates(what: &str) -> Error {
    sqlx::Error::Protocol(format!("it violates {what}")).into()
}

impl FromFailure for Error {
    fn from_failure(_: Operation, failure: Failure) -> Self {
        let because = match failure {
            Failure::Refused => "connection refused",
            Failure::Reset => "connection reset",
            Failure::TimedOut => "canceling statement due to statement timeout",
            Failure::TooMany => "too many clients",
            Failure::Internal => "terminating connection due to administrator command",
            Failure::Forbidden => "permission denied",
        };
        sqlx::Error::Protocol(because.to_owned()).into()
    }
}
