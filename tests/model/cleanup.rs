//! The controllers' steps while they delete an account's resources, and the resync.

use super::{
    apply::{delete, recorded},
    controller_state::{ControllerState, NonceSet, Owner},
    defects::Defect,
    protocol::Protocol,
    state::{Call, Nonce, State, Uid},
};

impl Protocol {
    /// `mark_deleting`: no attempt is opened after this. Refused if the object no longer owns the row.
    pub fn mark_deleting(state: &mut State, owner: Owner) -> ControllerState {
        match &mut state.user {
            Some(user) if user.id == owner.user && user.uid == owner.uid => {
                user.deleting = true;
                ControllerState::DeletingAll(owner)
            }
            _ => ControllerState::Idle,
        }
    }

    /// `list_owned` in `delete_all`, once no attempt can take effect anymore: finds the user's resources by
    /// tag and by the record.
    pub fn list_to_delete(&self, state: &State, owner: Owner, recorded: Option<Nonce>) -> ControllerState {
        let found = self.owned(state, owner.user);
        let to_delete: NonceSet = state
            .all()
            .map(|(nonce, _)| nonce)
            .filter(|n| found.contains(*n) || recorded == Some(*n))
            .collect();
        ControllerState::Deleting { owner, to_delete }
    }

    /// `delete`: deletes the next resource; the user's row is deleted once all are confirmed gone.
    pub fn delete_next(state: &mut State, owner: Owner, to_delete: NonceSet) -> ControllerState {
        match to_delete.first() {
            Some(nonce) => {
                delete(state, nonce, owner.user);
                ControllerState::Deleting { owner, to_delete: to_delete.without(nonce) }
            }
            None => ControllerState::DeletingUser(owner),
        }
    }

    /// `delete_user`: deletes the row with all that belongs to it, and leaves tombstones for the user and the
    /// object. Refused if the object no longer owns the row.
    pub fn delete_user(state: &mut State, owner: Owner) -> ControllerState {
        if !state.user.is_some_and(|user| user.id == owner.user && user.uid == owner.uid) {
            return ControllerState::Idle;
        }
        state.user = None;
        state.recorded = None;
        for attempt in &mut state.attempts {
            attempt.open &= attempt.user != owner.user;
        }
        state.tombstones.push((owner.user, owner.uid));
        state.tombstones.sort_unstable();
        ControllerState::RemovingFinalizer(owner.uid)
    }

    /// `remove_finalizer`: only from the object that was read, which is then gone.
    pub fn remove_finalizer(state: &mut State, uid: Uid) -> ControllerState {
        if state.object.is_some_and(|object| object.uid == uid && object.deleting) {
            state.object = None;
        }
        ControllerState::Idle
    }

    /// `resync`: deletes late creates, and marks an account dirty whose records disagree.
    pub fn resync(&self, state: &State) -> Option<ControllerState> {
        let to_delete = self.late_creates(state);
        if to_delete.first().is_some() {
            return Some(ControllerState::DeletingLateCreates(to_delete));
        }
        self.is_drifted(state).then_some(ControllerState::Dirty)
    }

    fn late_creates(&self, state: &State) -> NonceSet {
        if self.has(Defect::SparesLateCreates) {
            return NonceSet::default();
        }
        let is_unowned =
            |user| state.is_deleted_user(user) && state.user.is_none_or(|present| present.id != user);
        let shown =
            state.all().filter(|(_, attempt)| attempt.call == Call::Shown && is_unowned(attempt.user));
        shown.map(|(nonce, _)| nonce).collect()
    }

    /// Returns true if status names a resource that is missing or not recorded, or if there is a duplicate.
    fn is_drifted(&self, state: &State) -> bool {
        let (Some(object), Some(user)) = (state.object, state.user) else { return false };
        let Some(arn) = object.status.filter(|_| object.is_settled() && !object.deleting) else {
            return false;
        };
        let others =
            self.owned(state, user.id).without(arn).first().is_some() && !self.has(Defect::FirstMatchWins);
        !state.attempt(arn).call.is_live() || state.recorded != Some(arn) || others
    }

    /// `delete_late_create`: deletes the next resource of a deleted user.
    pub fn delete_late_create(state: &mut State, to_delete: NonceSet) -> ControllerState {
        match to_delete.first() {
            Some(nonce) => {
                delete(state, nonce, state.attempt(nonce).user);
                ControllerState::DeletingLateCreates(to_delete.without(nonce))
            }
            None => ControllerState::Idle,
        }
    }

    /// `recorded`, as `delete_all` reads it.
    pub fn delete_all(state: &State, owner: Owner) -> ControllerState {
        ControllerState::ListingToDelete { owner, recorded: recorded(state, owner) }
    }
}
