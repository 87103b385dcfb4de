//! The oracle's own books: every object that there ever was, by UID, and for which of them each resource was made. They are kept from
//! what people do and from which object's reconcile makes a call: no tag, no row and no status counts in them.

use std::{collections::BTreeMap, time::Duration};

use kube::ResourceExt;
use streamcat_operator::api::{
    ABANDON_ANNOTATION, AccountRef, DeletionPolicy, StreamerAccount, USER_ID_ANNOTATION,
};

use crate::{
    cluster::{Change, Cluster, reference},
    world::TAKEOVER,
};

/// An object, from its beginning to its end.
struct Object {
    key: AccountRef,
    username: String,
    /// The registration that it was made for, by its annotation.
    registration: Option<String>,
    cluster: String,
    since: Duration,
    deleted: Option<Duration>,
    gone: Option<Duration>,
    /// Whether what it has stays when it goes: by its policy, or because a person lets go.
    keeps_resources: bool,
}

/// One resource that was made.
struct Made {
    /// UID of the object that it was made for.
    by: String,
    at: Duration,
}

/// The books.
#[derive(Default)]
pub struct Ownership {
    objects: BTreeMap<String, Object>,
    made: BTreeMap<String, Made>,
    /// Objects that have taken on what an earlier one had, while nobody deleted them, and when.
    took_over: BTreeMap<String, Duration>,
    /// Usernames that a person registered, and the registration's id.
    registered: BTreeMap<String, String>,
    /// When the controllers of each cluster were last seen to work.
    last_seen: BTreeMap<String, Duration>,
    /// When the database last became another.
    database_since: Duration,
}

impl Ownership {
    /// Reads on in what happened in a cluster. `other`: the one beside it.
    pub fn read(&mut self, cluster: &mut Cluster, other: Option<&str>, now: Duration) {
        for change in &cluster.log[cluster.recorded_changes..] {
            match change {
                Change::Applied(account) => self.applied(account, &cluster.id, now),
                Change::Gone(key) => self.gone(key, other, now),
            }
        }
        cluster.recorded_changes = cluster.log.len();
    }

    fn applied(&mut self, account: &StreamerAccount, cluster: &str, now: Duration) {
        let annotation = |name: &str| account.annotations().get(name).cloned();
        let object = self.objects.entry(account.uid().unwrap_or_default()).or_insert_with(|| Object {
            key: reference(account),
            username: account.spec.username.clone(),
            registration: None,
            cluster: cluster.to_owned(),
            since: now,
            deleted: None,
            gone: None,
            keeps_resources: false,
        });
        // What an object was made for it does not lose with its annotations.
        object.registration = annotation(USER_ID_ANNOTATION).or(object.registration.take());
        if account.metadata.deletion_timestamp.is_some() {
            object.deleted.get_or_insert(now);
        }
        object.keeps_resources = account.spec.deletion_policy == DeletionPolicy::Retain
            || annotation(ABANDON_ANNOTATION).is_some_and(|value| value == "true");
    }

    fn gone(&mut self, key: &AccountRef, other: Option<&str>, now: Duration) {
        let is_it = |object: &&mut Object| {
            object.key == *key && object.gone.is_none() && Some(&*object.cluster) != other
        };
        // One that was made since is not the one that has gone.
        if let Some(object) = self.objects.values_mut().filter(is_it).min_by_key(|object| object.since) {
            object.gone = Some(now);
        }
    }

    /// A person has registered a username.
    pub fn username_registered(&mut self, username: &str, registration: &str) {
        self.registered.insert(username.to_owned(), registration.to_owned());
    }

    /// A controller of this cluster works.
    pub fn cluster_seen(&mut self, cluster: &str, now: Duration) {
        self.last_seen.insert(cluster.to_owned(), now);
    }

    /// The database became another.
    pub fn database_replaced(&mut self, now: Duration) {
        self.database_since = now;
    }

    /// A resource is made for an object.
    pub fn created(&mut self, by: Option<&String>, arn: &str, now: Duration) {
        if let Some(by) = by {
            self.made.insert(arn.to_owned(), Made { by: by.clone(), at: now });
        }
    }

    /// An object takes on the user that an object of a cluster had, by a call that began then; what is wrong with that.
    pub fn taken_over(
        &mut self,
        uid: &str,
        from: Option<&str>,
        began: Duration,
        now: Duration,
    ) -> Option<String> {
        let object = self.objects.get(uid)?;
        let others = from.filter(|cluster| *cluster != object.cluster);
        let is_deleted = object.deleted.is_some_and(|deleted| deleted < began);
        if let Some(other) = others {
            if is_deleted {
                return Some(format!("{uid} takes over from the cluster {other} in order to delete"));
            }
            if self.last_seen.get(other).is_some_and(|last_seen| *last_seen + TAKEOVER > now) {
                return Some(format!("{uid} takes over from the cluster {other}, which works"));
            }
        }
        if !is_deleted {
            self.took_over.insert(uid.to_owned(), now);
        }
        None
    }

    /// Whether an object holds a resource: it was made for that object, or for an earlier one whose place it has taken; and no other
    /// object has taken it on since.
    pub fn holds(&self, uid: &str, arn: &str) -> bool {
        let Some(made) = self.made.get(arn) else { return false };
        let since = self.took_over.get(uid).copied().unwrap_or(made.at);
        let has_succeeded =
            |(other, at): (&String, &Duration)| other != uid && *at > since && self.is_successor(other, made);
        self.has_held(uid, arn) && !self.took_over.iter().any(has_succeeded)
    }

    /// Whether an object has ever held a resource.
    pub fn has_held(&self, uid: &str, arn: &str) -> bool {
        self.made.get(arn).is_some_and(|made| made.by == uid || self.is_successor(uid, made))
    }

    /// Whether an object has the place of the one that a resource was made for: of its name, of its very username, after it was gone;
    /// for a person who registered, made for that registration; in another cluster only by an apply, or where no row was left.
    fn is_successor(&self, uid: &str, made: &Made) -> bool {
        let (Some(object), Some(maker)) = (self.objects.get(uid), self.objects.get(&made.by)) else {
            return false;
        };
        let is_same = object.key == maker.key && object.username == maker.username;
        let registered = self.registered.get(&object.username);
        let is_entitled = registered.is_none_or(|id| object.registration.as_ref() == Some(id));
        let has_succeeded = if object.cluster == maker.cluster {
            maker.gone.is_some_and(|gone| gone <= object.since)
        } else {
            self.took_over.contains_key(uid) || made.at < self.database_since
        };
        is_same && is_entitled && has_succeeded
    }

    /// Whether a resource is one that came late: who held it was deleted, and nothing of it was to stay.
    pub fn came_late(&self, arn: &str) -> bool {
        let ended =
            self.objects.iter().filter(|(_, object)| object.deleted.is_some() && !object.keeps_resources);
        ended.into_iter().any(|(uid, _)| self.has_held(uid, arn))
    }
}
