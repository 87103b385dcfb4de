//! The controllers' steps while they apply an account. Each step is one effect or one read.

use super::{
    controller_state::{ControllerState, NonceSet, Owner, Purpose},
    defects::Defect,
    protocol::Protocol,
    state::{Attempt, Call, Nonce, Object, RETAINED, State, Uid, User, UserId},
};

impl Protocol {
    /// `current`: reads the live object before acting.
    pub fn current(&self, state: &State, dirty: bool) -> ControllerState {
        match state.object {
            Some(object) if object.is_settled() && !dirty => ControllerState::Idle,
            Some(Object { uid, deleting: true, finalizer: true, .. }) => {
                ControllerState::Claiming { uid, purpose: Purpose::Cleanup }
            }
            Some(Object { deleting: true, .. }) | None => ControllerState::Idle,
            Some(Object { uid, finalizer, .. }) if finalizer || self.has(Defect::FinalizerAfterCreate) => {
                ControllerState::Claiming { uid, purpose: Purpose::Apply { dirty } }
            }
            Some(Object { uid, .. }) => ControllerState::AddingFinalizer(uid),
        }
    }

    /// `add_finalizer`: succeeds only for the version that was read, which has no finalizer and is not being
    /// deleted.
    pub fn add_finalizer(state: &mut State, uid: Uid) -> ControllerState {
        match &mut state.object {
            Some(object) if object.uid == uid && !object.deleting && !object.finalizer => {
                object.finalizer = true;
                ControllerState::Claiming { uid, purpose: Purpose::Apply { dirty: false } }
            }
            _ => ControllerState::Idle,
        }
    }

    /// `claim`: gives the object the row of the username, or a new one. Refused if the object has a tombstone
    /// or a retained user has the username; then no user is returned.
    pub fn claim(&self, state: &mut State, uid: Uid, purpose: Purpose) -> ControllerState {
        if state.has_tombstone(uid) && !self.has(Defect::ClaimsDespiteTombstone) {
            return match purpose {
                Purpose::Apply { .. } => ControllerState::Idle,
                Purpose::Cleanup => ControllerState::RemovingFinalizer(uid),
            };
        }
        let known = self.user_in_tags(state);
        if state.user.is_none()
            && known.is_none()
            && purpose == Purpose::Cleanup
            && self.has(Defect::NoTombstone)
        {
            return ControllerState::RemovingFinalizer(uid);
        }
        let user = *state.user.get_or_insert_with(|| {
            let id = known.unwrap_or(state.users);
            state.users = state.users.max(id + 1);
            User { id, uid, deleting: false }
        });
        let owner = Owner { uid, user: user.id };
        if user.uid == RETAINED {
            return match purpose {
                Purpose::Apply { .. } => ControllerState::Idle,
                Purpose::Cleanup if self.has(Defect::DeletesForRefusedClaim) => {
                    ControllerState::DeletingAll(owner)
                }
                Purpose::Cleanup => ControllerState::RemovingFinalizer(uid),
            };
        }
        if user.uid == uid {
            return after_claim(owner, purpose);
        }
        ControllerState::Transferring { owner, from: user.uid, purpose, seen: false }
    }

    /// `user_in_tags`: the user that tags in AWS name, unless that user was deleted.
    fn user_in_tags(&self, state: &State) -> Option<UserId> {
        let tagged = state.all().find(|(_, attempt)| attempt.call == Call::Shown)?.1.user;
        (!state.is_deleted_user(tagged) || self.has(Defect::ReusesDeletedUser)).then_some(tagged)
    }

    /// `transfer`: transfers the row of an earlier object, if the current object still existed after the row
    /// was read.
    pub fn transfer(
        state: &mut State,
        owner: Owner,
        from: Uid,
        purpose: Purpose,
        seen: bool,
    ) -> ControllerState {
        if !seen {
            let exists = state.exists(owner.uid);
            return if exists {
                ControllerState::Transferring { owner, from, purpose, seen: true }
            } else {
                ControllerState::Idle
            };
        }
        let has_tombstone = state.has_tombstone(owner.uid);
        match &mut state.user {
            Some(user) if user.id == owner.user && user.uid == from && !has_tombstone => {
                *user = User { uid: owner.uid, deleting: false, ..*user };
                after_claim(owner, purpose)
            }
            _ => ControllerState::Idle,
        }
    }

    /// `recorded`, and the decision that follows from the record; without a record, from the tags in AWS.
    pub fn converge(&self, state: &State, owner: Owner, dirty: bool) -> ControllerState {
        let recorded = recorded(state, owner);
        if let Some(attempt) = state.open_attempt(owner.user) {
            return ControllerState::ListingOwned { owner, recorded, attempt: Some(attempt), except: None };
        }
        match recorded.or_else(|| self.owned(state, owner.user).first()) {
            Some(arn) => ControllerState::Getting { owner, recorded, arn, dirty },
            None => ControllerState::Opening { owner, known: None },
        }
    }

    /// The resources that lists show with the user's tags.
    pub fn owned(&self, state: &State, user: UserId) -> NonceSet {
        let is_ours = |of| of == user || self.has(Defect::IgnoresTags);
        let shown = state.all().filter(|(_, attempt)| attempt.call == Call::Shown && is_ours(attempt.user));
        shown.map(|(nonce, _)| nonce).collect()
    }

    /// `list_owned`: lists the user's resources, except one that is known to be missing. The recorded one is
    /// kept, else that of the oldest attempt.
    pub fn list_owned(
        &self,
        state: &State,
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Option<Nonce>,
        except: Option<Nonce>,
    ) -> ControllerState {
        let mut ours = self.owned(state, owner.user);
        if let Some(except) = except {
            ours = ours.without(except);
        }
        let first = recorded.filter(|recorded| ours.contains(*recorded)).or_else(|| ours.first());
        match (first, attempt) {
            (Some(keep), _) => {
                let duplicates =
                    if self.has(Defect::FirstMatchWins) { NonceSet::default() } else { ours.without(keep) };
                ControllerState::Adopting { owner, recorded, attempt, keep, duplicates }
            }
            (None, Some(attempt)) => ControllerState::EndingAttempt { owner, recorded, attempt, keep: None },
            (None, None) => ControllerState::Opening { owner, known: recorded },
        }
    }

    /// `record`: succeeds if the record and the open attempt are still those that were read. It ends the
    /// attempt, so that the attempt's own caller, if it comes later, does not record another resource.
    pub fn record(
        &self,
        state: &mut State,
        owner: Owner,
        known: Option<Nonce>,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: NonceSet,
    ) -> ControllerState {
        let ends = !self.has(Defect::AdoptsDespiteOpenAttempt);
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
        ControllerState::DeletingDuplicates { owner, attempt: attempt.filter(|_| !ends), keep, duplicates }
    }

    /// `delete_duplicate`: deletes the next duplicate.
    pub fn delete_duplicate(
        state: &mut State,
        owner: Owner,
        attempt: Option<Nonce>,
        keep: Nonce,
        duplicates: NonceSet,
    ) -> ControllerState {
        match (duplicates.first(), attempt) {
            (Some(nonce), _) => {
                delete(state, nonce, owner.user);
                ControllerState::DeletingDuplicates {
                    owner,
                    attempt,
                    keep,
                    duplicates: duplicates.without(nonce),
                }
            }
            (None, Some(attempt)) => {
                ControllerState::EndingAttempt { owner, recorded: None, attempt, keep: Some(keep) }
            }
            (None, None) => ControllerState::WritingStatus { uid: owner.uid, arn: keep },
        }
    }

    /// `end`: ends an attempt whose result was searched for after its deadline and grace period.
    pub fn end_attempt(
        state: &mut State,
        owner: Owner,
        recorded: Option<Nonce>,
        attempt: Nonce,
        keep: Option<Nonce>,
    ) -> ControllerState {
        state.attempt_mut(attempt).open = false;
        match keep {
            Some(arn) => ControllerState::WritingStatus { uid: owner.uid, arn },
            None => ControllerState::Opening { owner, known: recorded },
        }
    }

    /// `get`: reads the known resource.
    pub fn get(
        state: &State,
        owner: Owner,
        recorded: Option<Nonce>,
        arn: Nonce,
        dirty: bool,
    ) -> ControllerState {
        if !state.is_shown(arn) {
            return ControllerState::ListingOwned { owner, recorded, attempt: None, except: Some(arn) };
        }
        match recorded {
            None => ControllerState::Recording {
                owner,
                recorded,
                attempt: None,
                keep: arn,
                duplicates: NonceSet::default(),
            },
            Some(_) if dirty => ControllerState::ListingDuplicates { owner, arn },
            Some(_) => ControllerState::WritingStatus { uid: owner.uid, arn },
        }
    }

    /// `list_owned` of a dirty account: finds duplicates of the recorded resource.
    pub fn list_duplicates(&self, state: &State, owner: Owner, arn: Nonce) -> ControllerState {
        let others = self.owned(state, owner.user).without(arn);
        let duplicates = if self.has(Defect::FirstMatchWins) { NonceSet::default() } else { others };
        ControllerState::DeletingDuplicates { owner, attempt: None, keep: arn, duplicates }
    }

    /// `open`: refused if the user is being deleted or is gone, another attempt is open, or the record has
    /// changed.
    pub fn open(&self, state: &mut State, owner: Owner, known: Option<Nonce>) -> ControllerState {
        let is_present = state.user.is_some_and(|user| user.id == owner.user && !user.deleting);
        let journaled = !self.has(Defect::JournalAfterCreate);
        let is_refused = state.open_attempt(owner.user).is_some() || recorded(state, owner) != known;
        if (!is_present && !self.has(Defect::OpensWhileDeleting)) || (is_refused && journaled) {
            return ControllerState::Idle;
        }
        let nonce = Nonce::try_from(state.attempts.len()).expect("few attempts");
        state.attempts.push(Attempt {
            user: owner.user,
            open: journaled,
            expired: false,
            call: Call::Unsent,
        });
        ControllerState::Creating { owner, nonce }
    }

    /// `create`: sends the call.
    pub fn create(state: &mut State, owner: Owner, nonce: Nonce) -> ControllerState {
        let is_held = state.object.is_some_and(|object| object.uid == owner.uid && object.finalizer);
        state.created_without_finalizer |= !is_held;
        state.attempt_mut(nonce).call = Call::InFlight;
        ControllerState::AwaitingResponse { owner, nonce }
    }

    /// `record_made`: succeeds if the attempt is still open.
    pub fn record_made(&self, state: &mut State, owner: Owner, nonce: Nonce) -> ControllerState {
        let is_present = state.user.is_some_and(|user| user.id == owner.user);
        if state.attempt(nonce).open || (self.has(Defect::JournalAfterCreate) && is_present) {
            state.attempt_mut(nonce).open = false;
            state.recorded = Some(nonce);
            return ControllerState::WritingStatus { uid: owner.uid, arn: nonce };
        }
        match recorded(state, owner) {
            _ if self.has(Defect::DeletesAdopted) => ControllerState::DeletingMade(nonce),
            Some(other) if other != nonce => ControllerState::DeletingMade(nonce),
            // The resource was adopted or will be; otherwise the resync finds it.
            _ => ControllerState::Idle,
        }
    }

    /// `write_status`: writes only to the object that was read.
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

/// Returns the state after a successful claim, which depends on the purpose of the claim.
fn after_claim(owner: Owner, purpose: Purpose) -> ControllerState {
    match purpose {
        Purpose::Apply { dirty } => ControllerState::Converging { owner, dirty },
        Purpose::Cleanup => ControllerState::MarkingDeleting(owner),
    }
}

/// Returns the recorded resource of this user.
pub fn recorded(state: &State, owner: Owner) -> Option<Nonce> {
    state.user.filter(|user| user.id == owner.user).and(state.recorded)
}

/// Deletes a resource on behalf of this user. One that is missing or not shown counts as deleted.
pub fn delete(state: &mut State, nonce: Nonce, user: UserId) {
    if state.is_shown(nonce) {
        state.attempt_mut(nonce).call = Call::Deleted;
        let stays = state.user.is_some_and(|user| !user.deleting);
        let is_foreign = state.attempt(nonce).user != user;
        state.deleted_wrongly |=
            state.retained == Some(nonce) || is_foreign || (stays && state.recorded == Some(nonce));
    }
}
