//! The oracle's ledger: every object that ever existed, by UID, and the object for which each resource was
//! created. It is built from the actions of people and from the object whose reconcile makes a call, without
//! tags, rows, or status.

use std::{collections::BTreeMap, time::Duration};

use kube::ResourceExt;
use streamcat_operator::api::{
    ABANDON_ANNOTATION, AccountRef, DeletionPolicy, StreamerAccount, USER_ID_ANNOTATION,
};

use crate::cluster::{Change, Cluster, reference};

/// An object, from its creation to its removal.
struct Object {
    key: AccountRef,
    username: String,
    /// Registration that the object was created for, from its annotation.
    registration: Option<String>,
    cluster: String,
    since: Duration,
    deleted: Option<Duration>,
    removed: Option<Duration>,
    /// True if its resources stay when it is deleted: because of its policy, or because it is abandoned.
    keeps_resources: bool,
}

/// A created resource.
struct CreatedResource {
    /// UID of the object that it was created for.
    by: String,
    at: Duration,
}

/// The ledger.
#[derive(Default)]
pub struct Ownership {
    objects: BTreeMap<String, Object>,
    made: BTreeMap<String, CreatedResource>,
    /// Objects that took over the user of an earlier object while they were not being deleted, and when.
    took_over: BTreeMap<String, Duration>,
    /// Registered usernames, and the id of each registration.
    registered: BTreeMap<String, String>,
    /// Time at which the controllers of each cluster were last active.
    last_seen: BTreeMap<String, Duration>,
    /// Time at which the database was last replaced.
    database_since: Duration,
}

impl Ownership {
    /// Reads the new changes in a cluster's log. `other`: the id of the other cluster.
    pub fn read_log(&mut self, cluster: &mut Cluster, other: Option<&str>, now: Duration) {
        for change in &cluster.log[cluster.ledger_position..] {
            match change {
                Change::Applied(account) => self.applied(account, &cluster.id, now),
                Change::Gone(account) => self.removed(account, other, now),
            }
        }
        cluster.ledger_position = cluster.log.len();
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
            removed: None,
            keeps_resources: false,
        });
        // An object keeps its registration when it loses its annotations.
        object.registration = annotation(USER_ID_ANNOTATION).or(object.registration.take());
        if account.metadata.deletion_timestamp.is_some() {
            object.deleted.get_or_insert(now);
        }
        object.keeps_resources = account.spec.deletion_policy == Some(DeletionPolicy::Retain)
            || annotation(ABANDON_ANNOTATION).is_some_and(|value| value == "true");
    }

    fn removed(&mut self, account: &StreamerAccount, other: Option<&str>, now: Duration) {
        let Some(object) = self.objects.get_mut(&account.uid().unwrap_or_default()) else { return };
        if object.removed.is_some() || Some(&*object.cluster) == other {
            return;
        }
        object.removed = Some(now);
        // Somebody has deleted an object that is removed with its finalizers.
        if !account.finalizers().is_empty() {
            object.deleted.get_or_insert(now);
        }
    }

    /// Notes that a person registered a username.
    pub fn username_registered(&mut self, username: &str, registration: &str) {
        self.registered.insert(username.to_owned(), registration.to_owned());
    }

    /// Notes that a controller of this cluster is active.
    pub fn cluster_seen(&mut self, cluster: &str, now: Duration) {
        self.last_seen.insert(cluster.to_owned(), now);
    }

    /// Notes that the database was replaced.
    pub fn database_replaced(&mut self, now: Duration) {
        self.database_since = now;
    }

    /// Notes that a resource was created for an object.
    pub fn created(&mut self, by: Option<&String>, arn: &str, now: Duration) {
        if let Some(by) = by {
            self.made.insert(arn.to_owned(), CreatedResource { by: by.clone(), at: now });
        }
    }

    /// Notes that an object took over the user of an object in a cluster, by a call that began at `began`.
    /// Returns the violation, if any.
    pub fn check_takeover(
        &mut self,
        uid: &str,
        from: Option<&str>,
        began: Duration,
        now: Duration,
        takeover_after: Duration,
    ) -> Option<String> {
        let object = self.objects.get(uid)?;
        let others = from.filter(|cluster| *cluster != object.cluster);
        let is_deleted = object.deleted.is_some_and(|deleted| deleted < began);
        if let Some(other) = others {
            if is_deleted {
                return Some(format!(
                    "{uid} takes over from the cluster {other} in order to delete the user"
                ));
            }
            if self.last_seen.get(other).is_some_and(|last_seen| *last_seen + takeover_after > now) {
                return Some(format!("{uid} takes over from the cluster {other}, which is active"));
            }
        }
        if !is_deleted {
            self.took_over.insert(uid.to_owned(), now);
        }
        None
    }

    /// Returns true if an object owns a resource: it was created for that object, or for an earlier one that
    /// this object succeeds, and no other object has taken it over since.
    pub fn owns(&self, uid: &str, arn: &str) -> bool {
        let Some(made) = self.made.get(arn) else { return false };
        let since = self.took_over.get(uid).copied().unwrap_or(made.at);
        let has_succeeded =
            |(other, at): (&String, &Duration)| other != uid && *at > since && self.is_successor(other, made);
        self.has_owned(uid, arn) && !self.took_over.iter().any(has_succeeded)
    }

    /// Returns true if an object is no longer in its cluster.
    pub fn is_removed(&self, uid: &str) -> bool {
        self.objects.get(uid).is_some_and(|object| object.removed.is_some())
    }

    /// Returns true if an object owns or ever owned a resource.
    pub fn has_owned(&self, uid: &str, arn: &str) -> bool {
        self.made.get(arn).is_some_and(|made| made.by == uid || self.is_successor(uid, made))
    }

    /// Returns true if an object succeeds the one that a resource was created for: same account, exactly the
    /// same username, and created after the earlier one was removed. For a registered user, it must have been
    /// created for that registration. In another cluster, it must have taken over the user, or the row was
    /// lost.
    fn is_successor(&self, uid: &str, made: &CreatedResource) -> bool {
        let (Some(object), Some(maker)) = (self.objects.get(uid), self.objects.get(&made.by)) else {
            return false;
        };
        let is_same = object.key == maker.key && object.username == maker.username;
        let registered = self.registered.get(&object.username);
        let is_entitled = registered.is_none_or(|id| object.registration.as_ref() == Some(id));
        let has_succeeded = if object.cluster == maker.cluster {
            maker.removed.is_some_and(|removed| removed <= object.since)
        } else {
            self.took_over.contains_key(uid) || made.at < self.database_since
        };
        is_same && is_entitled && has_succeeded
    }

    /// Returns true if a resource can be a late create: an object that owned it was deleted, and its
    /// resources were not to stay.
    pub fn is_late_create(&self, arn: &str) -> bool {
        let ended =
            self.objects.iter().filter(|(_, object)| object.deleted.is_some() && !object.keeps_resources);
        ended.into_iter().any(|(uid, _)| self.has_owned(uid, arn))
    }
}
