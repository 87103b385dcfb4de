//! The protocol of design.md ("Creating once", "Two writers") as a model: one account, one kind, two controllers without a
//! Lease, an AWS with late and lost answers and lists that lag, crashes. Every order of events is looked at.
//!
//! What the model assumes is what docs/guarantees.md assumes: a call lands before its attempt's deadline, and what it made is
//! shown within the grace; with `late` faults the first does not hold. The steps are named as the functions in src/.

#![allow(missing_docs, reason = "a test")]

mod actions;
mod defects;
mod properties;
mod provide;
mod release;
mod state;

use std::collections::HashSet;

use stateright::{Checker, HasDiscoveries, Model};

use crate::{
    actions::{
        Deed::{self, Delete, Recreate},
        Protocol,
    },
    defects::Defect,
    properties::{CONVERGES, I1, I2, I3},
    state::{Faults, State},
};

/// One crash, one answer and one call that are lost.
const FAULTS: Faults = Faults { crashes: 1, lost_answers: 1, lost_calls: 1, late: 0 };

/// One crash, one lost answer, and one call that lands after its deadline.
const LATE: Faults = Faults { crashes: 1, lost_answers: 1, lost_calls: 0, late: 1 };

fn protocol(story: &'static [Deed], faults: Faults) -> Protocol {
    Protocol { story, faults, defect: None }
}

/// Looks at every state, and asserts every property.
fn assert_holds(protocol: &Protocol) {
    let checker = protocol.clone().checker().symmetry_fn(State::representative).spawn_dfs().join();
    checker.assert_properties();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{:?}, {:?}: {states} states, at most {depth} steps", protocol.story, protocol.faults);
    assert_every_run_ends(protocol);
}

/// Asserts that no path goes round in a circle: only then does "eventually" mean that.
fn assert_every_run_ends(protocol: &Protocol) {
    let (mut left, mut on_path) = (HashSet::new(), HashSet::new());
    let mut path: Vec<(State, Vec<State>)> = Vec::new();
    let mut next = protocol.init_states().pop();
    loop {
        if let Some(state) = next.take().map(|state| state.representative())
            && !left.contains(&state)
        {
            assert!(on_path.insert(state.clone()), "a circle at {state:#?}");
            let successors = protocol.next_states(&state);
            path.push((state, successors));
        }
        let Some((_, successors)) = path.last_mut() else { return };
        next = successors.pop();
        if next.is_none()
            && let Some((state, _)) = path.pop()
        {
            on_path.remove(&state);
            left.insert(state);
        }
    }
}

/// Asserts that a defect is noticed, as something that this property forbids.
fn assert_bites(defect: Defect, story: &'static [Deed], faults: Faults, property: &'static str) {
    let protocol = Protocol { story, faults, defect: Some(defect) };
    let only = HasDiscoveries::AnyOf([property].into());
    let checker = protocol.checker().finish_when(only).spawn_bfs().join();
    let found = checker.discovery(property).unwrap_or_else(|| panic!("{defect:?} is not noticed"));
    println!("{defect:?} breaks {property:?}: {found}");
}

#[test]
fn an_account_is_provided_for() {
    assert_holds(&protocol(&[], FAULTS));
}

#[test]
fn a_deleted_account_leaves_nothing() {
    assert_holds(&protocol(&[Delete], FAULTS));
}

#[test]
fn a_name_is_used_again() {
    assert_holds(&protocol(&[Delete, Recreate], FAULTS));
}

#[test]
fn calls_that_come_too_late_are_cleared_away() {
    assert_holds(&protocol(&[], LATE));
    assert_holds(&protocol(&[Delete], LATE));
    assert_holds(&protocol(&[Delete, Recreate], LATE));
}

#[test]
fn probe() {
    use Defect::*;
    for defect in [JournalAfterCreate, NoGrace, SdkRetries, FirstMatchWins, FinalizerAfterCreate, FinalizerTooEarly, OpensWhileLeaving, ClaimsForReleasedObject, ReusesReleasedUser, LeavesNoTrace, DeletesWhatWasAdopted, AdoptsBesideAnAttempt, SparesReleasedUsers] {
        for (story, faults) in [(&[][..], FAULTS), (&[][..], LATE), (&[Delete][..], FAULTS), (&[Delete][..], LATE), (&[Delete, Recreate][..], FAULTS)] {
            let protocol = Protocol { story, faults, defect: Some(defect) };
            let checker = protocol.checker().finish_when(HasDiscoveries::AnyFailures).timeout(std::time::Duration::from_secs(20)).symmetry_fn(State::representative).spawn_bfs().join();
            let found: Vec<_> = [I1, I2, I3, CONVERGES].into_iter().filter_map(|p| Some((p, checker.discovery(p)?.into_actions().len()))).collect();
            println!("{defect:?} {story:?} late {}: {found:?} {}", faults.late, checker.unique_state_count());
            if !found.is_empty() { break; }
        }
    }
}
