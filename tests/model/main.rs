//! The protocol of design.md ("Creating once", "Two writers at once are safe") as a model: one account with one kind of
//! resource, two controllers without a Lease, an AWS whose calls and answers are lost or late and whose lists lag, crashes.
//! Every order of events is looked at.
//!
//! It assumes what docs/guarantees.md does: a call lands before its attempt's deadline, and what it made is shown within
//! the grace. With `late` faults the first does not hold. Steps have the names of the functions in src/ that they stand for.

#![allow(missing_docs, reason = "a test")]

mod actions;
mod at;
mod defects;
mod properties;
mod protocol;
mod provide;
mod release;
mod state;

use std::collections::HashSet;

use stateright::{Checker, HasDiscoveries, Model};

use crate::{
    actions::Deed::{self, Delete, Recreate},
    defects::Defect,
    properties::{CONVERGES, I1, I2, I3},
    protocol::Protocol,
    state::{Faults, State},
};

/// Two crashes, a lost answer, and a call that does not arrive.
const FAULTS: Faults = Faults { crashes: 2, lost_answers: 1, lost_calls: 1, late: 0 };

/// A crash, a lost answer, and a call that lands after its deadline.
const LATE: Faults = Faults { crashes: 1, lost_answers: 1, lost_calls: 0, late: 1 };

/// Looks at every state, and asserts every property.
fn assert_holds(story: &'static [Deed], faults: Faults) {
    assert_all_hold(&Protocol { story, faults, refused: false, defect: None });
}

fn assert_all_hold(protocol: &Protocol) {
    let checker = protocol.clone().checker().symmetry_fn(State::representative).spawn_dfs().join();
    checker.assert_properties();
    let (states, steps) = (checker.unique_state_count(), checker.max_depth());
    println!("{protocol:?}: {states} states, at most {steps} steps");
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
    assert_is_noticed(Protocol { story, faults, refused: false, defect: Some(defect) }, property);
}

fn assert_is_noticed(protocol: Protocol, property: &'static str) {
    let defect = protocol.defect;
    let checker = protocol.checker().finish_when(HasDiscoveries::AnyOf([property].into())).spawn_bfs().join();
    let found = checker.discovery(property).unwrap_or_else(|| panic!("{defect:?} is not noticed"));
    println!("{defect:?} breaks {property:?}: {:?}", found.into_actions());
}

#[test]
fn an_account_is_provided_for() {
    assert_holds(&[], FAULTS);
}

#[test]
fn a_deleted_account_leaves_nothing() {
    assert_holds(&[Delete], FAULTS);
}

#[test]
fn a_name_is_used_again() {
    assert_holds(&[Delete, Recreate], Faults { crashes: 1, ..FAULTS });
}

#[test]
fn what_lands_late_is_cleared_away() {
    assert_holds(&[], LATE);
}

#[test]
fn what_lands_late_is_cleared_away_after_a_deletion() {
    assert_holds(&[Delete], LATE);
}

#[test]
fn what_lands_late_is_cleared_away_when_the_name_is_used_again() {
    assert_holds(&[Delete, Recreate], Faults { lost_answers: 0, ..LATE });
}

#[test]
fn a_refused_claim_leaves_all_to_the_retained_user() {
    assert_all_hold(&Protocol { story: &[Delete], faults: FAULTS, refused: true, defect: None });
}

#[test]
fn a_journal_after_the_create_is_noticed() {
    assert_bites(Defect::JournalAfterCreate, &[], FAULTS, I1);
}

#[test]
fn no_grace_is_noticed() {
    assert_bites(Defect::NoGrace, &[], FAULTS, I1);
}

#[test]
fn retries_of_the_sdk_are_noticed() {
    assert_bites(Defect::SdkRetries, &[], FAULTS, I1);
}

#[test]
fn a_first_match_that_wins_is_noticed() {
    assert_bites(Defect::FirstMatchWins, &[], LATE, CONVERGES);
}

#[test]
fn tags_that_are_ignored_are_noticed() {
    assert_bites(Defect::IgnoresTags, &[Delete, Recreate], LATE, I2);
}

#[test]
fn a_finalizer_after_the_create_is_noticed() {
    assert_bites(Defect::FinalizerAfterCreate, &[], FAULTS, I3);
}

#[test]
fn a_finalizer_that_goes_too_early_is_noticed() {
    assert_bites(Defect::FinalizerTooEarly, &[Delete], FAULTS, I3);
}

#[test]
fn an_attempt_while_the_user_is_leaving_is_noticed() {
    assert_bites(Defect::OpensWhileLeaving, &[Delete], FAULTS, I3);
}

#[test]
fn a_claim_for_a_released_object_is_noticed() {
    assert_bites(Defect::ClaimsForReleasedObject, &[Delete], FAULTS, I3);
}

#[test]
fn a_released_id_that_is_used_again_is_noticed() {
    assert_bites(Defect::ReusesReleasedUser, &[Delete, Recreate], LATE, I2);
}

#[test]
fn a_refused_claim_that_deletes_by_tags_is_noticed() {
    let defect = Some(Defect::ReleasesRefusedClaim);
    assert_is_noticed(Protocol { story: &[Delete], faults: FAULTS, refused: true, defect }, I2);
}

#[test]
fn an_account_that_is_abandoned_without_a_note_is_noticed() {
    assert_bites(Defect::LeavesNoTrace, &[Delete], FAULTS, I3);
}

#[test]
fn a_maker_that_deletes_what_another_adopted_is_noticed() {
    assert_bites(Defect::DeletesWhatWasAdopted, &[], FAULTS, I2);
}

#[test]
fn an_adoption_beside_an_open_attempt_is_noticed() {
    assert_bites(Defect::AdoptsBesideAnAttempt, &[], LATE, I2);
}

#[test]
fn a_sweep_that_spares_released_users_is_noticed() {
    assert_bites(Defect::SparesReleasedUsers, &[Delete], LATE, CONVERGES);
}
