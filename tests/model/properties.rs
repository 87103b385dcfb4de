//! The properties: I1 to I3 of `docs/guarantees.md` always hold, and all records eventually agree.

use stateright::Property;

use super::{
    actions::UserAction,
    protocol::Protocol,
    state::{Call, RETAINED, State, UserId},
};

pub const I1: &str = "I1: a user has at most one live resource";
pub const I2: &str = "I2: no resource is deleted that is another user's or that an account still needs";
pub const I3: &str =
    "I3: the finalizer is set before the first Create and stays until nothing exists or can still be created";
pub const CONVERGES: &str = "status, database, and AWS eventually agree";

/// Returns all properties. With late calls, I1 and I3 hold only once quiet: they are then part of
/// [`CONVERGES`].
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(I1, |protocol: &Protocol, state: &State| {
            protocol.has_late_calls() || has_at_most_one(state)
        }),
        Property::always(I2, |_, state: &State| !state.deleted_wrongly),
        Property::always(I3, |protocol: &Protocol, state: &State| {
            protocol.has_late_calls() || is_held(state)
        }),
        // True only in final states, so that every path is checked to its end.
        Property::eventually(CONVERGES, |protocol: &Protocol, state: &State| {
            protocol.is_finished(state) && records_agree(state)
        }),
        Property::sometimes("the account becomes Ready", |protocol: &Protocol, state: &State| {
            protocol.claim_refused || is_ready(state)
        }),
        Property::sometimes(
            "the account is gone after resources were created",
            |protocol: &Protocol, state: &State| {
                !protocol.scenario.contains(&UserAction::Delete)
                    || (state.object.is_none() && !state.attempts.is_empty())
            },
        ),
        Property::sometimes("the re-created account becomes Ready", |protocol: &Protocol, state: &State| {
            !protocol.scenario.contains(&UserAction::Recreate) || (state.users > 1 && is_ready(state))
        }),
        Property::sometimes(
            "a resource whose response was lost is adopted",
            |protocol: &Protocol, state: &State| {
                let lost = state.faults.lost_responses < protocol.faults.lost_responses;
                protocol.faults.lost_responses == 0
                    || protocol.claim_refused
                    || (lost && state.attempts.len() == 1 && is_ready(state))
            },
        ),
    ]
}

fn live(state: &State) -> impl Iterator<Item = UserId> {
    let is_counted = |nonce| state.retained != Some(nonce);
    state
        .all()
        .filter(move |(nonce, attempt)| is_counted(*nonce) && attempt.call.is_live())
        .map(|(_, attempt)| attempt.user)
}

fn has_at_most_one(state: &State) -> bool {
    (0..state.users).all(|user| live(state).filter(|of| *of == user).count() <= 1)
}

/// Returns true if every resource that exists, or may still be created, is of the user that the object with
/// our finalizer owns.
fn is_held(state: &State) -> bool {
    let may_come = state.all().filter(|(_, attempt)| attempt.call == Call::InFlight);
    let mut users = live(state).chain(may_come.map(|(_, attempt)| attempt.user));
    let holder = state.object.filter(|object| object.finalizer).and(state.user).map(|user| user.id);
    !state.created_without_finalizer && users.all(|user| Some(user) == holder)
}

/// Returns true if the account has exactly one resource, and all three records name it.
fn is_ready(state: &State) -> bool {
    let (Some(object), Some(user), Some(recorded)) = (state.object, state.user, state.recorded) else {
        return false;
    };
    object.status == Some(recorded)
        && object.finalizer
        && (user.uid, user.deleting) == (object.uid, false)
        && live(state).collect::<Vec<_>>() == [user.id]
        && state.attempt(recorded).call.is_live()
        && state.attempt(recorded).user == user.id
}

/// Returns true if an existing account is Ready, and nothing is left of a deleted one. A retained user keeps
/// everything.
fn records_agree(state: &State) -> bool {
    if let Some(retained) = state.retained {
        let is_kept = state.recorded == Some(retained) && state.is_shown(retained);
        return is_kept && state.user.is_some_and(|user| (user.uid, user.deleting) == (RETAINED, false));
    }
    match state.object {
        Some(_) => is_ready(state),
        None => live(state).next().is_none() && state.user.is_none() && state.recorded.is_none(),
    }
}
