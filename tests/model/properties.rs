//! What must hold: I1 to I3 of design.md always, and that everything comes right in the end.

use stateright::Property;

use super::{
    actions::UserAction,
    protocol::Protocol,
    state::{Call, RETAINED, State, UserId},
};

pub const I1: &str = "I1: at most one live resource of a user";
pub const I2: &str = "I2: nothing is deleted that is not the user's, or that an account keeps";
pub const I3: &str =
    "I3: the finalizer is there before the first Create, and until nothing is left or can come";
pub const CONVERGES: &str = "status, database and AWS agree in the end";

/// All properties. Where calls may be late, I1 and I3 hold once it is quiet: as part of the last.
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(I1, |protocol: &Protocol, state: &State| {
            protocol.is_late() || has_at_most_one(state)
        }),
        Property::always(I2, |_, state: &State| !state.wronged),
        Property::always(I3, |protocol: &Protocol, state: &State| protocol.is_late() || is_held(state)),
        // True only where nothing more can happen, so that no path forgets it.
        Property::eventually(CONVERGES, |protocol: &Protocol, state: &State| {
            protocol.is_over(state) && agrees(state)
        }),
        Property::sometimes("it is Ready", |protocol: &Protocol, state: &State| {
            protocol.refused || is_ready(state)
        }),
        Property::sometimes("it is gone after it was Ready", |protocol: &Protocol, state: &State| {
            !protocol.scenario.contains(&UserAction::Delete)
                || (state.object.is_none() && !state.attempts.is_empty())
        }),
        Property::sometimes("it is Ready again under its old name", |protocol: &Protocol, state: &State| {
            !protocol.scenario.contains(&UserAction::Recreate) || (state.users > 1 && is_ready(state))
        }),
        Property::sometimes(
            "what a lost answer actions_done of is adopted",
            |protocol: &Protocol, state: &State| {
                let lost = state.faults.lost_answers < protocol.faults.lost_answers;
                protocol.faults.lost_answers == 0
                    || protocol.refused
                    || (lost && state.attempts.len() == 1 && is_ready(state))
            },
        ),
    ]
}

fn live(state: &State) -> impl Iterator<Item = UserId> {
    let is_its = |nonce| state.retained != Some(nonce);
    state
        .all()
        .filter(move |(nonce, attempt)| is_its(*nonce) && attempt.call.is_live())
        .map(|(_, attempt)| attempt.user)
}

fn has_at_most_one(state: &State) -> bool {
    (0..state.users).all(|user| live(state).filter(|of| *of == user).count() <= 1)
}

/// Whatever is there or may come is of the user that the object with our finalizer holds.
fn is_held(state: &State) -> bool {
    let may_come = state.all().filter(|(_, attempt)| attempt.call == Call::Flying);
    let mut users = live(state).chain(may_come.map(|(_, attempt)| attempt.user));
    let holder = state.object.filter(|object| object.finalizer).and(state.user).map(|user| user.id);
    !state.exposed && users.all(|user| Some(user) == holder)
}

/// Whether the account has one resource, and all three records name it.
fn is_ready(state: &State) -> bool {
    let (Some(object), Some(user), Some(recorded)) = (state.object, state.user, state.recorded) else {
        return false;
    };
    object.status == Some(recorded)
        && object.finalizer
        && (user.uid, user.leaving) == (object.uid, false)
        && live(state).collect::<Vec<_>>() == [user.id]
        && state.attempt(recorded).call.is_live()
        && state.attempt(recorded).user == user.id
}

/// Whether an account that is there is Ready, and of one that is gone nothing is left. A retained user keeps all.
fn agrees(state: &State) -> bool {
    if let Some(retained) = state.retained {
        let is_kept = state.recorded == Some(retained) && state.is_shown(retained);
        return is_kept && state.user.is_some_and(|user| (user.uid, user.leaving) == (RETAINED, false));
    }
    match state.object {
        Some(_) => is_ready(state),
        None => live(state).next().is_none() && state.user.is_none() && state.recorded.is_none(),
    }
}
