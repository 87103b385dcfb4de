//! The fault campaign: the operator's own code in a simulated, deterministic world in which every call can
//! fail.
//!
//! A **run** consists of a workload (the actions of people, `workloads.rs`), one or two controllers that both
//! believe they lead (`controller.rs`), and a plan of which calls fail and how (`faults.rs`). Time is virtual
//! and there is one thread, so a run takes a few milliseconds. A failure prints a line that replays the same
//! run and prints everything that happened in it:
//!
//!     FAULTS='workload=create,controllers=1,seed=7,k=12:crash-after,k=30:hang' cargo test --test faults replay -- --nocapture
//!
//! The default campaign has more than 40,000 runs: every call under every fault with one controller, one in
//! 32 of these cases with two controllers, random pairs of faults, and scenarios generated from the seed.
//! FAULTS_SEED=n chooses other latencies, cases, pairs, and scenarios; FAULTS_SCENARIOS=n sets the number of
//! scenarios; FAULTS_ONLY=crash-after,edit selects the runs with this fault in this workload.
//!
//! The world consists of PostgreSQL's tables (`database.rs`), the API server (`cluster.rs`), and AWS
//! (`aws.rs`), behind the same traits as the real ones. Every call to it goes through `fault_injector.rs`.
//! Restores of PostgreSQL and of the cluster at every moment are in `restores.rs`.
//! The checks after each effect and at the end are in `oracle/`. They are never weakened to make a run pass.

#![allow(clippy::missing_panics_doc, reason = "a test may fail where it stands")]

mod actor;
mod aws;
mod backlog;
mod campaign;
mod cluster;
mod controller;
mod database;
mod fault_injector;
mod faults;
mod oracle;
mod restores;
mod run;
mod workloads;
mod world;

use std::sync::LazyLock;

use campaign::Baseline;
use faults::Fault;
use run::{Case, run};
use workloads::Workload;

/// Seed of latencies, ids, and pairs of faults. FAULTS_SEED sets it.
fn seed() -> u64 {
    std::env::var("FAULTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Number of pairs of faults in the default campaign.
const PAIRS: usize = 2000;

/// Number of generated scenarios in the default campaign. FAULTS_SCENARIOS sets it.
fn scenarios() -> usize {
    std::env::var("FAULTS_SCENARIOS").ok().and_then(|count| count.parse().ok()).unwrap_or(1000)
}

/// The default campaign runs one in this many of all cases with two controllers.
const PARTS: u64 = 32;

/// The runs of each workload without faults, shared by all tests.
fn baseline() -> &'static Baseline {
    static UNDISTURBED: LazyLock<Baseline> = LazyLock::new(|| Baseline::new(seed()));
    &UNDISTURBED
}

/// Returns the cases that have each word of FAULTS_ONLY, a workload or a fault. Without FAULTS_ONLY, returns
/// all.
fn selected(mut cases: Vec<Case>) -> Vec<Case> {
    let Ok(only) = std::env::var("FAULTS_ONLY") else { return cases };
    let has = |case: &Case, word: &str| {
        case.workload.to_string() == word || case.plan.values().any(|fault| fault.to_string() == word)
    };
    cases.retain(|case| only.split(',').all(|word| has(case, word)));
    assert!(!cases.is_empty(), "no run matches FAULTS_ONLY={only:?}");
    cases
}

/// The case that `replay` runs if FAULTS is not set.
const DEFAULT_CASE: &str =
    "workload=lose-cluster-and-database,controllers=2,seed=1,k=20:crash-after,k=70:hang";

#[test]
fn replay() {
    let line = std::env::var("FAULTS").unwrap_or_else(|_| DEFAULT_CASE.to_owned());
    let case: Case = line.parse().expect("FAULTS is a line that a failure printed");
    let is_fixed = Workload::fixed().any(|workload| workload == case.workload);
    let baseline =
        is_fixed.then(|| run(&Case { plan: faults::Plan::new(), controllers: 1, ..case.clone() }, false).end);
    let (first, second) = (run(&case, true), run(&case, true));
    for line in &first.trace {
        println!("{line}");
    }
    assert_eq!(first.trace, second.trace, "two runs of a case must be the same");
    let problems = first.problems(baseline.as_deref());
    assert!(problems.is_empty(), "{case}\n{}", problems.join("\n"));
}

#[test]
fn every_call_under_every_fault() {
    baseline().run_all("one controller", &selected(baseline().single_faults(seed(), 1, 1)));
}

#[test]
fn every_call_under_every_fault_with_two_controllers() {
    baseline().run_all("two controllers", &selected(baseline().single_faults(seed(), 2, PARTS)));
}

/// A controller is suspended just before it marks the user as retained. When it resumes, another object has
/// taken over the user.
#[test]
fn a_frozen_controller_deletes_nothing_of_a_retained_account() {
    every_freeze_in("retain");
}

/// A controller is suspended during a Create, and another takes over. The resource of the first one does not
/// count.
#[test]
fn a_resource_created_after_a_freeze_is_not_adopted() {
    every_freeze_in("create");
}

#[test]
fn pairs_of_faults() {
    baseline().run_all("pairs of faults", &selected(baseline().fault_pairs(seed(), PAIRS)));
}

/// An account that waited for a username is deleted. A controller that was suspended meanwhile then claims
/// the username for the deleted object.
#[test]
fn a_deleted_waiter_gets_no_user_from_a_frozen_controller() {
    every_freeze_in("waiter-deleted");
}

/// A controller is suspended before it claims a username for an account that was created meanwhile. Then the
/// database is lost.
#[test]
fn a_frozen_claim_makes_no_second_user_after_a_database_loss() {
    every_freeze_in("create-lose-database");
}

/// A controller crashes while it cleans up after an object that was removed early. Its last Delete takes
/// effect when the next object of the account exists.
#[test]
fn a_late_delete_for_a_removed_object_hits_nothing_of_the_next_one() {
    every_case_in("removed-early-recreate", 1, Fault::LateAfterCrash);
}

/// A controller is suspended before it writes the Secret of a channel. The channel vanishes meanwhile, and
/// another controller creates the next one.
#[test]
fn a_frozen_controller_never_overwrites_a_valid_key_with_a_deleted_one() {
    every_freeze_in("create-external-delete");
}

/// A controller is suspended before it writes the Secret of a channel that it created. The key is rotated
/// meanwhile.
#[test]
fn a_frozen_controller_never_writes_an_old_key_over_a_rotated_one() {
    every_freeze_in("create-rotate-key");
}

/// A controller is suspended before it sends an update, so that the update overwrites a newer one, and the
/// record of that is lost.
#[test]
fn a_late_update_that_cannot_be_recorded_is_verified() {
    let unrecorded = |freeze: Case| {
        let calls = run(&freeze, false).calls;
        let (frozen_call, _) = freeze.plan.first_key_value().expect("one fault");
        let recorded =
            calls.iter().enumerate().skip(*frozen_call).filter(|(_, call)| call.name == "begin_update");
        let plans = recorded
            .map(|(number, _)| [*frozen_call, number + 1].into_iter().zip([Fault::Freeze, Fault::Block]));
        let cases = plans.map(|plan| Case { plan: plan.collect(), ..freeze.clone() });
        if calls[*frozen_call - 1].name.starts_with("Update") { cases.collect() } else { Vec::new() }
    };
    let cases: Vec<_> = cases_in("edit-twice", 2, Fault::Freeze).into_iter().flat_map(unrecorded).collect();
    baseline().run_all("late updates without a record", &cases);
}

#[test]
fn scenarios_generated_from_the_seed() {
    baseline().run_all("scenarios", &selected(Baseline::scenarios(seed(), scenarios())));
}

/// Runs a workload with two controllers, one of which is suspended before one call; once for each call.
fn every_freeze_in(workload: &str) {
    every_case_in(workload, 2, Fault::Freeze);
}

/// Runs a workload with a fault at one call; once for each call.
fn every_case_in(workload: &str, controllers: usize, fault: Fault) {
    let cases = cases_in(workload, controllers, fault);
    assert!(!cases.is_empty(), "no workload is called {workload:?}");
    baseline().run_all(workload, &cases);
}

fn cases_in(workload: &str, controllers: usize, fault: Fault) -> Vec<Case> {
    let is_selected = |case: &Case| {
        case.workload.to_string() == workload && case.plan.values().all(|planned| *planned == fault)
    };
    baseline().single_faults(seed(), controllers, 1).into_iter().filter(is_selected).collect()
}

#[test]
fn the_default_campaign_has_at_least_twenty_thousand_runs() {
    let single_faults = |controllers, parts| baseline().single_faults(seed(), controllers, parts).len();
    let singles = single_faults(1, 1) + single_faults(2, PARTS);
    let (fault_pairs, scenarios) = (PAIRS, scenarios());
    assert!(
        singles + fault_pairs + scenarios >= 20_000,
        "{singles} single faults, {fault_pairs} pairs, {scenarios} scenarios"
    );
}
