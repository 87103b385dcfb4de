//! The transitions of the model: which actions are possible in a state, and their results.

use stateright::{Model, Property};

use super::{
    actions::{Action, ControllerId, Step, UserAction},
    apply,
    controller_state::ControllerState,
    defects::Defect,
    properties,
    state::{Attempt, Call, Faults, Nonce, State},
};

/// The protocol in one scenario.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Actions of the user after the account was created.
    pub scenario: &'static [UserAction],
    /// Maximum number of faults.
    pub faults: Faults,
    /// True if a retained user has the username, so that the claim is refused.
    pub claim_refused: bool,
    /// The defect to detect, if any.
    pub defect: Option<Defect>,
}

impl Protocol {
    /// Returns true if the protocol has this defect.
    pub fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// Returns true if calls may take effect after their deadline.
    pub fn has_late_calls(&self) -> bool {
        self.faults.late_calls > 0
    }

    /// Returns true if no action is possible anymore.
    pub fn is_finished(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.is_empty()
    }

    fn next_user_action(&self, state: &State) -> Option<UserAction> {
        let action = *self.scenario.get(usize::from(state.actions_done))?;
        let may = match action {
            UserAction::Delete => state.object.is_some(),
            UserAction::Recreate => state.object.is_none(),
        };
        may.then_some(action)
    }

    fn call_actions(&self, state: &State, nonce: Nonce, actions: &mut Vec<Action>) {
        let attempt = state.attempt(nonce);
        match attempt.call {
            Call::InFlight => {
                actions.push(Action::CallExecuted(nonce));
                if state.faults.lost_calls > 0 {
                    actions.push(Action::CallLost(nonce));
                }
            }
            Call::Executed => actions.push(Action::ResourceShown(nonce)),
            _ => {}
        }
        if !attempt.expired && self.may_expire(state, nonce) {
            actions.push(Action::AttemptExpires(nonce));
        }
    }

    /// The assumptions: a call takes effect before its deadline, and lists show its resource within the grace
    /// period. A late call violates the first.
    fn may_expire(&self, state: &State, nonce: Nonce) -> bool {
        match state.attempt(nonce).call {
            Call::InFlight => state.faults.late_calls > 0,
            Call::Unsent => !state.is_about_to_send(nonce) || state.faults.late_calls > 0,
            Call::Executed => self.has(Defect::NoGrace),
            _ => true,
        }
    }

    fn controller_actions(&self, state: &State, controller: ControllerId, actions: &mut Vec<Action>) {
        let current = state.controllers[controller];
        if current != ControllerState::Idle && state.faults.crashes > 0 {
            actions.push(Action::Crash(controller));
        }
        match current {
            ControllerState::AwaitingResponse { nonce, .. } => match state.attempt(nonce).call {
                Call::Executed | Call::Shown | Call::Deleted => {
                    actions.push(Action::ResponseReceived(controller));
                    if state.faults.lost_responses > 0 {
                        actions.push(Action::ResponseLost(controller));
                    }
                }
                Call::Lost => actions.push(Action::CallTimesOut(controller)),
                // The call's timeout is shorter than the deadline.
                Call::InFlight if state.attempt(nonce).expired => {
                    actions.push(Action::CallTimesOut(controller));
                }
                Call::InFlight | Call::Unsent => {}
            },
            ControllerState::Idle => {
                if state.object.is_some_and(|object| !object.is_settled()) && !state.is_refused() {
                    actions.push(Action::Step(controller, Step::Current));
                }
                if self.resync(state).is_some() {
                    actions.push(Action::Resync(controller));
                }
            }
            current => {
                actions.extend(self.next_step(state, current).map(|step| Action::Step(controller, step)));
            }
        }
    }

    /// Returns the next step. None while the controller could only wait: it would requeue and find the same.
    fn next_step(&self, state: &State, current: ControllerState) -> Option<Step> {
        let waits_for = |nonce: Option<Nonce>| nonce.is_some_and(|nonce| !state.attempt(nonce).expired);
        // It was recorded a moment ago. Lists show an existing resource within the grace period.
        let not_shown = |nonce: Nonce| match state.attempt(nonce) {
            Attempt { call: Call::Shown, .. } => false,
            Attempt { call: Call::Executed, .. } if !self.has(Defect::NoGrace) => true,
            attempt => !attempt.expired,
        };
        match current {
            ControllerState::Converging { owner, .. } if waits_for(state.open_attempt(owner.user)) => None,
            ControllerState::Getting { recorded: Some(arn), .. } if not_shown(arn) => None,
            ControllerState::DeletingAll(owner)
                if waits_for(state.open_attempt(owner.user)) && !self.has(Defect::FinalizerTooEarly) =>
            {
                None
            }
            ControllerState::ListingToDelete { recorded: Some(arn), .. } if not_shown(arn) => None,
            current => Some(current.step()),
        }
    }

    fn step(&self, state: &mut State, current: ControllerState) -> ControllerState {
        match current {
            ControllerState::Idle => self.current(state, false),
            ControllerState::Dirty => self.current(state, true),
            ControllerState::AddingFinalizer(uid) => Self::add_finalizer(state, uid),
            ControllerState::Claiming { uid, purpose } => self.claim(state, uid, purpose),
            ControllerState::Transferring { owner, from, purpose, seen } => {
                Self::transfer(state, owner, from, purpose, seen)
            }
            ControllerState::Converging { owner, dirty } => self.converge(state, owner, dirty),
            ControllerState::ListingOwned { owner, recorded, attempt, except } => {
                self.list_owned(state, owner, recorded, attempt, except)
            }
            ControllerState::Adopting { keep, .. } if !state.is_shown(keep) => ControllerState::Idle,
            ControllerState::Adopting { owner, recorded, attempt, keep, duplicates } => {
                ControllerState::Recording { owner, recorded, attempt, keep, duplicates }
            }
            ControllerState::Recording { owner, recorded, attempt, keep, duplicates } => {
                self.record(state, owner, recorded, attempt, keep, duplicates)
            }
            ControllerState::DeletingDuplicates { owner, attempt, keep, duplicates } => {
                Self::delete_duplicate(state, owner, attempt, keep, duplicates)
            }
            ControllerState::EndingAttempt { owner, recorded, attempt, keep } => {
                Self::end_attempt(state, owner, recorded, attempt, keep)
            }
            ControllerState::Getting { owner, recorded, arn, dirty } => {
                Self::get(state, owner, recorded, arn, dirty)
            }
            ControllerState::ListingDuplicates { owner, arn } => self.list_duplicates(state, owner, arn),
            ControllerState::Opening { owner, known } => self.open(state, owner, known),
            ControllerState::Creating { owner, nonce } => Self::create(state, owner, nonce),
            ControllerState::AwaitingResponse { owner, nonce } => {
                ControllerState::RecordingMade { owner, nonce }
            }
            ControllerState::RecordingMade { owner, nonce } => self.record_made(state, owner, nonce),
            ControllerState::DeletingMade(nonce) => {
                apply::delete(state, nonce, state.attempt(nonce).user);
                ControllerState::Idle
            }
            ControllerState::WritingStatus { uid, arn } => self.write_status(state, uid, arn),
            ControllerState::MarkingDeleting(owner) => Self::mark_deleting(state, owner),
            ControllerState::DeletingAll(owner) => Self::delete_all(state, owner),
            ControllerState::ListingToDelete { owner, recorded } => {
                self.list_to_delete(state, owner, recorded)
            }
            ControllerState::Deleting { owner, to_delete } => Self::delete_next(state, owner, to_delete),
            ControllerState::DeletingUser(owner) => Self::delete_user(state, owner),
            ControllerState::RemovingFinalizer(uid) => Self::remove_finalizer(state, uid),
            ControllerState::DeletingLateCreates(to_delete) => Self::delete_late_create(state, to_delete),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let start = if self.claim_refused { State::with_retained_user } else { State::new };
        vec![start(self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(self.next_user_action(state).map(Action::User));
        for (nonce, _) in state.all() {
            self.call_actions(state, nonce, actions);
        }
        for controller in 0..state.controllers.len() {
            self.controller_actions(state, controller, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::User(action) => state.act(action),
            Action::CallExecuted(nonce) => state.attempt_mut(nonce).call = Call::Executed,
            Action::ResourceShown(nonce) => state.attempt_mut(nonce).call = Call::Shown,
            Action::CallLost(nonce) => {
                state.faults.lost_calls -= 1;
                state.attempt_mut(nonce).call = Call::Lost;
            }
            Action::AttemptExpires(nonce) => state.expire(nonce),
            Action::Crash(controller) => {
                state.faults.crashes -= 1;
                state.controllers[controller] = ControllerState::Idle;
            }
            Action::ResponseLost(controller) => state.lose_response(controller, self.has(Defect::SdkRetries)),
            Action::CallTimesOut(controller) => state.controllers[controller] = ControllerState::Idle,
            Action::Resync(controller) => state.controllers[controller] = self.resync(before)?,
            Action::ResponseReceived(controller) | Action::Step(controller, _) => {
                state.controllers[controller] = self.step(&mut state, before.controllers[controller]);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
