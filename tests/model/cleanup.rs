//! The controllers' steps while they take away what a deleted account has, and the sweep.

use super::{
    apply::{delete, recorded},
    controller_state::{ControllerState, Owner, Set},
    defects::Defect,
    protocol::Protocol,
    state::{Call, Nonce, State, Uid},
};

impl Protocol {
    /// `leave`: from here on no attempt is opened; refused where the row is not this object's any more.
    pub fn leave(state: &mut State, owner: Owner) -> ControllerState {
        match &mut state.user {
            Some(user) if user.id == owner.user && user.uid == owner.uid => {
                user.leaving = true;
                ControllerState::Retires(owner)
            }
            _ => ControllerState::Idle,
        }
    }

    /// `retire`, once no attempt can land any more: finds by tag, and by what is recorded.
    pub fn find(&self, state: &State, owner: Owner, recorded: Option<Nonce>) -> ControllerState {
        let found = self.found(state, owner.user);
        let doomed: Set = state
            .all()
            .map(|(nonce, _)| nonce)
            .filter(|n| found.contains(*n) || recorded == Some(*n))
            .collect();
        ControllerState::Deletes { owner, doomed }
    }

    /// `delete`, one at a time, each confirmed gone.
    pub fn delete_doomed(state: &mut State, owner: Owner, doomed: Set) -> ControllerState {
        match doomed.first() {
            Some(nonce) => {
                delete(state, nonce, owner.user);
                ControllerState::Deletes { owner, doomed: doomed.without(nonce) }
            }
            None => ControllerState::Releases(owner),
        }
    }

    /// `release`: the row goes with all that hangs on it, and both are remembered as released; refused where the row is not this
    /// object's any more.
    pub fn release(state: &mut State, owner: Owner) -> ControllerState {
        if !state.user.is_some_and(|user| user.id == owner.user && user.uid == owner.uid) {
            return ControllerState::Idle;
        }
        state.user = None;
        state.recorded = None;
        for attempt in &mut state.attempts {
            attempt.open &= attempt.user != owner.user;
        }
        state.released.push((owner.user, owner.uid));
        state.released.sort_unstable();
        ControllerState::RemovesFinalizer(owner.uid)
    }

    /// `remove_finalizer`: from this very object, which then is gone.
    pub fn remove_finalizer(state: &mut State, uid: Uid) -> ControllerState {
        if state.object.is_some_and(|object| object.uid == uid && object.deleting) {
            state.object = None;
        }
        ControllerState::Idle
    }

    /// `sweep`: what a list shows of released users' is deleted; an account whose records do not agree is doubted.
    pub fn sweep(&self, state: &State) -> Option<ControllerState> {
        let doomed = self.late_landers(state);
        if doomed.first().is_some() {
            return Some(ControllerState::Sweeps(doomed));
        }
        self.is_drifted(state).then_some(ControllerState::Dirty)
    }

    fn late_landers(&self, state: &State) -> Set {
        if self.has(Defect::SparesReleasedUsers) {
            return Set::default();
        }
        let is_nobodys =
            |user| state.is_released(user) && state.user.is_none_or(|present| present.id != user);
        let shown =
            state.all().filter(|(_, attempt)| attempt.call == Call::Shown && is_nobodys(attempt.user));
        shown.map(|(nonce, _)| nonce).collect()
    }

    /// Whether status names one that is not there or not the one recorded, or there is one more.
    fn is_drifted(&self, state: &State) -> bool {
        let (Some(object), Some(user)) = (state.object, state.user) else { return false };
        let Some(arn) = object.status.filter(|_| object.is_quiet() && !object.deleting) else { return false };
        let others =
            self.found(state, user.id).without(arn).first().is_some() && !self.has(Defect::FirstMatchWins);
        !state.attempt(arn).call.is_live() || state.recorded != Some(arn) || others
    }

    /// `delete` of what is a released user's, one at a time.
    pub fn delete_swept(state: &mut State, doomed: Set) -> ControllerState {
        match doomed.first() {
            Some(nonce) => {
                delete(state, nonce, state.attempt(nonce).user);
                ControllerState::Sweeps(doomed.without(nonce))
            }
            None => ControllerState::Idle,
        }
    }

    /// `recorded`, as `retire` reads it.
    pub fn retire(state: &State, owner: Owner) -> ControllerState {
        ControllerState::Finds { owner, recorded: recorded(state, owner) }
    }
}
