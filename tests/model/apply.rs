//! The controllers' steps while they provide for an account: one effect each, named as in the code.

use super::{
    controller_state::{ControllerState, Owner, Purpose, Set},
    defects::Defect,
    protocol::Protocol,
    state::{Attempt, Call, Nonce, Object, RETAINED, State, Uid, User, UserId},
};

impl Protocol {
    /// `reconcile`: reads the object as it is now.
    pub fn current(&self, state: &State, dirty: bool) -> ControllerState {
        match state.object {
            Some(object) if object.is_quiet() && !dirty => ControllerState::Idle,
            Some(Object { uid, deleting: true, finalizer: true, .. }) => {
                ControllerState::Claims { uid, purpose: Purpose::Cleanup }
            }
            Some(Object { deleting: true, .. }) | None => ControllerState::Idle,
            Some(Object { uid, finalizer, .. }) if finalizer || self.has(Defect::FinalizerAfterCreate) => {
                ControllerState::Claims { uid, purpose: Purpose::Apply { dirty } }
            }
            Some(Object { uid, .. }) => ControllerState::AddsFinalizer(uid),
        }
    }

    /// `add_finalizer`: into the very version that was read, which is one without it that is not being deleted.
    pub fn add_finalizer(state: &mut State, uid: Uid) -> ControllerState {
        match &mut state.object {
            Some(object) if object.uid == uid && !object.deleting && !object.finalizer => {
                object.finalizer = true;
                ControllerState::Claims { uid, purpose: Purpose::Apply { dirty: false } }
            }
            _ => ControllerState::Idle,
        }
    }

    /// `claim`: the row is this object's, or becomes so, unless what the object had was released or a retained user has the
    /// username. A refused claim yields no user.
    pub fn claim(&self, state: &mut State, uid: Uid, purpose: Purpose) -> ControllerState {
        if state.is_object_released(uid) && !self.has(Defect::ClaimsForReleasedObject) {
            return match purpose {
                Purpose::Apply { .. } => ControllerState::Idle,
                Purpose::Cleanup => ControllerState::RemovesFinalizer(uid),
            };
        }
        let known = self.known_user(state);
        if state.user.is_none()
            && known.is_none()
            && purpose == Purpose::Cleanup
            && self.has(Defect::LeavesNoTrace)
        {
            return ControllerState::RemovesFinalizer(uid);
        }
        let user = *state.user.get_or_insert_with(|| {
            let id = known.unwrap_or(state.users);
            state.users = state.users.max(id + 1);
            User { id, uid, leaving: false }
        });
        let owner = Owner { uid, user: user.id };
        if user.uid == RETAINED {
            return match purpose {
                Purpose::Apply { .. } => ControllerState::Idle,
                Purpose::Cleanup if self.has(Defect::ReleasesRefusedClaim) => ControllerState::Retires(owner),
                Purpose::Cleanup => ControllerState::RemovesFinalizer(uid),
            };
        }
        if user.uid == uid {
            return held(owner, purpose);
        }
        ControllerState::Inherits { owner, from: user.uid, purpose, seen: false }
    }

    /// The user that tags in AWS speak of, unless it was released.
    fn known_user(&self, state: &State) -> Option<UserId> {
        let tagged = state.all().find(|(_, attempt)| attempt.call == Call::Shown)?.1.user;
        (!state.is_released(tagged) || self.has(Defect::ReusesReleasedUser)).then_some(tagged)
    }

    /// `inherit`: hands the row of an earlier object on, if ours was there after the row was read.
    pub fn inherit(
        state: &mut State,
        owner: Owner,
        from: Uid,
        purpose: Purpose,
        seen: bool,
    ) -> ControllerState {
        if !seen {
            let is_there = state.is_there(owner.uid);
            return if is_there {
                ControllerState::Inherits { owner, from, purpose, seen: true }
            } else {
                ControllerState::Idle
            };
        }
        let is_barred = state.is_object_released(owner.uid);
        match &mut state.user {
            Some(user) if user.id == owner.user && user.uid == from && !is_barred => {
                *user = User { uid: owner.uid, leaving: false, ..*user };
                held(owner, purpose)
            }
            _ => ControllerState::Idle,
        }
    }

    /// `recorded`, and `next` of what it says; where nothing is recorded, of what tags in AWS say.
    pub fn converge(&self, state: &State, owner: Owner, dirty: bool) -> ControllerState {
        let recorded = recorded(state, owner);
        if let Some(attempt) = state.open_attempt(owner.user) {
            return ControllerState::Looks { owner, recorded, attempt: Some(attempt), but: None };
        }
        match recorded.or_else(|| self.found(state, owner.user).first()) {
            Some(arn) => ControllerState::Inspects { owner, recorded, arn, dirty },
            None => ControllerState::Opens { owner, known: None },
        }
    }

    /// `find`: what lists show by name and, of that, what the tags say is the user's.
    pub fn found(&self, state: &State, user: UserId) -> Set {
        let is_ours = |of| of == user || self.has(Defect::IgnoresTags);
        let shown = state.all().filter(|(_, attempt)| attempt.call == Call::Shown && is_ours(attempt.user));
        shown.map(|(nonce, _)| nonce).collect()
    }

    /// `look`: finds what is ours, but for one that is known not to do; the oldest attempt's comes first.
    pub fn look(
        &self,
        state: &State,
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        but: Option<Nonce>,
    ) -> ControllerState {
        let mut ours = self.found(state, owner.user);
        if let Some(but) = but {
            ours = ours.without(but);
        }
        let first = recorded.filter(|recorded| ours.contains(*recorded)).or_else(|| ours.first());
        match (first, attempt) {
            (Some(keep), _) => {
                let duplicates =
                    if self.has(Defect::FirstMatchWins) { Set::default() } else { ours.without(keep) };
                ControllerState::Adopts { owner, recorded, attempt, keep, duplicates }
            }
            (None, Some(attempt)) => ControllerState::GivesUp { owner, recorded, attempt, keep: None },
            (None, None) => ControllerState::Opens { owner, known: recorded },
        }
    }

    /// `record`: if what is recorded is still what it was, and the attempt that was looked for still the open one. That
    /// ends with it, so that its own caller, who may yet come, does not record another.
    pub fn record(
        &self,
        state: &mut State,
        owner: Owner,
        known: Option<Nonce>,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: Set,
    ) -> ControllerState {
        let ends = !self.has(Defect::AdoptsBesideAnAttempt);
        if state.user.is_none_or(|user| user.id != owner.user)
            || state.recorded != known
            || (ends && state.open_attempt(owner.user) != attempt)
        {
            return ControllerState::Idle;
        }
        state.recorded = Some(keep);
        if let Some(attempt) = attempt.filter(|_| ends) {
            state.attempt_mut(attempt).open = false;
        }
        ControllerState::DeletesDuplicates { owner, attempt: attempt.filter(|_| !ends), keep, duplicates }
    }

    /// `delete_duplicates`, one at a time.
    pub fn delete_duplicates(
        state: &mut State,
        owner: Owner,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: Set,
    ) -> ControllerState {
        match (duplicates.first(), attempt) {
            (Some(nonce), _) => {
                delete(state, nonce, owner.user);
                ControllerState::DeletesDuplicates {
                    owner,
                    attempt,
                    keep,
                    duplicates: duplicates.without(nonce),
                }
            }
            (None, Some(attempt)) => {
                ControllerState::GivesUp { owner, recorded: None, attempt, keep: Some(keep) }
            }
            (None, None) => ControllerState::WritesStatus { uid: owner.uid, arn: keep },
        }
    }

    /// `end`: the attempt was looked for after its time.
    pub fn give_up(
        state: &mut State,
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Nonce,
        keep: Option<Nonce>,
    ) -> ControllerState {
        state.attempt_mut(attempt).open = false;
        match keep {
            Some(arn) => ControllerState::WritesStatus { uid: owner.uid, arn },
            None => ControllerState::Opens { owner, known: recorded },
        }
    }

    /// `inspect`: reads the one that is known.
    pub fn inspect(
        state: &State,
        owner: Owner,
        recorded: Option<Nonce>,
        arn: Nonce,
        dirty: bool,
    ) -> ControllerState {
        if !state.is_shown(arn) {
            return ControllerState::Looks { owner, recorded, attempt: None, but: Some(arn) };
        }
        match recorded {
            None => ControllerState::Records {
                owner,
                recorded,
                attempt: None,
                keep: arn,
                duplicates: Set::default(),
            },
            Some(_) if dirty => ControllerState::RemovesOthers { owner, arn },
            Some(_) => ControllerState::WritesStatus { uid: owner.uid, arn },
        }
    }

    /// `remove_others`: finds what is ours beside the one that is recorded.
    pub fn remove_others(&self, state: &State, owner: Owner, arn: Nonce) -> ControllerState {
        let others = self.found(state, owner.user).without(arn);
        let duplicates = if self.has(Defect::FirstMatchWins) { Set::default() } else { others };
        ControllerState::DeletesDuplicates { owner, attempt: None, keep: arn, duplicates }
    }

    /// `open`: unless the user is leaving or gone, another attempt is open, or somebody else was faster.
    pub fn open(&self, state: &mut State, owner: Owner, known: Option<Nonce>) -> ControllerState {
        let is_present = state.user.is_some_and(|user| user.id == owner.user && !user.leaving);
        let journalled = !self.has(Defect::JournalAfterCreate);
        let refused = state.open_attempt(owner.user).is_some() || recorded(state, owner) != known;
        if (!is_present && !self.has(Defect::OpensWhileLeaving)) || (refused && journalled) {
            return ControllerState::Idle;
        }
        let nonce = Nonce::try_from(state.attempts.len()).expect("few attempts");
        state.attempts.push(Attempt {
            user: owner.user,
            open: journalled,
            settled: false,
            call: Call::Unsent,
        });
        ControllerState::Creates { owner, nonce }
    }

    /// `create`: sends the call.
    pub fn create(state: &mut State, owner: Owner, nonce: Nonce) -> ControllerState {
        let is_held = state.object.is_some_and(|object| object.uid == owner.uid && object.finalizer);
        state.exposed |= !is_held;
        state.attempt_mut(nonce).call = Call::Flying;
        ControllerState::Awaits { owner, nonce }
    }

    /// `record_made`: if the attempt is still open.
    pub fn record_made(&self, state: &mut State, owner: Owner, nonce: Nonce) -> ControllerState {
        let is_present = state.user.is_some_and(|user| user.id == owner.user);
        if state.attempt(nonce).open || (self.has(Defect::JournalAfterCreate) && is_present) {
            state.attempt_mut(nonce).open = false;
            state.recorded = Some(nonce);
            return ControllerState::WritesStatus { uid: owner.uid, arn: nonce };
        }
        match recorded(state, owner) {
            _ if self.has(Defect::DeletesWhatWasAdopted) => ControllerState::DeletesMade(nonce),
            Some(other) if other != nonce => ControllerState::DeletesMade(nonce),
            // It was adopted meanwhile, or is about to be; else the sweep finds it.
            _ => ControllerState::Idle,
        }
    }

    /// `write_status`: of this very object.
    pub fn write_status(&self, state: &mut State, uid: Uid, arn: Nonce) -> ControllerState {
        if let Some(object) = &mut state.object
            && object.uid == uid
            && !object.deleting
        {
            object.status = Some(arn);
            object.finalizer |= self.has(Defect::FinalizerAfterCreate);
        }
        ControllerState::Idle
    }
}

/// The row is this object's: on with what it was claimed for.
fn held(owner: Owner, purpose: Purpose) -> ControllerState {
    match purpose {
        Purpose::Apply { dirty } => ControllerState::Converges { owner, dirty },
        Purpose::Cleanup => ControllerState::Leaves(owner),
    }
}

/// What is recorded of this user.
pub fn recorded(state: &State, owner: Owner) -> Option<Nonce> {
    state.user.filter(|user| user.id == owner.user).and(state.recorded)
}

/// Deletes a resource as this user's; one that is not there, or not shown, counts as deleted.
pub fn delete(state: &mut State, nonce: Nonce, user: UserId) {
    if state.is_shown(nonce) {
        state.attempt_mut(nonce).call = Call::Deleted;
        let stays = state.user.is_some_and(|user| !user.leaving);
        let is_foreign = state.attempt(nonce).user != user;
        state.wronged |=
            state.retained == Some(nonce) || is_foreign || (stays && state.recorded == Some(nonce));
    }
}
