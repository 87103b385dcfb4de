//! `users` and `user_tombstones`.

use std::time::Duration;

use streamcat_operator::{
    api::AccountRef,
    store::{
        Claim, ClaimRefusal, Claimant, ClusterIdentity, Error, OtherOwner, Result, Transfer, UsernameOwner,
        Users,
    },
};
use uuid::Uuid;

use super::{Attempt, Database, User, new_id, orphans::ListedOrphan, read, write};
use crate::{fault_injector::FaultInjector, oracle::effects, world::State};

/// A [`Claimant`] that outlives its caller.
struct OwnedClaimant {
    username: String,
    account: AccountRef,
    uid: String,
    known: Option<Uuid>,
    registration: Option<Uuid>,
    cluster: ClusterIdentity,
    is_deleted: bool,
    renewal_token: Option<Uuid>,
    is_aws_listed: bool,
}

impl OwnedClaimant {
    fn row(&self) -> User {
        let (uid, cluster) = (Some(self.uid.clone()), Some(self.cluster.id.clone()));
        User { uid, cluster, ..User::new(&self.username, self.account.clone()) }
    }

    /// Returns the reason why the object cannot take over another object's row, if there is one.
    fn refusal(&self, row: &User, id: Uuid, owner: UsernameOwner) -> Option<ClaimRefusal> {
        let others = row.cluster.as_ref().filter(|cluster| **cluster != self.cluster.id);
        if row.account != self.account {
            Some(ClaimRefusal::Taken(OtherOwner::new(owner)))
        } else if row.registered && self.registration != Some(id) {
            Some(ClaimRefusal::Registered)
        } else if row.username != self.username {
            Some(ClaimRefusal::SpellingMismatch(OtherOwner::new(owner)))
        } else {
            let others = others.filter(|_| self.is_deleted || owner.is_cluster_live);
            others.map(|cluster| ClaimRefusal::OtherCluster(cluster.clone()))
        }
    }
}

impl Database {
    fn owner(&self, id: Uuid, claimant: &OwnedClaimant, now: Duration) -> Option<UsernameOwner> {
        let user = self.users.get(&id)?;
        let is_live = |cluster: &String| self.is_live(cluster, now, claimant.cluster.takeover_after);
        Some(UsernameOwner {
            user: id,
            username: user.username.clone(),
            account: user.account.clone(),
            uid: user.uid.clone(),
            cluster: user.cluster.clone(),
            is_cluster_live: user.cluster.as_ref().is_some_and(is_live),
            registered: user.registered,
            retained: user.retained,
            interrupted_deletion: user.interrupted_deletion(now),
            is_new: false,
        })
    }

    /// Returns the user that an object owns.
    fn owned_by(&self, uid: &str) -> Option<Uuid> {
        self.users.iter().find(|(_, user)| user.uid.as_deref() == Some(uid)).map(|(id, _)| *id)
    }

    /// Returns the users that a person abandoned.
    pub fn abandoned_users(&self) -> impl Iterator<Item = Uuid> {
        self.tombstones.iter().filter(|(_, resources_kept)| **resources_kept).map(|((id, _), _)| *id)
    }

    /// Returns the user that an object owns or owned.
    pub fn user_of(&self, uid: &str) -> Option<Uuid> {
        self.owned_by(uid).or_else(|| self.tombstones.keys().find(|(_, of)| of == uid).map(|(id, _)| *id))
    }

    /// Returns true if an attempt was opened or a resource was recorded for a user within the grace period.
    fn is_busy(&self, user: Uuid, now: Duration, grace: Duration) -> bool {
        let is_open =
            |attempt: &Attempt| attempt.user == user && attempt.is_open && attempt.deadline + grace > now;
        self.attempts.values().any(is_open)
            || self.rows.iter().any(|((of, _), row)| *of == user && row.created + grace > now)
    }

    /// Returns true if the user was deleted together with its resources.
    fn is_deleted(&self, user: Uuid) -> bool {
        self.tombstones.iter().any(|((id, _), resources_kept)| *id == user && !resources_kept)
    }

    /// Returns true if AWS may have a resource of the account that only its tags name.
    fn may_have_unlisted_resource(&self, claimant: &OwnedClaimant) -> bool {
        let is_of_account = |listed: &ListedOrphan| {
            listed.orphan.account.as_ref() == Some(&claimant.account)
                || claimant.known.is_some() && listed.orphan.user == claimant.known
        };
        self.orphans.values().any(is_of_account) || self.has_unlisted_abandonment(claimant.renewal_token)
    }

    fn claim(&mut self, claimant: &OwnedClaimant, new_id: Uuid, now: Duration) -> Result<Claim> {
        self.check_token(claimant.renewal_token)?;
        if !claimant.is_aws_listed && self.may_have_unlisted_resource(claimant) {
            return Err(Error::AwsNotListed);
        }
        if self.tombstones.keys().any(|(_, uid)| *uid == claimant.uid) {
            return Ok(Claim::Refused(ClaimRefusal::Deleted));
        }
        let found =
            self.owned_by(&claimant.uid).or_else(|| self.by_username(&claimant.username).map(|(id, _)| id));
        let id = found.unwrap_or_else(|| {
            let is_deleted = |id: &Uuid| self.is_deleted(*id);
            let is_free = |id: &Uuid| !self.users.contains_key(id) && !is_deleted(id);
            let id = claimant.known.filter(is_free).unwrap_or(new_id);
            self.users.insert(id, claimant.row());
            id
        });
        let owner = self.owner(id, claimant, now).expect("its row");
        let (row, owner) = (&self.users[&id], UsernameOwner { is_new: id == new_id, ..owner });
        if row.uid.as_ref() == Some(&claimant.uid) {
            return Ok(Claim::Held(owner));
        }
        Ok(match claimant.refusal(row, id, owner.clone()) {
            Some(refusal) => Claim::Refused(refusal),
            None => Claim::Held(owner),
        })
    }

    /// Returns the row of a user, if this object owns it.
    fn of_object(&mut self, user: Uuid, uid: Option<&str>) -> Option<&mut User> {
        self.users.get_mut(&user).filter(|row| row.uid.as_deref() == uid)
    }

    /// Deletes a user that this object owns, and leaves tombstones for both.
    pub(super) fn delete_user(&mut self, now: Duration, user: Uuid, uid: &str, resources_kept: bool) -> bool {
        let is_its = self.of_object(user, Some(uid)).is_some();
        if is_its {
            self.abandoned_at = if resources_kept { Some(now) } else { self.abandoned_at };
            self.delete(user);
            self.tombstones.entry((user, uid.to_owned())).or_insert(resources_kept);
        }
        is_its
    }
}

impl Users for FaultInjector {
    async fn username_of(&self, uid: &str) -> Result<Option<String>> {
        let of = uid.to_owned();
        let effect = move |state: &mut State, _| {
            let mut users = state.database.users.values();
            let found = users.find(|user| user.uid.as_ref() == Some(&of));
            Ok(found.map(|user| user.username.clone()))
        };
        self.call(read("username_of"), uid, effect).await
    }

    async fn is_held(&self, username: &str) -> Result<bool> {
        let name = username.to_owned();
        let effect = move |state: &mut State, _| Ok(state.database.by_username(&name).is_some());
        self.call(read("is_held"), username, effect).await
    }

    async fn claim(&self, claimant: Claimant<'_>) -> Result<Claim> {
        let owned = OwnedClaimant {
            username: claimant.username.to_owned(),
            account: claimant.account.clone(),
            uid: claimant.uid.to_owned(),
            known: claimant.known,
            registration: claimant.registration,
            cluster: claimant.cluster.clone(),
            is_deleted: claimant.is_deleted,
            renewal_token: claimant.renewal_token,
            is_aws_listed: claimant.is_aws_listed,
        };
        let has_lease = self.process.has_lease() && !claimant.is_deleted;
        let effect = move |state: &mut State, now| {
            effects::check_has_token(state, has_lease, owned.renewal_token);
            let new_id = new_id(&mut state.rng);
            state.database.claim(&owned, new_id, now)
        };
        self.call(write("claim"), claimant.username, effect).await
    }

    async fn transfer(&self, transfer: Transfer<'_>) -> Result<bool> {
        let Transfer { user, from, uid, cluster, min_deletion_age } = transfer;
        let (from, uid, cluster) = (from.map(str::to_owned), uid.to_owned(), cluster.to_owned());
        let effect = move |state: &mut State, now: Duration| {
            let has_tombstone = state.database.tombstones.keys().any(|(_, deleted)| *deleted == uid);
            let Some(row) = state.database.of_object(user, from.as_deref()).filter(|_| !has_tombstone) else {
                return Ok(false);
            };
            if row.interrupted_deletion(now).is_some_and(|age| age < min_deletion_age) {
                return Ok(false);
            }
            let before = row.cluster.replace(cluster);
            row.uid = Some(uid.clone());
            row.deleting = false;
            row.retained = false;
            state.database.forget_deletions(user);
            effects::check_transfer(state, now, before.as_deref(), &uid);
            Ok(true)
        };
        self.call(write("transfer"), "", effect).await
    }

    async fn mark_deleting(&self, user: Uuid, uid: &str) -> Result<bool> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, now| {
            let Some(row) = state.database.of_object(user, Some(&uid)) else { return Ok(false) };
            (row.deleting, row.deletion_tried) = (true, Some(now));
            Ok(true)
        };
        self.call(write("mark_deleting"), "", effect).await
    }

    async fn mark_retained(&self, user: Uuid, uid: &str) -> Result<bool> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, _| {
            let has_any_resource = state.database.has_any_resource(user);
            let row = state.database.of_object(user, Some(&uid)).filter(|_| has_any_resource);
            Ok(row.map(|row| row.retained = true).is_some())
        };
        self.call(write("mark_retained"), "", effect).await
    }

    async fn delete_user(&self, user: Uuid, uid: &str, kept: bool) -> Result<bool> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, now| {
            effects::check_user_deletion(state, user, &uid);
            Ok(state.database.delete_user(now, user, &uid, kept))
        };
        self.call(write("delete_user"), "", effect).await
    }

    async fn tombstone(&self, uid: &str) -> Result<Option<Uuid>> {
        let uid = uid.to_owned();
        let effect = move |state: &mut State, _| {
            let database = &mut state.database;
            let held = database.users.iter().find(|(_, row)| row.uid.as_deref() == Some(&uid));
            let user = held.map(|(user, _)| *user);
            if user.is_none() && !database.tombstones.keys().any(|(_, deleted)| *deleted == uid) {
                database.tombstones.insert((new_id(&mut state.rng), uid), false);
            }
            Ok(user)
        };
        self.call(write("tombstone"), "", effect).await
    }

    async fn delete_stale_user(&self, owner: &UsernameOwner, idle_for: Option<Duration>) -> Result<()> {
        let (user, uid) = (owner.user, owner.uid.clone());
        let effect = move |state: &mut State, now| {
            let database = &mut state.database;
            let row = database.of_object(user, uid.as_deref());
            if row.is_some_and(|row| !row.retained && !row.registered)
                && !idle_for.is_some_and(|time| database.is_busy(user, now, time))
            {
                database.delete(user);
            }
            Ok(())
        };
        self.call(write("delete_stale_user"), "", effect).await
    }

    async fn deleted_users(&self, users: &[Uuid]) -> Result<Vec<Uuid>> {
        let users = users.to_vec();
        let effect = move |state: &mut State, _| {
            let database = &state.database;
            let is_deleted = |id: &Uuid| database.is_deleted(*id) && !database.users.contains_key(id);
            Ok(users.into_iter().filter(is_deleted).collect())
        };
        self.call(read("deleted_users"), "", effect).await
    }
}
