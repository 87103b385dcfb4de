//! The protocol as a model: what can happen when, and what comes of it.

use stateright::{Model, Property};

use super::{
    actions::{Action, ControllerId, Step, UserAction},
    apply,
    controller_state::ControllerState,
    defects::Defect,
    properties,
    state::{Attempt, Call, Faults, Nonce, State},
};

/// The protocol, in one story.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// What people do after they made the account.
    pub scenario: &'static [UserAction],
    /// How many faults come at the most.
    pub faults: Faults,
    /// A retained user has the username: the claim is refused.
    pub refused: bool,
    /// What is done wrongly.
    pub defect: Option<Defect>,
}

impl Protocol {
    /// Whether it is wrong in this way.
    pub fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// Whether calls may land after their deadline.
    pub fn is_late(&self) -> bool {
        self.faults.late > 0
    }

    /// Whether nothing more can happen.
    pub fn is_over(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.is_empty()
    }

    fn next_action(&self, state: &State) -> Option<UserAction> {
        let action = *self.scenario.get(usize::from(state.actions_done))?;
        let may = match action {
            UserAction::Delete => state.object.is_some(),
            UserAction::Recreate => state.object.is_none(),
        };
        may.then_some(action)
    }

    fn calls(&self, state: &State, nonce: Nonce, actions: &mut Vec<Action>) {
        let attempt = state.attempt(nonce);
        match attempt.call {
            Call::Flying => {
                actions.push(Action::Lands(nonce));
                if state.faults.lost_calls > 0 {
                    actions.push(Action::IsLost(nonce));
                }
            }
            Call::Landed => actions.push(Action::IsShown(nonce)),
            _ => {}
        }
        if !attempt.settled && self.may_settle(state, nonce) {
            actions.push(Action::TimePasses(nonce));
        }
    }

    /// The assumptions: a call lands before its deadline, and within the grace what it made is shown. A late one does not
    /// keep to the first.
    fn may_settle(&self, state: &State, nonce: Nonce) -> bool {
        match state.attempt(nonce).call {
            Call::Flying => state.faults.late > 0,
            Call::Unsent => !state.is_about_to_send(nonce) || state.faults.late > 0,
            Call::Landed => self.has(Defect::NoGrace),
            _ => true,
        }
    }

    fn controls(&self, state: &State, controller: ControllerId, actions: &mut Vec<Action>) {
        let at = state.controllers[controller];
        if at != ControllerState::Idle && state.faults.crashes > 0 {
            actions.push(Action::Crash(controller));
        }
        match at {
            ControllerState::Awaits { nonce, .. } => match state.attempt(nonce).call {
                Call::Landed | Call::Shown | Call::Deleted => {
                    actions.push(Action::Answers(controller));
                    if state.faults.lost_answers > 0 {
                        actions.push(Action::LosesAnswer(controller));
                    }
                }
                Call::Lost => actions.push(Action::TimesOut(controller)),
                // The call has a time-out below the deadline.
                Call::Flying if state.attempt(nonce).settled => actions.push(Action::TimesOut(controller)),
                Call::Flying | Call::Unsent => {}
            },
            ControllerState::Idle => {
                if state.object.is_some_and(|object| !object.is_quiet()) && !state.is_refused() {
                    actions.push(Action::Does(controller, Step::Current));
                }
                if self.sweep(state).is_some() {
                    actions.push(Action::Sweep(controller));
                }
            }
            at => actions.extend(self.next_step(state, at).map(|step| Action::Does(controller, step))),
        }
    }

    /// The next step; None while all it could do is wait. Then it would come back and find the same.
    fn next_step(&self, state: &State, at: ControllerState) -> Option<Step> {
        let waits_for = |nonce: Option<Nonce>| nonce.is_some_and(|nonce| !state.attempt(nonce).settled);
        // It was recorded a moment ago: that one that is there is shown takes no longer than the grace.
        let not_shown = |nonce: Nonce| match state.attempt(nonce) {
            Attempt { call: Call::Shown, .. } => false,
            Attempt { call: Call::Landed, .. } if !self.has(Defect::NoGrace) => true,
            attempt => !attempt.settled,
        };
        match at {
            ControllerState::Converges { owner, .. } if waits_for(state.open_attempt(owner.user)) => None,
            ControllerState::Inspects { recorded: Some(arn), .. } if not_shown(arn) => None,
            ControllerState::Retires(owner)
                if waits_for(state.open_attempt(owner.user)) && !self.has(Defect::FinalizerTooEarly) =>
            {
                None
            }
            ControllerState::Finds { recorded: Some(arn), .. } if not_shown(arn) => None,
            at => Some(at.step()),
        }
    }

    fn step(&self, state: &mut State, at: ControllerState) -> ControllerState {
        match at {
            ControllerState::Idle => self.current(state, false),
            ControllerState::Dirty => self.current(state, true),
            ControllerState::AddsFinalizer(uid) => Self::add_finalizer(state, uid),
            ControllerState::Claims { uid, purpose } => self.claim(state, uid, purpose),
            ControllerState::Inherits { owner, from, purpose, seen } => {
                Self::inherit(state, owner, from, purpose, seen)
            }
            ControllerState::Converges { owner, dirty } => self.converge(state, owner, dirty),
            ControllerState::Looks { owner, recorded, attempt, but } => {
                self.look(state, owner, recorded, attempt, but)
            }
            ControllerState::Adopts { keep, .. } if !state.is_shown(keep) => ControllerState::Idle,
            ControllerState::Adopts { owner, recorded, attempt, keep, duplicates } => {
                ControllerState::Records { owner, recorded, attempt, keep, duplicates }
            }
            ControllerState::Records { owner, recorded, attempt, keep, duplicates } => {
                self.record(state, owner, recorded, attempt, keep, duplicates)
            }
            ControllerState::DeletesDuplicates { owner, attempt, keep, duplicates } => {
                Self::delete_duplicates(state, owner, attempt, keep, duplicates)
            }
            ControllerState::GivesUp { owner, recorded, attempt, keep } => {
                Self::give_up(state, owner, recorded, attempt, keep)
            }
            ControllerState::Inspects { owner, recorded, arn, dirty } => {
                Self::inspect(state, owner, recorded, arn, dirty)
            }
            ControllerState::RemovesOthers { owner, arn } => self.remove_others(state, owner, arn),
            ControllerState::Opens { owner, known } => self.open(state, owner, known),
            ControllerState::Creates { owner, nonce } => Self::create(state, owner, nonce),
            ControllerState::Awaits { owner, nonce } => ControllerState::RecordsMade { owner, nonce },
            ControllerState::RecordsMade { owner, nonce } => self.record_made(state, owner, nonce),
            ControllerState::DeletesMade(nonce) => {
                apply::delete(state, nonce, state.attempt(nonce).user);
                ControllerState::Idle
            }
            ControllerState::WritesStatus { uid, arn } => self.write_status(state, uid, arn),
            ControllerState::Leaves(owner) => Self::leave(state, owner),
            ControllerState::Retires(owner) => Self::retire(state, owner),
            ControllerState::Finds { owner, recorded } => self.find(state, owner, recorded),
            ControllerState::Deletes { owner, doomed } => Self::delete_doomed(state, owner, doomed),
            ControllerState::Releases(owner) => Self::release(state, owner),
            ControllerState::RemovesFinalizer(uid) => Self::remove_finalizer(state, uid),
            ControllerState::Sweeps(doomed) => Self::delete_swept(state, doomed),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let start = if self.refused { State::with_retained_user } else { State::new };
        vec![start(self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(self.next_action(state).map(Action::User));
        for (nonce, _) in state.all() {
            self.calls(state, nonce, actions);
        }
        for controller in 0..state.controllers.len() {
            self.controls(state, controller, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::User(action) => state.act(action),
            Action::Lands(nonce) => state.attempt_mut(nonce).call = Call::Landed,
            Action::IsShown(nonce) => state.attempt_mut(nonce).call = Call::Shown,
            Action::IsLost(nonce) => {
                state.faults.lost_calls -= 1;
                state.attempt_mut(nonce).call = Call::Lost;
            }
            Action::TimePasses(nonce) => state.time_passes(nonce),
            Action::Crash(controller) => {
                state.faults.crashes -= 1;
                state.controllers[controller] = ControllerState::Idle;
            }
            Action::LosesAnswer(controller) => state.lose_answer(controller, self.has(Defect::SdkRetries)),
            Action::TimesOut(controller) => state.controllers[controller] = ControllerState::Idle,
            Action::Sweep(controller) => state.controllers[controller] = self.sweep(before)?,
            Action::Answers(controller) | Action::Does(controller, _) => {
                state.controllers[controller] = self.step(&mut state, before.controllers[controller]);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
