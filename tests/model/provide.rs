//! The controllers' steps while they provide for an account: one effect each, named as in the code.

use super::{
    at::{At, Errand, Owner, Set},
    defects::Defect,
    protocol::Protocol,
    state::{Attempt, Call, Nonce, Object, RETAINED, State, Uid, User, UserId},
};

impl Protocol {
    /// `reconcile`: reads the object as it is now.
    pub fn current(&self, state: &State, doubted: bool) -> At {
        match state.object {
            Some(object) if object.is_quiet() && !doubted => At::Idle,
            Some(Object { uid, deleting: true, finalizer: true, .. }) => {
                At::Claims { uid, errand: Errand::Release }
            }
            Some(Object { deleting: true, .. }) | None => At::Idle,
            Some(Object { uid, finalizer, .. }) if finalizer || self.has(Defect::FinalizerAfterCreate) => {
                At::Claims { uid, errand: Errand::Provide { doubted } }
            }
            Some(Object { uid, .. }) => At::AddsFinalizer(uid),
        }
    }

    /// `add_finalizer`: into the very version that was read, which is one without it that is not being deleted.
    pub fn add_finalizer(state: &mut State, uid: Uid) -> At {
        match &mut state.object {
            Some(object) if object.uid == uid && !object.deleting && !object.finalizer => {
                object.finalizer = true;
                At::Claims { uid, errand: Errand::Provide { doubted: false } }
            }
            _ => At::Idle,
        }
    }

    /// `claim`: the row is this object's, or becomes so, unless what the object had was released or a retained user has the
    /// username. A refused claim yields no user.
    pub fn claim(&self, state: &mut State, uid: Uid, errand: Errand) -> At {
        if state.is_object_released(uid) && !self.has(Defect::ClaimsForReleasedObject) {
            return match errand {
                Errand::Provide { .. } => At::Idle,
                Errand::Release => At::RemovesFinalizer(uid),
            };
        }
        let known = self.known_user(state);
        if state.user.is_none()
            && known.is_none()
            && errand == Errand::Release
            && self.has(Defect::LeavesNoTrace)
        {
            return At::RemovesFinalizer(uid);
        }
        let user = *state.user.get_or_insert_with(|| {
            let id = known.unwrap_or(state.users);
            state.users = state.users.max(id + 1);
            User { id, uid, leaving: false }
        });
        let owner = Owner { uid, user: user.id };
        if user.uid == RETAINED {
            return match errand {
                Errand::Provide { .. } => At::Idle,
                Errand::Release if self.has(Defect::ReleasesRefusedClaim) => At::Retires(owner),
                Errand::Release => At::RemovesFinalizer(uid),
            };
        }
        if user.uid == uid {
            return held(owner, errand);
        }
        At::Inherits { owner, from: user.uid, errand, seen: false }
    }

    /// The user that tags in AWS speak of, unless it was released.
    fn known_user(&self, state: &State) -> Option<UserId> {
        let tagged = state.all().find(|(_, attempt)| attempt.call == Call::Shown)?.1.user;
        (!state.is_released(tagged) || self.has(Defect::ReusesReleasedUser)).then_some(tagged)
    }

    /// `inherit`: hands the row of an earlier object on, if ours was there after the row was read.
    pub fn inherit(state: &mut State, owner: Owner, from: Uid, errand: Errand, seen: bool) -> At {
        if !seen {
            let is_there = state.is_there(owner.uid);
            return if is_there { At::Inherits { owner, from, errand, seen: true } } else { At::Idle };
        }
        let is_barred = state.is_object_released(owner.uid);
        match &mut state.user {
            Some(user) if user.id == owner.user && user.uid == from && !is_barred => {
                *user = User { uid: owner.uid, leaving: false, ..*user };
                held(owner, errand)
            }
            _ => At::Idle,
        }
    }

    /// `recorded`, and `next` of what it says; where nothing is recorded, of what tags in AWS say.
    pub fn converge(&self, state: &State, owner: Owner, doubted: bool) -> At {
        let recorded = recorded(state, owner);
        if let Some(attempt) = state.open_attempt(owner.user) {
            return At::Looks { owner, recorded, attempt: Some(attempt), but: None };
        }
        match recorded.or_else(|| self.found(state, owner.user).first()) {
            Some(arn) => At::Inspects { owner, recorded, arn, doubted },
            None => At::Opens { owner, known: None },
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
    ) -> At {
        let mut ours = self.found(state, owner.user);
        if let Some(but) = but {
            ours = ours.without(but);
        }
        let first = recorded.filter(|recorded| ours.contains(*recorded)).or_else(|| ours.first());
        match (first, attempt) {
            (Some(keep), _) => {
                let surplus =
                    if self.has(Defect::FirstMatchWins) { Set::default() } else { ours.without(keep) };
                At::Adopts { owner, recorded, attempt, keep, surplus }
            }
            (None, Some(attempt)) => At::GivesUp { owner, recorded, attempt, keep: None },
            (None, None) => At::Opens { owner, known: recorded },
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
        surplus: Set,
    ) -> At {
        let ends = !self.has(Defect::AdoptsBesideAnAttempt);
        if state.user.is_none_or(|user| user.id != owner.user)
            || state.recorded != known
            || (ends && state.open_attempt(owner.user) != attempt)
        {
            return At::Idle;
        }
        state.recorded = Some(keep);
        if let Some(attempt) = attempt.filter(|_| ends) {
            state.attempt_mut(attempt).open = false;
        }
        At::DeletesSurplus { owner, attempt: attempt.filter(|_| !ends), keep, surplus }
    }

    /// `delete_surplus`, one at a time.
    pub fn delete_surplus(
        state: &mut State,
        owner: Owner,
        attempt: Option<Nonce>,
        keep: Nonce,
        surplus: Set,
    ) -> At {
        match (surplus.first(), attempt) {
            (Some(nonce), _) => {
                delete(state, nonce, owner.user);
                At::DeletesSurplus { owner, attempt, keep, surplus: surplus.without(nonce) }
            }
            (None, Some(attempt)) => At::GivesUp { owner, recorded: None, attempt, keep: Some(keep) },
            (None, None) => At::WritesStatus { uid: owner.uid, arn: keep },
        }
    }

    /// `end`: the attempt was looked for after its time.
    pub fn give_up(
        state: &mut State,
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Nonce,
        keep: Option<Nonce>,
    ) -> At {
        state.attempt_mut(attempt).open = false;
        match keep {
            Some(arn) => At::WritesStatus { uid: owner.uid, arn },
            None => At::Opens { owner, known: recorded },
        }
    }

    /// `inspect`: reads the one that is known.
    pub fn inspect(state: &State, owner: Owner, recorded: Option<Nonce>, arn: Nonce, doubted: bool) -> At {
        if !state.is_shown(arn) {
            return At::Looks { owner, recorded, attempt: None, but: Some(arn) };
        }
        match recorded {
            None => At::Records { owner, recorded, attempt: None, keep: arn, surplus: Set::default() },
            Some(_) if doubted => At::RemovesOthers { owner, arn },
            Some(_) => At::WritesStatus { uid: owner.uid, arn },
        }
    }

    /// `remove_others`: finds what is ours beside the one that is recorded.
    pub fn remove_others(&self, state: &State, owner: Owner, arn: Nonce) -> At {
        let others = self.found(state, owner.user).without(arn);
        let surplus = if self.has(Defect::FirstMatchWins) { Set::default() } else { others };
        At::DeletesSurplus { owner, attempt: None, keep: arn, surplus }
    }

    /// `open`: unless the user is leaving or gone, another attempt is open, or somebody else was faster.
    pub fn open(&self, state: &mut State, owner: Owner, known: Option<Nonce>) -> At {
        let is_present = state.user.is_some_and(|user| user.id == owner.user && !user.leaving);
        let journalled = !self.has(Defect::JournalAfterCreate);
        let refused = state.open_attempt(owner.user).is_some() || recorded(state, owner) != known;
        if (!is_present && !self.has(Defect::OpensWhileLeaving)) || (refused && journalled) {
            return At::Idle;
        }
        let nonce = Nonce::try_from(state.attempts.len()).expect("few attempts");
        state.attempts.push(Attempt {
            user: owner.user,
            open: journalled,
            settled: false,
            call: Call::Unsent,
        });
        At::Creates { owner, nonce }
    }

    /// `create`: sends the call.
    pub fn create(state: &mut State, owner: Owner, nonce: Nonce) -> At {
        let is_held = state.object.is_some_and(|object| object.uid == owner.uid && object.finalizer);
        state.exposed |= !is_held;
        state.attempt_mut(nonce).call = Call::Flying;
        At::Awaits { owner, nonce }
    }

    /// `record_made`: if the attempt is still open.
    pub fn record_made(&self, state: &mut State, owner: Owner, nonce: Nonce) -> At {
        let is_present = state.user.is_some_and(|user| user.id == owner.user);
        if state.attempt(nonce).open || (self.has(Defect::JournalAfterCreate) && is_present) {
            state.attempt_mut(nonce).open = false;
            state.recorded = Some(nonce);
            return At::WritesStatus { uid: owner.uid, arn: nonce };
        }
        match recorded(state, owner) {
            _ if self.has(Defect::DeletesWhatWasAdopted) => At::DeletesMade(nonce),
            Some(other) if other != nonce => At::DeletesMade(nonce),
            // It was adopted meanwhile, or is about to be; else the sweep finds it.
            _ => At::Idle,
        }
    }

    /// `write_status`: of this very object.
    pub fn write_status(&self, state: &mut State, uid: Uid, arn: Nonce) -> At {
        if let Some(object) = &mut state.object
            && object.uid == uid
            && !object.deleting
        {
            object.status = Some(arn);
            object.finalizer |= self.has(Defect::FinalizerAfterCreate);
        }
        At::Idle
    }
}

/// The row is this object's: on with what it was claimed for.
fn held(owner: Owner, errand: Errand) -> At {
    match errand {
        Errand::Provide { doubted } => At::Converges { owner, doubted },
        Errand::Release => At::Leaves(owner),
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
