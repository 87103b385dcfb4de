//! The protocol (`docs/architecture.md`) as a model: one account with one kind of resource, two controllers
//! without a Lease, crashes, and an AWS whose calls and responses are lost or late and whose lists lag. The
//! checker visits every order of events.
//!
//! The model makes the assumptions of `docs/guarantees.md`: a call takes effect before its attempt's
//! deadline, and lists show its resource within the grace period. With `late_calls`, the first assumption
//! does not hold. Each step has the name of the function in `src/` that it stands for.

#![allow(missing_docs, reason = "a test")]

mod actions;
mod apply;
mod cleanup;
mod controller_state;
mod defects;
mod properties;
mod protocol;
mod state;

use std::collections::HashSet;

use stateright::{Checker, HasDiscoveries, Model};

use crate::{
    actions::UserAction::{self, Delete, Recreate},
    defects::Defect,
    properties::{CONVERGES, I1, I2, I3},
    protocol::Protocol,
    state::{Faults, State},
};

/// Two crashes, a lost response, and a call that never reaches AWS.
const FAULTS: Faults = Faults { crashes: 2, lost_responses: 1, lost_calls: 1, late_calls: 0 };

/// A crash, a lost response, and a call that takes effect after its deadline.
const LATE: Faults = Faults { crashes: 1, lost_responses: 1, lost_calls: 0, late_calls: 1 };

/// Visits every state and asserts every property.
fn assert_holds(scenario: &'static [UserAction], faults: Faults) {
    assert_all_hold(&Protocol { scenario, faults, claim_refused: false, defect: None });
}

fn assert_all_hold(protocol: &Protocol) {
    let checker = protocol.clone().checker().symmetry_fn(State::representative).spawn_dfs().join();
    checker.assert_properties();
    let (states, steps) = (checker.unique_state_count(), checker.max_depth());
    println!("{protocol:?}: {states} states, at most {steps} steps");
    assert_every_run_ends(protocol);
}

/// Asserts that no path has a cycle: only then does the checker's "eventually" mean what it says.
fn assert_every_run_ends(protocol: &Protocol) {
    let (mut left, mut on_path) = (HashSet::new(), HashSet::new());
    let mut path: Vec<(State, Vec<State>)> = Vec::new();
    let mut next = protocol.init_states().pop();
    loop {
        if let Some(state) = next.take().map(|state| state.representative())
            && !left.contains(&state)
        {
            assert!(on_path.insert(state.clone()), "a cycle at {state:#?}");
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

/// Asserts that a defect is detected because it violates this property.
fn assert_defect_breaks(
    defect: Defect,
    scenario: &'static [UserAction],
    faults: Faults,
    property: &'static str,
) {
    assert_breaks(Protocol { scenario, faults, claim_refused: false, defect: Some(defect) }, property);
}

fn assert_breaks(protocol: Protocol, property: &'static str) {
    let defect = protocol.defect;
    let checker = protocol.checker().finish_when(HasDiscoveries::AnyOf([property].into())).spawn_bfs().join();
    let found = checker.discovery(property).unwrap_or_else(|| panic!("{defect:?} is not detected"));
    println!("{defect:?} breaks {property:?}: {:?}", found.into_actions());
}

#[test]
fn an_account_becomes_ready() {
    assert_holds(&[], FAULTS);
}

#[test]
fn a_deleted_account_leaves_nothing() {
    assert_holds(&[Delete], FAULTS);
}

#[test]
fn a_name_is_reused() {
    assert_holds(&[Delete, Recreate], Faults { crashes: 1, ..FAULTS });
}

#[test]
fn a_late_create_is_deleted() {
    assert_holds(&[], LATE);
}

#[test]
fn a_late_create_is_deleted_after_the_account() {
    assert_holds(&[Delete], LATE);
}

#[test]
fn a_late_create_is_deleted_when_the_name_is_reused() {
    assert_holds(&[Delete, Recreate], Faults { lost_responses: 0, ..LATE });
}

#[test]
fn a_refused_claim_deletes_nothing_of_the_retained_user() {
    assert_all_hold(&Protocol { scenario: &[Delete], faults: FAULTS, claim_refused: true, defect: None });
}

#[test]
fn journalling_after_the_create_is_detected() {
    assert_defect_breaks(Defect::JournalAfterCreate, &[], FAULTS, I1);
}

#[test]
fn a_missing_grace_is_detected() {
    assert_defect_breaks(Defect::NoGrace, &[], FAULTS, I1);
}

#[test]
fn retries_by_the_sdk_are_detected() {
    assert_defect_breaks(Defect::SdkRetries, &[], FAULTS, I1);
}

#[test]
fn taking_the_first_match_is_detected() {
    assert_defect_breaks(Defect::FirstMatchWins, &[], LATE, CONVERGES);
}

#[test]
fn ignored_tags_are_detected() {
    assert_defect_breaks(Defect::IgnoresTags, &[Delete, Recreate], LATE, I2);
}

#[test]
fn a_finalizer_added_after_the_create_is_detected() {
    assert_defect_breaks(Defect::FinalizerAfterCreate, &[], FAULTS, I3);
}

#[test]
fn a_finalizer_removed_too_early_is_detected() {
    assert_defect_breaks(Defect::FinalizerTooEarly, &[Delete], FAULTS, I3);
}

#[test]
fn an_attempt_for_a_user_being_deleted_is_detected() {
    assert_defect_breaks(Defect::OpensWhileDeleting, &[Delete], FAULTS, I3);
}

#[test]
fn a_claim_despite_a_tombstone_is_detected() {
    assert_defect_breaks(Defect::ClaimsDespiteTombstone, &[Delete], FAULTS, I3);
}

#[test]
fn a_reused_user_id_is_detected() {
    assert_defect_breaks(Defect::ReusesDeletedUser, &[Delete, Recreate], LATE, I2);
}

#[test]
fn a_refused_claim_that_deletes_by_tags_is_detected() {
    let defect = Some(Defect::DeletesForRefusedClaim);
    assert_breaks(Protocol { scenario: &[Delete], faults: FAULTS, claim_refused: true, defect }, I2);
}

#[test]
fn a_deletion_without_a_tombstone_is_detected() {
    assert_defect_breaks(Defect::NoTombstone, &[Delete], FAULTS, I3);
}

#[test]
fn deleting_what_another_controller_adopted_is_detected() {
    assert_defect_breaks(Defect::DeletesAdopted, &[], FAULTS, I2);
}

#[test]
fn an_adoption_despite_an_open_attempt_is_detected() {
    assert_defect_breaks(Defect::AdoptsDespiteOpenAttempt, &[], LATE, I2);
}

#[test]
fn a_resync_that_spares_late_creates_is_detected() {
    assert_defect_breaks(Defect::SparesLateCreates, &[Delete], LATE, CONVERGES);
}
