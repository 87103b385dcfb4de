//! PostgreSQL: its tables, their keys, and each transaction of `src/store` as one step, which happens or does not.

use std::{collections::BTreeMap, time::Duration};

use streamcat_operator::{
    api::{AccountRef, ResourceKind},
    store::{
        AttemptEnd, Claim, Claimant, Error, Holder, Journal, Missing, OpenAttempt, Recorded, Resource,
        Resources, Result, UserRecord, Users,
    },
};
use uuid::Uuid;

use super::{
    faults::{Fails, Failure, Operation, Service},
    line::Line,
    world::State,
};

/// A row of `users`.
#[derive(Clone, Debug)]
pub struct User {
    pub username: String,
    pub account: AccountRef,
    pub uid: Option<String>,
    pub retained: bool,
    pub leaving: bool,
}

/// A row of one of the three tables of resources.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub resource: Resource,
    created: Duration,
}

/// A row of `attempts`.
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
    /// `missing_resources`: the ARN, and since when.
    missing: BTreeMap<(Uuid, ResourceKind), (String, Duration)>,
    /// `released_users`: the id, and the UID of the object it was last of.
    released: BTreeMap<Uuid, String>,
}

/// The ARN of a resource.
pub fn arn(resource: &Resource) -> &str {
    match resource {
        Resource::Channel { arn, .. } | Resource::ChatRoom { arn, .. } | Resource::Stage { arn } => arn,
    }
}

impl Database {
    /// The user of a name, without regard to case, and its row.
    fn of_name(&self, username: &str) -> Option<(Uuid, &User)> {
        let found = self.users.iter().find(|(_, user)| user.username.eq_ignore_ascii_case(username));
        found.map(|(id, user)| (*id, user))
    }

    fn holder(&self, username: &str) -> Option<Holder> {
        self.of_name(username).map(|(id, user)| Holder {
            user: id,
            username: user.username.clone(),
            account: user.account.clone(),
            uid: user.uid.clone(),
            registered: false,
            retained: user.retained,
        })
    }

    fn claim(&mut self, wanted: &Wanted, fresh: Uuid) -> Claim {
        let before = self.clone();
        if self.of_name(&wanted.username).is_none() {
            let is_free = |id: &Uuid| !self.users.contains_key(id) && !self.released.contains_key(id);
            let id = wanted.known.filter(is_free).unwrap_or(fresh);
            self.users.insert(id, wanted.row());
        }
        if self.released.values().any(|uid| *uid == wanted.uid) {
            *self = before;
            return Claim::Released;
        }
        let holder = self.holder(&wanted.username).expect("a row of this name");
        if holder.account != wanted.account {
            Claim::Taken(holder)
        } else if holder.username != wanted.username {
            Claim::Spelled(holder)
        } else {
            Claim::Held(holder)
        }
    }

    /// The row of a user, if it is this object's.
    fn of_object(&mut self, user: Uuid, uid: Option<&str>) -> Option<&mut User> {
        self.users.get_mut(&user).filter(|row| row.uid.as_deref() == uid)
    }

    /// Deletes a user, and what hangs on it.
    fn delete(&mut self, user: Uuid) {
        self.users.remove(&user);
        self.rows.retain(|(of, _), _| *of != user);
        self.attempts.retain(|_, attempt| attempt.user != user);
        self.missing.retain(|(of, _), _| *of != user);
    }

    fn release(&mut self, user: Uuid, uid: &str) {
        if self.of_object(user, Some(uid)).is_some() {
            self.delete(user);
        }
        if !self.users.contains_key(&user) {
            self.released.entry(user).or_insert_with(|| uid.to_owned());
        }
    }

    /// The ARN recorded of one kind of a user's resources.
    pub fn arn(&self, user: Uuid, kind: ResourceKind) -> Option<&str> {
        self.rows.get(&(user, kind)).map(|row| arn(&row.resource))
    }

    fn write(&mut self, now: Duration, user: Uuid, name: &str, resource: &Resource) -> Result<()> {
        if !self.users.contains_key(&user) {
            return Err(violates("a foreign key"));
        }
        let key = (user, resource.kind());
        self.missing.remove(&key);
        if self.rows.iter().any(|(of, row)| *of != key && arn(&row.resource) == arn(resource)) {
            return Err(violates("a unique key"));
        }
        let row = Row { name: name.to_owned(), resource: resource.clone(), created: now };
        self.rows.insert(key, row);
        Ok(())
    }

    fn open_attempt(&self, user: Uuid, kind: ResourceKind) -> Option<(Uuid, &Attempt)> {
        let is_it = |attempt: &Attempt| attempt.is_open && attempt.user == user && attempt.kind == kind;
        self.attempts.iter().find(|(_, attempt)| is_it(attempt)).map(|(nonce, attempt)| (*nonce, attempt))
    }

    fn recorded(&self, now: Duration, user: Uuid, kind: ResourceKind) -> Recorded {
        let row = self.rows.get(&(user, kind));
        let attempt = self.open_attempt(user, kind).map(|(nonce, attempt)| OpenAttempt {
            nonce,
            due_in: attempt.deadline.saturating_sub(now),
            overdue: now.saturating_sub(attempt.deadline),
        });
        Recorded {
            arn: row.map(|row| arn(&row.resource).to_owned()),
            age: row.map(|row| now.saturating_sub(row.created)).unwrap_or_default(),
            attempt,
            missing: self
                .missing
                .get(&(user, kind))
                .map(|(arn, since)| Missing { arn: arn.clone(), age: now.saturating_sub(*since) }),
        }
    }
}

/// A claim, as it outlives its caller.
struct Wanted {
    username: String,
    account: AccountRef,
    uid: String,
    known: Option<Uuid>,
}

impl Wanted {
    fn row(&self) -> User {
        User {
            username: self.username.clone(),
            account: self.account.clone(),
            uid: Some(self.uid.clone()),
            retained: false,
            leaving: false,
        }
    }
}

const fn read(name: &'static str) -> Operation {
    Operation::read(Service::Postgres, name)
}

const fn write(name: &'static str) -> Operation {
    Operation::write(Service::Postgres, name)
}

fn fresh(state: &mut State) -> Uuid {
    Uuid::from_u128(state.rng.u128(..))
}

impl Users for Line {
    async fn holder(&self, username: &str) -> Result<Option<Holder>> {
        let name = username.to_owned();
        let effect = move |state: &mut State, _| Ok(state.database.holder(&name));
        self.call(read("holder"), username, effect).await
    }

    async fn claim(&self, claimant: Claimant<'_>) -> Result<Claim> {
        let wanted = Wanted {
            username: claimant.username.to_owned(),
            account: claimant.account.clone(),
            uid: claimant.uid.to_owned(),
            known: claimant.known,
        };
        let effect = move |state: &mut State, _| {
            let fresh = fresh(state);
            Ok(state.database.claim(&wanted, fresh))
        };
        self.call(write("claim"), claimant.username, effect).await
    }

    async fn inherit(&self, user: Uuid, from: Option<&str>, uid: &str) -> Result<bool> {
        let (from, uid) = (from.map(str::to_owned), uid.to_owned());
        let effect = move |state: &mut State, _| {
            let Some(row) = state.database.of_object(user, from.as_deref()) else { return Ok(false) };
            row.uid = Some(uid);
            row.leaving = false;
            row.retained = false;
            Ok(true)
        };
        self.call(write("inherit"), "", effect).await
    }

    async fn leave(&self, user: Uuid, uid: &str) -> Result<bool> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, _| {
            let row = state.database.of_object(user, Some(&uid));
            Ok(row.map(|row| row.leaving = true).is_some())
        };
        self.call(write("leave"), "", effect).await
    }

    async fn retain(&self, user: Uuid, uid: &str) -> Result<()> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, _| {
            if let Some(row) = state.database.of_object(user, Some(&uid)) {
                row.retained = true;
            }
            Ok(())
        };
        self.call(write("retain"), "", effect).await
    }

    async fn release(&self, user: Uuid, uid: &str) -> Result<()> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, _| {
            state.database.release(user, &uid);
            Ok(())
        };
        self.call(write("release"), "", effect).await
    }

    async fn evict(&self, holder: &Holder) -> Result<()> {
        let (user, uid) = (holder.user, holder.uid.clone());
        let effect = move |state: &mut State, _| {
            if state.database.of_object(user, uid.as_deref()).is_some() {
                state.database.delete(user);
            }
            Ok(())
        };
        self.call(write("evict"), "", effect).await
    }

    async fn released(&self, users: &[Uuid]) -> Result<Vec<Uuid>> {
        let users = users.to_vec();
        let effect = move |state: &mut State, _| {
            let database = &state.database;
            let is_released =
                |id: &Uuid| database.released.contains_key(id) && !database.users.contains_key(id);
            Ok(users.into_iter().filter(is_released).collect())
        };
        self.call(read("released"), "", effect).await
    }
}

impl Journal for Line {
    async fn open(
        &self,
        user: Uuid,
        kind: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
    ) -> Result<Option<Uuid>> {
        let known = known.map(str::to_owned);
        let effect = move |state: &mut State, now| {
            let nonce = fresh(state);
            let database = &mut state.database;
            let is_present = database.users.get(&user).is_some_and(|user| !user.leaving);
            if !is_present
                || database.open_attempt(user, kind).is_some()
                || database.arn(user, kind) != known.as_deref()
            {
                return Ok(None);
            }
            let attempt = Attempt { user, kind, is_open: true, started: now, deadline: now + lasts };
            database.attempts.insert(nonce, attempt);
            Ok(Some(nonce))
        };
        self.call(write("open"), kind.noun(), effect).await
    }

    async fn attempts(&self, user: Uuid, kind: ResourceKind) -> Result<Vec<Uuid>> {
        let effect = move |state: &mut State, _| {
            let all = state.database.attempts.iter();
            let mut found: Vec<_> =
                all.filter(|(_, attempt)| attempt.user == user && attempt.kind == kind).collect();
            found.sort_by_key(|(nonce, attempt)| (attempt.started, **nonce));
            Ok(found.into_iter().map(|(nonce, _)| *nonce).collect())
        };
        self.call(read("attempts"), kind.noun(), effect).await
    }

    async fn end(&self, nonce: Uuid, how: AttemptEnd) -> Result<()> {
        let effect = move |state: &mut State, _| {
            if let Some(attempt) = state.database.attempts.get_mut(&nonce) {
                attempt.is_open = false;
            }
            Ok(())
        };
        self.call(write("end"), &format!("{how:?}"), effect).await
    }

    async fn record_made(&self, nonce: Uuid, user: Uuid, name: &str, resource: &Resource) -> Result<bool> {
        let (name, made) = (name.to_owned(), resource.clone());
        let effect = move |state: &mut State, now| {
            let database = &mut state.database;
            if !database.attempts.get(&nonce).is_some_and(|attempt| attempt.is_open) {
                return Ok(false);
            }
            database.write(now, user, &name, &made)?;
            database.attempts.entry(nonce).and_modify(|attempt| attempt.is_open = false);
            Ok(true)
        };
        self.call(write("record_made"), arn(resource), effect).await
    }
}

impl Resources for Line {
    async fn recorded(&self, user: Uuid, kind: ResourceKind) -> Result<Recorded> {
        let effect = move |state: &mut State, now| Ok(state.database.recorded(now, user, kind));
        self.call(read("recorded"), kind.noun(), effect).await
    }

    async fn record(&self, user: Uuid, name: &str, known: Option<&str>, resource: &Resource) -> Result<bool> {
        let (name, known, found) = (name.to_owned(), known.map(str::to_owned), resource.clone());
        let effect = move |state: &mut State, now| {
            if state.database.arn(user, found.kind()) != known.as_deref() {
                return Ok(false);
            }
            state.database.write(now, user, &name, &found).map(|()| true)
        };
        self.call(write("record"), arn(resource), effect).await
    }

    async fn note_missing(&self, user: Uuid, kind: ResourceKind, arn: &str) -> Result<()> {
        let missing = arn.to_owned();
        let effect = move |state: &mut State, now| {
            if !state.database.users.contains_key(&user) {
                return Err(violates("a foreign key"));
            }
            let row = state.database.missing.entry((user, kind)).or_insert_with(|| (missing.clone(), now));
            if row.0 != missing {
                *row = (missing, now);
            }
            Ok(())
        };
        self.call(write("note_missing"), arn, effect).await
    }

    async fn note_seen(&self, user: Uuid, kind: ResourceKind) -> Result<()> {
        let effect = move |state: &mut State, _| {
            state.database.missing.remove(&(user, kind));
            Ok(())
        };
        self.call(write("note_seen"), kind.noun(), effect).await
    }

    async fn all_recorded(&self) -> Result<Vec<UserRecord>> {
        let effect = |state: &mut State, _| {
            let database = &state.database;
            let record = |((user, kind), row): (&(Uuid, ResourceKind), &Row)| {
                let user = database.users.get(user)?;
                Some(UserRecord {
                    account: user.account.clone(),
                    kind: *kind,
                    arn: arn(&row.resource).to_owned(),
                    retained: user.retained,
                })
            };
            Ok(database.rows.iter().filter_map(record).collect())
        };
        self.call(read("all_recorded"), "", effect).await
    }
}

fn violates(what: &str) -> Error {
    sqlx::Error::Protocol(format!("it violates {what}")).into()
}

impl Fails for Error {
    fn failed(_: Operation, failure: Failure) -> Self {
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
