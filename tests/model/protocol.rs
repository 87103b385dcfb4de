//! The protocol as a model: what can happen when, and what comes of it.

use stateright::{Model, Property};

use super::{
    actions::{Action, Deed, Step, Who},
    at::At,
    defects::Defect,
    properties, provide,
    state::{Attempt, Call, Faults, Nonce, State},
};

/// The protocol, in one story.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// What people do after they made the account.
    pub story: &'static [Deed],
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

    fn deed(&self, state: &State) -> Option<Deed> {
        let deed = *self.story.get(usize::from(state.told))?;
        let may = match deed {
            Deed::Delete => state.object.is_some(),
            Deed::Recreate => state.object.is_none(),
        };
        may.then_some(deed)
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

    fn controls(&self, state: &State, who: Who, actions: &mut Vec<Action>) {
        let at = state.controllers[who];
        if at != At::Idle && state.faults.crashes > 0 {
            actions.push(Action::Crash(who));
        }
        match at {
            At::Awaits { nonce, .. } => match state.attempt(nonce).call {
                Call::Landed | Call::Shown | Call::Deleted => {
                    actions.push(Action::Answers(who));
                    if state.faults.lost_answers > 0 {
                        actions.push(Action::LosesAnswer(who));
                    }
                }
                Call::Lost => actions.push(Action::TimesOut(who)),
                // The call has a time-out below the deadline.
                Call::Flying if state.attempt(nonce).settled => actions.push(Action::TimesOut(who)),
                Call::Flying | Call::Unsent => {}
            },
            At::Idle => {
                if state.object.is_some_and(|object| !object.is_quiet()) && !state.is_refused() {
                    actions.push(Action::Does(who, Step::Current));
                }
                if self.sweep(state).is_some() {
                    actions.push(Action::Sweep(who));
                }
            }
            at => actions.extend(self.next_step(state, at).map(|step| Action::Does(who, step))),
        }
    }

    /// The next step; None while all it could do is wait. Then it would come back and find the same.
    fn next_step(&self, state: &State, at: At) -> Option<Step> {
        let waits_for = |nonce: Option<Nonce>| nonce.is_some_and(|nonce| !state.attempt(nonce).settled);
        // It was recorded a moment ago: that one that is there is shown takes no longer than the grace.
        let not_shown = |nonce: Nonce| match state.attempt(nonce) {
            Attempt { call: Call::Shown, .. } => false,
            Attempt { call: Call::Landed, .. } if !self.has(Defect::NoGrace) => true,
            attempt => !attempt.settled,
        };
        match at {
            At::Converges { owner, .. } if waits_for(state.open_attempt(owner.user)) => None,
            At::Inspects { recorded: Some(arn), .. } if not_shown(arn) => None,
            At::Retires(owner)
                if waits_for(state.open_attempt(owner.user)) && !self.has(Defect::FinalizerTooEarly) =>
            {
                None
            }
            At::Finds { recorded: Some(arn), .. } if not_shown(arn) => None,
            at => Some(at.step()),
        }
    }

    fn step(&self, state: &mut State, at: At) -> At {
        match at {
            At::Idle => self.current(state, false),
            At::Doubts => self.current(state, true),
            At::AddsFinalizer(uid) => Self::add_finalizer(state, uid),
            At::Claims { uid, errand } => self.claim(state, uid, errand),
            At::Inherits { owner, from, errand, seen } => Self::inherit(state, owner, from, errand, seen),
            At::Converges { owner, doubted } => self.converge(state, owner, doubted),
            At::Looks { owner, recorded, attempt, but } => self.look(state, owner, recorded, attempt, but),
            At::Adopts { keep, .. } if !state.is_shown(keep) => At::Idle,
            At::Adopts { owner, recorded, attempt, keep, surplus } => {
                At::Records { owner, recorded, attempt, keep, surplus }
            }
            At::Records { owner, recorded, attempt, keep, surplus } => {
                self.record(state, owner, recorded, attempt, keep, surplus)
            }
            At::DeletesSurplus { owner, attempt, keep, surplus } => {
                Self::delete_surplus(state, owner, attempt, keep, surplus)
            }
            At::GivesUp { owner, recorded, attempt, keep } => {
                Self::give_up(state, owner, recorded, attempt, keep)
            }
            At::Inspects { owner, recorded, arn, doubted } => {
                Self::inspect(state, owner, recorded, arn, doubted)
            }
            At::RemovesOthers { owner, arn } => self.remove_others(state, owner, arn),
            At::Opens { owner, known } => self.open(state, owner, known),
            At::Creates { owner, nonce } => Self::create(state, owner, nonce),
            At::Awaits { owner, nonce } => At::RecordsMade { owner, nonce },
            At::RecordsMade { owner, nonce } => self.record_made(state, owner, nonce),
            At::DeletesMade(nonce) => {
                provide::delete(state, nonce, state.attempt(nonce).user);
                At::Idle
            }
            At::WritesStatus { uid, arn } => self.write_status(state, uid, arn),
            At::Leaves(owner) => Self::leave(state, owner),
            At::Retires(owner) => Self::retire(state, owner),
            At::Finds { owner, recorded } => self.find(state, owner, recorded),
            At::Deletes { owner, doomed } => Self::delete_doomed(state, owner, doomed),
            At::Releases(owner) => Self::release(state, owner),
            At::RemovesFinalizer(uid) => Self::remove_finalizer(state, uid),
            At::Sweeps(doomed) => Self::delete_swept(state, doomed),
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
        actions.extend(self.deed(state).map(Action::People));
        for (nonce, _) in state.all() {
            self.calls(state, nonce, actions);
        }
        for who in 0..state.controllers.len() {
            self.controls(state, who, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::People(deed) => state.tell(deed),
            Action::Lands(nonce) => state.attempt_mut(nonce).call = Call::Landed,
            Action::IsShown(nonce) => state.attempt_mut(nonce).call = Call::Shown,
            Action::IsLost(nonce) => {
                state.faults.lost_calls -= 1;
                state.attempt_mut(nonce).call = Call::Lost;
            }
            Action::TimePasses(nonce) => state.time_passes(nonce),
            Action::Crash(who) => {
                state.faults.crashes -= 1;
                state.controllers[who] = At::Idle;
            }
            Action::LosesAnswer(who) => state.lose_answer(who, self.has(Defect::SdkRetries)),
            Action::TimesOut(who) => state.controllers[who] = At::Idle,
            Action::Sweep(who) => state.controllers[who] = self.sweep(before)?,
            Action::Answers(who) | Action::Does(who, _) => {
                state.controllers[who] = self.step(&mut state, before.controllers[who]);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
